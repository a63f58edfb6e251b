// The gradient of a bias: sums over positions.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::columnSums, the gradient of a bias: total [columns] += Σ over rows of a [rows × columns].
 */
inline void columnSums(float* total, const float* a, ptrdiff_t stride, int rows, int columns) {
  for (int c = 0; c < columns; c += lanes) {
    Vector sum = load(total + c);
    for (int r = 0; r < rows; r++) sum += load(a + r * stride + c);
    store(total + c, sum);
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
