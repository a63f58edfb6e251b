// Overlap-add: sums overlapping frames into blocks of a hop.
#pragma once

#include "doubles.h"
#include "frame-tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Implements FrameKernels::overlap. Equation and shapes: `OverlapTask`. */
inline void overlapFrames(const OverlapTask& task) {
  const FrameTables& t = *task.tables;
  for (int h = 0; h < t.hop; h++) {
    const int parts = (t.size - h + t.hop - 1) / t.hop;
    for (int64_t b = task.begin; b < task.end; b += doubleLanes) {
      Doubles sum{};
      for (int lane = 0; lane < doubleLanes && b + lane < task.carried; lane++) {
        sum[lane] = task.carry[h * task.carried + b + lane];
      }
      for (int q = parts - 1; q >= 0; q--) {
        sum += loadDoubles(task.frames + (h + int64_t(q) * t.hop) * task.frameStride + b - q);
      }
      if (task.divisors != nullptr) {
        sum /= task.divisorStride == 0 ? splatDouble(task.divisors[h])
                                       : loadDoubles(task.divisors + h * task.divisorStride + b);
      }
      storeDoubles(task.blocks + h * task.blockStride + b - task.begin, sum);
    }
  }
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
