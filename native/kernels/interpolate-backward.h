// The adjoint of the interpolation of the mel between two frames.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::interpolateBackward. With f = (offset + r · patch) / hop,
 * low += Σ_r (1 − f) · d[r] and high += Σ_r f · d[r]. low, high [columns], or null; d [rows × columns].
 */
inline void interpolateBackward(float* low, float* high, const float* d, ptrdiff_t dStride, int rows, int columns,
                                int offset, int patch, int hop) {
  for (int c = 0; c < columns; c += lanes) {
    Vector lowSum = {}, highSum = {};
    for (int r = 0; r < rows; r++) {
      const float fraction = float(offset + r * patch) / float(hop);
      const Vector value = load(d + r * dStride + c);
      lowSum = fma(splat(1.0f - fraction), value, lowSum);
      highSum = fma(splat(fraction), value, highSum);
    }
    if (low != nullptr) store(low + c, load(low + c) + lowSum);
    if (high != nullptr) store(high + c, load(high + c) + highSum);
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
