// What the parts of the Node-API face share: values from JavaScript, the engine, and work off the event loop.
#pragma once

#include <node_api.h>

#include <atomic>
#include <initializer_list>
#include <memory>
#include <string>

#include "forward-weights.h"
#include "pool.h"
#include "targets.h"
#include "training.h"

namespace diffwave {

/** Thrown here, turned into a JavaScript error at the border. */
struct Failure {
  std::string message;
};

inline void need(bool good, const char* what) {
  if (!good) throw Failure{what};
}

struct Values {
  napi_env env;

  void call(napi_status status) const { need(status == napi_ok, "a Node-API call failed"); }
  napi_value property(napi_value object, const char* name) const {
    napi_value value;
    call(napi_get_named_property(env, object, name, &value));
    return value;
  }
  bool isNothing(napi_value value) const {
    napi_valuetype type;
    call(napi_typeof(env, value, &type));
    return type == napi_undefined || type == napi_null;
  }
  int64_t integer(napi_value value) const {
    int64_t result;
    need(napi_get_value_int64(env, value, &result) == napi_ok, "a number was expected");
    return result;
  }
  double number(napi_value value) const {
    double result;
    need(napi_get_value_double(env, value, &result) == napi_ok, "a number was expected");
    return result;
  }
  std::string text(napi_value value) const {
    char text[64];
    size_t length;
    need(napi_get_value_string_utf8(env, value, text, sizeof text, &length) == napi_ok, "a text was expected");
    return text;
  }
  /** The floats of a Float32Array of exactly `size` (−1: any size, told in `found`). */
  float* floats(napi_value value, int64_t size, int64_t* found = nullptr) const {
    return static_cast<float*>(array(value, napi_float32_array, size, found));
  }
  void* array(napi_value value, napi_typedarray_type type, int64_t size, int64_t* found = nullptr) const {
    bool is = false;
    call(napi_is_typedarray(env, value, &is));
    need(is, "a typed array was expected");
    napi_typedarray_type actual;
    size_t length;
    void* data;
    call(napi_get_typedarray_info(env, value, &actual, &length, &data, nullptr, nullptr));
    need(actual == type, "a typed array has the wrong type");
    need(size < 0 || int64_t(length) == size, "a typed array has the wrong length");
    if (found != nullptr) *found = int64_t(length);
    return data;
  }
};

struct Engine {
  NetworkShape shape;
  int64_t parameterCount = 0;
  const Target* target = nullptr;  // null: the readable reference
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Training> training;
  std::shared_ptr<const ForwardWeights> weights;  // packed from the parameters of `version`
  int64_t version = -1;
  bool busy = false;
};

Engine* engineOf(const Values& js, napi_value value);

/** What a promise gives instead of its result. */
constexpr double wasCancelled = -1, outOfMemory = -2, wasRefused = -3;

/** A piece of work off the event loop, one an engine at a time. */
class Job {
 public:
  explicit Job(Engine* engine) : engine(engine) {}
  virtual ~Job() = default;
  /** Does the work. @returns what the promise gives */
  virtual double execute() = 0;

  /** Starts the work. @param kept values that live as long as the work. @returns the promise of its result */
  static napi_value start(const Values& js, std::unique_ptr<Job> job, std::initializer_list<napi_value> kept);

  Engine* const engine;
  const std::atomic<bool>* cancelled = nullptr;

 private:
  static void work(napi_env, void* data);
  static void finish(napi_env env, napi_status, void* data);

  double result_ = 0;
  std::vector<napi_ref> kept_;
  napi_deferred promise_ = nullptr;
  napi_async_work handle_ = nullptr;
};

// stream-binding.cc
napi_value openStream(const Values& js, napi_value* arguments);
napi_value predict(const Values& js, napi_value* arguments);
napi_value closeStream(const Values& js, napi_value* arguments);

}  // namespace diffwave
