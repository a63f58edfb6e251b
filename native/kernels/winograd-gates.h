// The output transform of Winograd blocks, and the gate after it.
#pragma once

#include "training-tasks.h"
#include "winograd-transforms.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/** Returns the start of row r at column c: the mel's projection, the bias, or the bias and interpolated projections. */
DIFFWAVE_INLINE Vector gateStart(const WinogradGates& task, int r, int c) {
  if (task.bias == nullptr) return load(task.halves + ptrdiff_t(r) * 2 * task.columns + c);
  const Vector bias = load(task.bias + c);
  if (task.low == nullptr) return bias;
  const Vector right = splat(task.fraction[r]), left = splat(1.0f - task.fraction[r]);
  return fma(right, load(task.high[r] + c), fma(left, load(task.low[r] + c), bias));
}

/**
 * Implements TrainingKernels::winogradGates: (s, t) = (sigmoid, tanh) of start + Aᵀ·sums, and gated = s · t. Shapes:
 * `WinogradGates`.
 */
inline void winogradGates(const WinogradGates& task) {
  const int columns = task.columns, blocks = task.blocks;
  const int sigmoidAt = task.tanhFirst ? columns : 0, tanhAt = task.tanhFirst ? 0 : columns;
  for (int b = 0; b < blocks; b++) {
    const float* sums = task.sums + ptrdiff_t(b) * 2 * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector s[winogradOutputs], t[winogradOutputs];
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        s[j] = gateStart(task, j * blocks + b, sigmoidAt + c);
        t[j] = gateStart(task, j * blocks + b, tanhAt + c);
      }
      outputTransform(sums + sigmoidAt + c, task.plane, s);
      outputTransform(sums + tanhAt + c, task.plane, t);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        const Vector sig = sigmoid(s[j]), tan = hyperbolicTangent(t[j]);
        float* to = task.halves + ptrdiff_t(j * blocks + b) * 2 * columns + c;
        store(to + sigmoidAt, sig);
        store(to + tanhAt, tan);
        store(task.gated + (j * blocks + b) * task.gatedStride + c, sig * tan);
      }
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
