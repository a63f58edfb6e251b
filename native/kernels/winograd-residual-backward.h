// The output transform of a dilated convolution's adjoint, added to the gradient of the residual sum.
#pragma once

#include "training-tasks.h"
#include "winograd-transforms.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::winogradResidualBackward: dx = (dx + Aᵀ·sums) · scale, and the total over all rows.
 * Shapes: `WinogradResidualBackward`.
 */
inline void winogradResidualBackward(const WinogradResidualBackward& task) {
  const int columns = task.columns, blocks = task.blocks;
  const Vector scale = splat(task.scale);
  for (int b = 0; b < blocks; b++) {
    const float* sums = task.sums + ptrdiff_t(b) * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector dy[winogradOutputs] = {};
      outputTransform(sums + c, task.plane, dy);
      Vector total = load(task.total + c);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        float* at = task.dx[j * blocks + b];
        if (at == nullptr) continue;
        const Vector both = task.fresh ? dy[j] : load(at + c) + dy[j];
        store(at + c, both * scale);
        total += task.totalOfBoth ? both : dy[j];
      }
      store(task.total + c, total);
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
