// Limits of the sizes that frames of audio and their mels have. src/core/limits.ts has narrower ones for what users
// pass. With these no product of sizes overflows, whatever a caller of the addon passes.
#pragma once

#include "../network.h"
#include "js.h"

namespace diffwave {

constexpr int64_t maxTransformSize = 65536, maxMelBands = 65536, maxUpdates = 65536;

/** Reads the size of a transform: the property `size` of an object. */
inline int readTransformSize(const Js& js, napi_value object) {
  const int size = js.integer(js.property(object, "size"), 1, maxTransformSize, "bad size of a transform");
  require(isTransformSize(size), "bad size of a transform");
  return size;
}

}  // namespace diffwave
