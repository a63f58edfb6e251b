// Reading values from JavaScript. Every type and every size is checked. A value that does not fit throws BindingError,
// which the border (addon.cc) turns into a JavaScript error.
#pragma once

#include <node_api.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "handle.h"

namespace diffwave {

struct BindingError {
  std::string message;
};

inline void require(bool condition, const char* message) {
  if (!condition) throw BindingError{message};
}

/** The JavaScript environment of one call, and the arrays and handles that the call has read. */
struct Js {
  napi_env env;

  /** A value whose memory the call uses: a typed array of `length` numbers at `data`, or a handle without `data`. */
  struct Used {
    napi_value value;
    const void* data;
    size_t length;
  };
  mutable std::vector<Used> used{};

  void check(napi_status status) const;

  napi_value property(napi_value object, const char* name) const;
  void set(napi_value object, const char* name, napi_value value) const;
  uint32_t length(napi_value array) const;
  napi_value element(napi_value array, uint32_t index) const;

  /** Whether a value is undefined or null. */
  bool isNothing(napi_value value) const;
  int64_t integer(napi_value value) const;
  /** Reads an integer that must lie in [low, high]. */
  int integer(napi_value value, int64_t low, int64_t high, const char* message) const;
  double number(napi_value value) const;
  bool boolean(napi_value value) const;
  /** Reads a name. Only its first 63 bytes count. */
  std::string text(napi_value value) const;
  napi_value create(double number) const;

  /** Makes a handle that frees `made` when it is collected. */
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
    return static_cast<Made*>(unwrapHandle(value, kind, message));
  }

  // Views of typed arrays. If `size` is −1, any length is accepted. `length` receives the length.

  float* floats(napi_value value, int64_t size, int64_t* length = nullptr) const;
  double* doubles(napi_value value, int64_t size, int64_t* length = nullptr) const;
  unsigned char* bytes(napi_value value, int64_t size) const;
  /** A view of the one byte that stops a job when it is set. */
  std::atomic<bool>* cancelFlag(napi_value value) const;
  /** Copies a Float64Array. */
  std::vector<double> copyDoubles(napi_value value, int64_t size) const;

  /** Throws if a getter has detached or resized a typed array since the call read it. */
  void checkUsed() const;

 private:
  struct Array {
    napi_typedarray_type type;
    size_t length;
    void* data;
  };
  Array inspect(napi_value value) const;
  void* array(napi_value value, napi_typedarray_type type, int64_t size, int64_t* length) const;
  Handle* unwrapHandle(napi_value value, Handle::Kind kind, const char* message) const;
};

}  // namespace diffwave
