// Limits of the sizes that frames of audio and their mels have. src/core/limits.ts has narrower ones for what users
// pass. With these no product of sizes overflows, whatever a caller of the addon passes.
#pragma once

#include "js.h"

namespace diffwave {

constexpr int64_t maxTransformSize = 65536, maxMelBands = 65536, maxUpdates = 65536;

/** Reads the size of a transform: the property `size` of an object. The kernels take powers of two from 16 on. */
inline int readTransformSize(const Js& js, napi_value object) {
  const int size = js.integer(js.property(object, "size"), 16, maxTransformSize, "bad size of a transform");
  require((size & (size - 1)) == 0, "a transform whose size is no power of two");
  return size;
}

}  // namespace diffwave
