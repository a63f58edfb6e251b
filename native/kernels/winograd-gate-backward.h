// The adjoint of the gate, and of the output transform of Winograd blocks before it.
#pragma once

#include "training-tasks.h"
#include "winograd-transforms.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::winogradGateBackward: dSigmoid = d · s · t · (1 − s) and dTanh = d · (s − s · t²), by
 * rows, in the transform domain, and summed over rows. Shapes: `WinogradGateBackward`.
 */
inline void winogradGateBackward(const WinogradGateBackward& task) {
  const int columns = task.columns, blocks = task.blocks;
  const int sigmoidAt = task.tanhFirst ? columns : 0, tanhAt = task.tanhFirst ? 0 : columns;
  for (int b = 0; b < blocks; b++) {
    float* transformed = task.transformed + ptrdiff_t(b) * 2 * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector dSigmoid[winogradOutputs], dTanh[winogradOutputs];
      Vector sigmoidTotal = load(task.total + sigmoidAt + c), tanhTotal = load(task.total + tanhAt + c);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        const ptrdiff_t r = j * blocks + b;
        const float* from = task.halves + r * 2 * columns + c;
        const Vector s = load(from + sigmoidAt), t = load(from + tanhAt), d = load(task.dGated + r * columns + c);
        const Vector both = s * t;
        dSigmoid[j] = d * both * (1.0f - s);
        dTanh[j] = d * (s - both * t);
        store(task.gated + r * task.gatedStride + c, both);
        sigmoidTotal += dSigmoid[j];
        tanhTotal += dTanh[j];
        float* to = task.dSums[r];
        if (to == nullptr) continue;
        store(to + sigmoidAt + c, dSigmoid[j]);
        store(to + tanhAt + c, dTanh[j]);
      }
      store(task.total + sigmoidAt + c, sigmoidTotal);
      store(task.total + tanhAt + c, tanhTotal);
      outputTransformAdjoint(dSigmoid, transformed + sigmoidAt + c, task.plane);
      outputTransformAdjoint(dTanh, transformed + tanhAt + c, task.plane);
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
