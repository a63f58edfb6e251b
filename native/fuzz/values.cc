#include "values.h"

#include <cstring>

extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace diffwave::fuzz {

World::World() {
  if (functions_.empty()) napi_register_module_v1(reinterpret_cast<napi_env>(this), nullptr);
}

World::~World() {
  work();
  // Streams point to their engine, as handles of JavaScript may be collected in any order.
  for (auto& value : values_) {
    if (value->finalize != nullptr) value->finalize(reinterpret_cast<napi_env>(this), value->external, nullptr);
  }
}

Value* World::make(napi_valuetype type) {
  values_.push_back(std::make_unique<Value>());
  values_.back()->type = type;
  return values_.back().get();
}

Value* World::number(double value) {
  Value* made = make(napi_number);
  made->number = value;
  return made;
}

Value* World::boolean(bool value) {
  Value* made = make(napi_boolean);
  made->number = value;
  return made;
}

Value* World::text(const std::string& value) {
  Value* made = make(napi_string);
  made->text = value;
  return made;
}

Value* World::array(std::vector<Value*> elements) {
  Value* made = make(napi_object);
  made->isArray = true;
  made->elements = std::move(elements);
  return made;
}

Value* World::typedArray(napi_typedarray_type type, size_t length, size_t size) {
  Value* made = make(napi_object);
  made->isTypedArray = true;
  made->numbers = type;
  made->length = length;
  made->bytes.reset(new unsigned char[length * size]());
  return made;
}

Value* World::floats(size_t length) {
  Value* made = typedArray(napi_float32_array, length, sizeof(float));
  float* numbers = reinterpret_cast<float*>(made->bytes.get());
  for (size_t i = 0; i < length; i++) numbers[i] = float(i * 2654435761u % 1000) / 5000 - 0.1f;
  return made;
}

Value* World::doubles(size_t length) {
  Value* made = typedArray(napi_float64_array, length, sizeof(double));
  double* numbers = reinterpret_cast<double*>(made->bytes.get());
  for (size_t i = 0; i < length; i++) numbers[i] = double(i * 2654435761u % 1000) / 5000 - 0.1;
  return made;
}

Value* World::bytes(size_t length) { return typedArray(napi_uint8_array, length, 1); }

Value* World::external(void* data, napi_finalize finalize) {
  Value* made = make(napi_external);
  made->external = data;
  made->finalize = finalize;
  return made;
}

Value* World::call(const std::string& name, std::vector<Value*> arguments) {
  arguments_ = std::move(arguments);
  thrown_ = false;
  const napi_value result = functions_.at(name)(reinterpret_cast<napi_env>(this), nullptr);
  return thrown_ ? nullptr : reinterpret_cast<Value*>(result);
}

void World::work() {
  const std::vector<Work*> queue = std::move(queue_);
  queue_.clear();
  for (Work* work : queue) {
    work->execute(reinterpret_cast<napi_env>(this), work->data);
    work->complete(reinterpret_cast<napi_env>(this), napi_ok, work->data);
  }
}

/** What the functions below may see of a world. */
struct Access {
  static World& of(napi_env env) { return *reinterpret_cast<World*>(env); }
  static std::vector<Value*>& arguments(napi_env env) { return of(env).arguments_; }
  static void define(const char* name, napi_callback function) { World::functions_[name] = function; }
  static void*& instance() { return World::instance_; }
  static void fail(napi_env env) { of(env).thrown_ = true; }
  static napi_async_work add(napi_async_execute_callback execute, napi_async_complete_callback complete, void* data) {
    return reinterpret_cast<napi_async_work>(new World::Work{execute, complete, data});
  }
  static void queue(napi_env env, napi_async_work work) {
    of(env).queue_.push_back(reinterpret_cast<World::Work*>(work));
  }
  static void remove(napi_async_work work) { delete reinterpret_cast<World::Work*>(work); }
};

namespace {

const Value& read(napi_value value) { return *reinterpret_cast<const Value*>(value); }
Value& write(napi_value value) { return *reinterpret_cast<Value*>(value); }
napi_value handle(Value* value) { return reinterpret_cast<napi_value>(value); }
World& world(napi_env env) { return Access::of(env); }

}  // namespace
}  // namespace diffwave::fuzz

// Node-API, as its documentation has it (https://nodejs.org/api/n-api.html).
using namespace diffwave::fuzz;

