#include "js.h"

namespace diffwave {

void Js::check(napi_status status) const { require(status == napi_ok, "a Node-API call failed"); }

napi_value Js::property(napi_value object, const char* name) const {
  napi_value value;
  check(napi_get_named_property(env, object, name, &value));
  return value;
}

void Js::set(napi_value object, const char* name, napi_value value) const {
  check(napi_set_named_property(env, object, name, value));
}

uint32_t Js::length(napi_value array) const {
  uint32_t count = 0;
  require(napi_get_array_length(env, array, &count) == napi_ok, "expected an array");
  return count;
}

napi_value Js::element(napi_value array, uint32_t index) const {
  napi_value value;
  check(napi_get_element(env, array, index, &value));
  return value;
}

bool Js::isNothing(napi_value value) const {
  napi_valuetype type;
  check(napi_typeof(env, value, &type));
  return type == napi_undefined || type == napi_null;
}

int64_t Js::integer(napi_value value) const {
  int64_t result;
  require(napi_get_value_int64(env, value, &result) == napi_ok, "expected a number");
  return result;
}

int Js::integer(napi_value value, int64_t low, int64_t high, const char* message) const {
  const int64_t result = integer(value);
  require(result >= low && result <= high, message);
  return int(result);
}

double Js::number(napi_value value) const {
  double result;
  require(napi_get_value_double(env, value, &result) == napi_ok, "expected a number");
  return result;
}

bool Js::boolean(napi_value value) const {
  bool result;
  require(napi_get_value_bool(env, value, &result) == napi_ok, "expected a boolean");
  return result;
}

std::string Js::text(napi_value value) const {
  char text[64];
  size_t length;
  require(napi_get_value_string_utf8(env, value, text, sizeof text, &length) == napi_ok, "expected a string");
  return text;
}

napi_value Js::create(double number) const {
  napi_value value;
  check(napi_create_double(env, number, &value));
  return value;
}

Handle* Js::unwrapHandle(napi_value value, Handle::Kind kind, const char* message) const {
  void* address = nullptr;
  require(napi_get_value_external(env, value, &address) == napi_ok, message);
  Handle* const handle = Handle::find(address, kind);
  require(handle != nullptr, message);
  used.push_back({value, nullptr, 0});
  return handle;
}

float* Js::floats(napi_value value, int64_t size, int64_t* length) const {
  return static_cast<float*>(array(value, napi_float32_array, size, length));
}

double* Js::doubles(napi_value value, int64_t size, int64_t* length) const {
  return static_cast<double*>(array(value, napi_float64_array, size, length));
}

unsigned char* Js::bytes(napi_value value, int64_t size) const {
  return static_cast<unsigned char*>(array(value, napi_uint8_array, size, nullptr));
}

std::atomic<bool>* Js::cancelFlag(napi_value value) const {
  return reinterpret_cast<std::atomic<bool>*>(bytes(value, 1));
}

std::vector<double> Js::copyDoubles(napi_value value, int64_t size) const {
  const double* data = doubles(value, size, &size);
  return std::vector<double>(data, data + size);
}

Js::Array Js::inspect(napi_value value) const {
  Array found;
  check(napi_get_typedarray_info(env, value, &found.type, &found.length, &found.data, nullptr, nullptr));
  return found;
}

void* Js::array(napi_value value, napi_typedarray_type type, int64_t size, int64_t* length) const {
  bool isTypedArray = false;
  check(napi_is_typedarray(env, value, &isTypedArray));
  require(isTypedArray, "expected a typed array");
  const Array found = inspect(value);
  require(found.type == type, "a typed array has the wrong type");
  require(size < 0 || int64_t(found.length) == size, "a typed array has the wrong length");
  if (length != nullptr) *length = int64_t(found.length);
  used.push_back({value, found.data, found.length});
  return found.data;
}

void Js::checkUsed() const {
  for (const Used& before : used) {
    if (before.data == nullptr) continue;
    const Array now = inspect(before.value);
    require(now.data == before.data && now.length == before.length, "a typed array changed while it was read");
  }
}

}  // namespace diffwave
