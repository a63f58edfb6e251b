// The residual sum and the skip sum of a layer.
#pragma once

#include "../network.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::residual: skip += out[first half], and unless `last`
 * next = (y − minus + out[second half]) · √½ + plus. skip, next, y: per row [columns]; out [rows × 2·columns]; minus,
 * plus [columns].
 */
inline void residual(float* const* skip, float* const* next, const float* const* y, const float* out,
                     const float* minus, const float* plus, int rows, int columns, bool last) {
  for (int r = 0; r < rows; r++, out += 2 * columns) {
    if (skip[r] == nullptr) continue;
    for (int c = 0; c < columns; c += lanes) store(skip[r] + c, load(skip[r] + c) + load(out + c));
    if (last) continue;
    for (int c = 0; c < columns; c += lanes) {
      const Vector sum = load(y[r] + c) - load(minus + c) + load(out + columns + c);
      store(next[r] + c, fma(sum, splat(sqrtHalf), load(plus + c)));
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
