// The input transform of Winograd blocks.
#pragma once

#include "winograd-transforms.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::winogradInput: out = Bᵀ of each block, 6 planes [blocks × columns]. rows[6·b + i] points
 * to input i of block b [columns].
 */
inline void winogradInput(float* out, ptrdiff_t plane, const float* const* rows, int blocks, int columns) {
  for (int b = 0; b < blocks; b++, rows += winogradInputs, out += columns) {
    for (int c = 0; c < columns; c += lanes) {
      Vector x[winogradInputs], transformed[winogradInputs];
      DIFFWAVE_UNROLL
      for (int i = 0; i < winogradInputs; i++) x[i] = load(rows[i] + c);
      inputTransform(x, transformed);
      DIFFWAVE_UNROLL
      for (int k = 0; k < winogradInputs; k++) store(out + k * plane + c, transformed[k]);
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
