// The end of a network that masks its input (src/model/network.ts, `inputMask`), and its adjoint, for one position. A
// row of the output projection holds f, `count` numbers, and after it the logits l of the mask.
#pragma once

#include "partial-vectors.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/**
 * Implements ForwardKernels::mask: out = gain · f + sigmoid(l) ⊙ audio. output [2 · count] = (f, l); audio and
 * out [count].
 */
inline void applyMask(float* out, const float* output, const float* audio, float gain, int count) {
  forEachVector(count, [&](int i, int some) {
    const Vector mask = sigmoid(loadFirst(output + count + i, some));
    storeFirst(out + i, fma(mask, loadFirst(audio + i, some), gain * loadFirst(output + i, some)), some);
  });
}

/**
 * Implements TrainingKernels::maskBackward, the adjoint of `applyMask`: df = gain · d, dl = d ⊙ audio ⊙ m ⊙ (1 − m)
 * with m = sigmoid(l). d [count] is the gradient of `out`. (df, dl) [2 · count] overwrites `output`.
 */
inline void maskBackward(float* output, const float* gradient, const float* audio, float gain, int count) {
  forEachVector(count, [&](int i, int some) {
    const Vector mask = sigmoid(loadFirst(output + count + i, some)), d = loadFirst(gradient + i, some);
    storeFirst(output + count + i, d * loadFirst(audio + i, some) * (mask * (1.0f - mask)), some);
    storeFirst(output + i, gain * d, some);
  });
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