extern "C" {

napi_status napi_define_properties(napi_env, napi_value, size_t count, const napi_property_descriptor* properties) {
  for (size_t i = 0; i < count; i++) Access::define(properties[i].utf8name, properties[i].method);
  return napi_ok;
}

napi_status napi_set_instance_data(napi_env, void* data, napi_finalize, void*) {
  Access::instance() = data;
  return napi_ok;
}

napi_status napi_get_instance_data(napi_env, void** data) {
  *data = Access::instance();
  return napi_ok;
}

// No world ends before its work has.
napi_status napi_add_env_cleanup_hook(napi_env, void (*)(void*), void*) { return napi_ok; }

napi_status napi_get_cb_info(napi_env env, napi_callback_info, size_t* count, napi_value* values, napi_value*, void**) {
  const std::vector<Value*>& given = Access::arguments(env);
  for (size_t i = 0; i < *count; i++) values[i] = handle(i < given.size() ? given[i] : world(env).undefined());
  *count = given.size();
  return napi_ok;
}

napi_status napi_throw_error(napi_env env, const char*, const char*) {
  Access::fail(env);
  return napi_ok;
}

napi_status napi_typeof(napi_env, napi_value value, napi_valuetype* type) {
  *type = read(value).type;
  return napi_ok;
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name, napi_value* result) {
  if (read(object).type != napi_object) return napi_object_expected;
  const auto found = read(object).properties.find(name);
  Value* const value = found == read(object).properties.end() ? world(env).undefined() : found->second;
  if (value->detached != nullptr) {
    value->detached->bytes.reset();
    value->detached->length = 0;
  }
  *result = handle(value);
  return napi_ok;
}

napi_status napi_set_named_property(napi_env, napi_value object, const char* name, napi_value value) {
  write(object).properties[name] = &write(value);
  return napi_ok;
}

napi_status napi_get_value_int64(napi_env, napi_value value, int64_t* result) {
  if (read(value).type != napi_number) return napi_number_expected;
  const double number = read(value).number;
  // NaN and what does not fit become 0 and the ends of the range.
  *result = !(number == number) ? 0 : number >= 0x1p63 ? INT64_MAX : number < -0x1p63 ? INT64_MIN : int64_t(number);
  return napi_ok;
}

napi_status napi_get_value_double(napi_env, napi_value value, double* result) {
  if (read(value).type != napi_number) return napi_number_expected;
  *result = read(value).number;
  return napi_ok;
}

napi_status napi_get_value_bool(napi_env, napi_value value, bool* result) {
  if (read(value).type != napi_boolean) return napi_boolean_expected;
  *result = read(value).number != 0;
  return napi_ok;
}

napi_status napi_get_value_string_utf8(napi_env, napi_value value, char* text, size_t size, size_t* length) {
  if (read(value).type != napi_string) return napi_string_expected;
  *length = std::min(size - 1, read(value).text.size());
  std::memcpy(text, read(value).text.data(), *length);
  text[*length] = 0;
  return napi_ok;
}

napi_status napi_get_array_length(napi_env, napi_value value, uint32_t* length) {
  if (!read(value).isArray) return napi_array_expected;
  *length = uint32_t(read(value).elements.size());
  return napi_ok;
}

napi_status napi_get_element(napi_env env, napi_value value, uint32_t index, napi_value* result) {
  const auto& elements = read(value).elements;
  *result = handle(index < elements.size() ? elements[index] : world(env).undefined());
  return napi_ok;
}

napi_status napi_set_element(napi_env, napi_value value, uint32_t index, napi_value element) {
  auto& elements = write(value).elements;
  if (index >= elements.size()) elements.resize(index + 1);
  elements[index] = &write(element);
  return napi_ok;
}

napi_status napi_is_typedarray(napi_env, napi_value value, bool* result) {
  *result = read(value).isTypedArray;
  return napi_ok;
}

napi_status napi_get_typedarray_info(napi_env, napi_value value, napi_typedarray_type* type, size_t* length,
                                     void** data, napi_value*, size_t*) {
  *type = read(value).numbers;
  *length = read(value).length;
  *data = read(value).bytes.get();
  return napi_ok;
}

napi_status napi_create_double(napi_env env, double number, napi_value* result) {
  *result = handle(world(env).number(number));
  return napi_ok;
}

napi_status napi_create_object(napi_env env, napi_value* result) {
  *result = handle(world(env).object());
  return napi_ok;
}

napi_status napi_create_array(napi_env env, napi_value* result) {
  *result = handle(world(env).array({}));
  return napi_ok;
}

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t, napi_value* result) {
  *result = handle(world(env).text(text));
  return napi_ok;
}

napi_status napi_create_external(napi_env env, void* data, napi_finalize finalize, void*, napi_value* result) {
  *result = handle(world(env).external(data, finalize));
  return napi_ok;
}

napi_status napi_get_value_external(napi_env, napi_value value, void** result) {
  if (read(value).type != napi_external) return napi_invalid_arg;
  *result = read(value).external;
  return napi_ok;
}

napi_status napi_create_promise(napi_env env, napi_deferred* deferred, napi_value* promise) {
  *promise = handle(world(env).object());
  *deferred = reinterpret_cast<napi_deferred>(*promise);
  return napi_ok;
}

napi_status napi_resolve_deferred(napi_env, napi_deferred deferred, napi_value result) {
  reinterpret_cast<Value*>(deferred)->number = read(result).number;
  return napi_ok;
}

napi_status napi_create_reference(napi_env, napi_value value, uint32_t, napi_ref* result) {
  *result = reinterpret_cast<napi_ref>(value);
  return napi_ok;
}

napi_status napi_delete_reference(napi_env, napi_ref) { return napi_ok; }

napi_status napi_create_async_work(napi_env, napi_value, napi_value, napi_async_execute_callback execute,
                                   napi_async_complete_callback complete, void* data, napi_async_work* result) {
  *result = Access::add(execute, complete, data);
  return napi_ok;
}

napi_status napi_queue_async_work(napi_env env, napi_async_work work) {
  Access::queue(env, work);
  return napi_ok;
}

napi_status napi_delete_async_work(napi_env, napi_async_work work) {
  Access::remove(work);
  return napi_ok;
}

}  // extern "C"
