// The end of a network that masks its input (src/model/network.ts, `inputMask`), and its adjoint, for one position. A
// row of the output projection holds f, `count` numbers, followed by the logits l of the mask.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Calls `body(index, how many numbers)` over `count` numbers, a vector at a time; the last vector may be partial. */
template <class Body>
DIFFWAVE_INLINE void forEachVector(int count, const Body& body) {
  for (int i = 0; i < count; i += lanes) body(i, count - i < lanes ? count - i : lanes);
}

/** The first `count` lanes from memory, the others zero. */
DIFFWAVE_INLINE Vector loadFirst(const float* from, int count) {
  if (count == lanes) return load(from);
  Vector value{};
  std::memcpy(&value, from, static_cast<size_t>(count) * sizeof(float));
  return value;
}

/** The first `count` lanes to memory. */
DIFFWAVE_INLINE void storeFirst(float* to, Vector value, int count) {
  if (count == lanes) {
    store(to, value);
  } else {
    std::memcpy(to, &value, static_cast<size_t>(count) * sizeof(float));
  }
}

/** out = gain · f + sigmoid(l) ⊙ audio. output [2 · count] = (f, l); audio, out [count]. */
[[maybe_unused]] static void applyMask(float* out, const float* output, const float* audio, float gain, int count) {
  forEachVector(count, [&](int i, int some) {
    const Vector mask = sigmoid(loadFirst(output + count + i, some));
    storeFirst(out + i, fma(mask, loadFirst(audio + i, some), gain * loadFirst(output + i, some)), some);
  });
}

/**
 * From the gradient d of `out` [count] to that of the row [2 · count], in place of the row:
 * df = gain · d, dl = d · audio · mask · (1 − mask).
 */
[[maybe_unused]] static void maskBackward(float* output, const float* gradient, const float* audio, float gain,
                                          int count) {
  forEachVector(count, [&](int i, int some) {
    const Vector mask = sigmoid(loadFirst(output + count + i, some)), d = loadFirst(gradient + i, some);
    storeFirst(output + count + i, d * loadFirst(audio + i, some) * (mask * (1.0f - mask)), some);
    storeFirst(output + i, gain * d, some);
  });
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
