// The transposed convolutions of the mel upsampler.
#pragma once

#include "gemm.h"
#include "tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/** Implements ForwardKernels::melMargin: floats before the bands of a mel row, so that band −1 can be read. */
static int melMargin() { return lanes; }
/** Implements ForwardKernels::melStride: floats of a mel row, whole vectors of bands between two margins. */
static int melStride(int bands) { return padded(bands) + 2 * lanes; }

/**
 * Implements ForwardKernels::upsample:
 *
 *   out[t, b] = leaky(bias + Σ_i Σ_j weights[i, j] · in[(t + padding − j) / stride, b + 1 − i])
 *
 * i = 0 … 2 runs over bands and j = 0 … kernel − 1 over time, for those j whose division leaves no remainder. in and
 * out [rows × rowStride]. ConditionerState calls it for each stage of the mel upsampler. The plain version is
 * `upsample` of reference/plain.h.
 */
static void runUpsample(const UpsampleTask& task) {
  for (int r = 0; r < task.rows; r++) {
    const int64_t shifted = task.first + int64_t(r) * task.step + task.padding;
    float* const output = task.output + int64_t(r) * task.rowStride;
    for (int band = 0; band < task.bands; band += lanes) {
      Vector sum = splat(task.bias);
      for (int j = int(shifted % task.stride); j < task.kernel; j += task.stride) {
        const int64_t row = (shifted - j) / task.stride;
        if (shifted < j || row >= task.inputLength) continue;
        const float* input = task.input + (row - task.inputFirst) * task.rowStride + lanes + band;
        for (int i = 0; i < 3; i++) sum = fma(splat(task.weights[i * task.kernel + j]), load(input + 1 - i), sum);
      }
      store(output + lanes + band, maximum(sum, float(leakySlope) * sum));
    }
    memset(output, 0, lanes * sizeof(float));
    memset(output + lanes + task.bands, 0, (task.rowStride - lanes - task.bands) * sizeof(float));
  }
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
