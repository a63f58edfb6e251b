// Reading values from JavaScript. Every type and every size is checked; a value that does not fit throws BindingError,
// which the border (addon.cc) turns into a JavaScript error.
#pragma once

#include <node_api.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace diffwave {

struct BindingError {
  std::string message;
};

inline void require(bool condition, const char* message) {
  if (!condition) throw BindingError{message};
}

/** What a handle in JavaScript stands for: one of another kind in its place is refused. */
struct Handle {
  enum class Kind { engine, stream, frameChain, envelope, windowFilter, spectralFrames };
  explicit Handle(Kind kind) : kind(kind) {}
  const Kind kind;
};

/** The JavaScript environment of one call. */
struct Js {
  napi_env env;

  void check(napi_status status) const { require(status == napi_ok, "a Node-API call failed"); }
  napi_value property(napi_value object, const char* name) const {
    napi_value value;
    check(napi_get_named_property(env, object, name, &value));
    return value;
  }
  bool isNothing(napi_value value) const {
    napi_valuetype type;
    check(napi_typeof(env, value, &type));
    return type == napi_undefined || type == napi_null;
  }
  int64_t integer(napi_value value) const {
    int64_t result;
    require(napi_get_value_int64(env, value, &result) == napi_ok, "expected a number");
    return result;
  }
  /** An integer that must lie in [low, high]. */
  int integer(napi_value value, int64_t low, int64_t high, const char* message) const {
    const int64_t result = integer(value);
    require(result >= low && result <= high, message);
    return int(result);
  }
  double number(napi_value value) const {
    double result;
    require(napi_get_value_double(env, value, &result) == napi_ok, "expected a number");
    return result;
  }
  bool boolean(napi_value value) const {
    bool result;
    require(napi_get_value_bool(env, value, &result) == napi_ok, "expected a boolean");
    return result;
  }
  std::string text(napi_value value) const {
    char text[64];
    size_t length;
    require(napi_get_value_string_utf8(env, value, text, sizeof text, &length) == napi_ok, "expected a string");
    return text;
  }
  uint32_t length(napi_value array) const {
    uint32_t count = 0;
    require(napi_get_array_length(env, array, &count) == napi_ok, "expected an array");
    return count;
  }
  napi_value element(napi_value array, uint32_t index) const {
    napi_value value;
    check(napi_get_element(env, array, index, &value));
    return value;
  }
  napi_value create(double number) const {
    napi_value value;
    check(napi_create_double(env, number, &value));
    return value;
  }
  void set(napi_value object, const char* name, napi_value value) const {
    check(napi_set_named_property(env, object, name, value));
  }
  /** A handle that frees `made` when it is collected. */
  template <class Made>
  napi_value wrap(std::unique_ptr<Made> made) const {
    const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Made*>(static_cast<Handle*>(data)); };
    napi_value value;
    check(napi_create_external(env, static_cast<Handle*>(made.get()), finalize, nullptr, &value));
    made.release();
    return value;
  }
  template <class Made>
  Made* unwrap(napi_value value, Handle::Kind kind, const char* message) const {
    void* pointer = nullptr;
    require(napi_get_value_external(env, value, &pointer) == napi_ok && pointer != nullptr, message);
    Handle* const handle = static_cast<Handle*>(pointer);
    require(handle->kind == kind, message);
    return static_cast<Made*>(handle);
  }
  /** The floats of a Float32Array of exactly `size`. With `size` −1 any size is accepted and written to `found`. */
  float* floats(napi_value value, int64_t size, int64_t* found = nullptr) const {
    return static_cast<float*>(array(value, napi_float32_array, size, found));
  }
  /** A copy of the numbers of a Float64Array of exactly `size`; with `size` −1 of any size. */
  std::vector<double> doubles(napi_value value, int64_t size) const {
    const double* data = static_cast<const double*>(array(value, napi_float64_array, size, &size));
    return std::vector<double>(data, data + size);
  }
  /** The byte, a Uint8Array of one, that JavaScript sets to stop a job. */
  const std::atomic<bool>* cancelFlag(napi_value value) const {
    return static_cast<const std::atomic<bool>*>(array(value, napi_uint8_array, 1));
  }
  void* array(napi_value value, napi_typedarray_type type, int64_t size, int64_t* found = nullptr) const {
    bool isTypedArray = false;
    check(napi_is_typedarray(env, value, &isTypedArray));
    require(isTypedArray, "expected a typed array");
    napi_typedarray_type actual;
    size_t length;
    void* data;
    check(napi_get_typedarray_info(env, value, &actual, &length, &data, nullptr, nullptr));
    require(actual == type, "a typed array has the wrong type");
    require(size < 0 || int64_t(length) == size, "a typed array has the wrong length");
    if (found != nullptr) *found = int64_t(length);
    return data;
  }
};

}  // namespace diffwave
