// JavaScript values without JavaScript: just enough of Node-API to run the addon inside libFuzzer. Typed arrays have
// exactly the promised size, so that AddressSanitizer detects an access past their end.
#pragma once

#include <node_api.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace diffwave::fuzz {

struct Value {
  napi_valuetype type = napi_undefined;
  double number = 0;  // also of a boolean
  std::string text;
  std::map<std::string, Value*> properties;
  bool isArray = false;
  std::vector<Value*> elements;
  bool isTypedArray = false;
  napi_typedarray_type numbers = napi_float32_array;
  size_t length = 0;  // of a typed array, in numbers
  std::unique_ptr<unsigned char[]> bytes;
  Value* detached = nullptr;  // a typed array that the getter of this value detaches
  void* external = nullptr;
  napi_finalize finalize = nullptr;
};

/** All values of one input, the work that waits, and the functions of the addon. */
class World {
 public:
  World();
  ~World();

  Value* undefined() { return make(napi_undefined); }
  Value* number(double value);
  Value* boolean(bool value);
  Value* text(const std::string& value);
  Value* object() { return make(napi_object); }
  Value* array(std::vector<Value*> elements);
  Value* floats(size_t length);
  Value* doubles(size_t length);
  Value* bytes(size_t length);
  Value* external(void* data, napi_finalize finalize);

  /** Calls a function of the addon. @returns its result, or null if it threw */
  Value* call(const std::string& name, std::vector<Value*> arguments);
  /** Does the queued work, in its order, as libuv's threads would, and resolves its promises. */
  void work();

 private:
  friend struct Access;
  Value* make(napi_valuetype type);
  /** Zeros. @param size bytes per number */
  Value* typedArray(napi_typedarray_type type, size_t length, size_t size);

  /** What the addon has defined, and its own data. It is loaded once, and serves all worlds. */
  inline static std::map<std::string, napi_callback> functions_;
  inline static void* instance_ = nullptr;
  std::vector<std::unique_ptr<Value>> values_;
  struct Work {
    napi_async_execute_callback execute;
    napi_async_complete_callback complete;
    void* data;
  };
  std::vector<Work*> queue_;
  std::vector<Value*> arguments_;
  bool thrown_ = false;
};

}  // namespace diffwave::fuzz
