// The mel upsampler's transposed convolutions, the step embedding's linear layers, and the measure of the machine.
#pragma once

#include "gemm.h"
#include "tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

static int melMargin() { return lanes; }
static int melStride(int bands) { return padded(bands) + 2 * lanes; }

static void runUpsample(const UpsampleTask& task) {
  for (int r = 0; r < task.rows; r++) {
    const int64_t shifted = task.first + static_cast<int64_t>(r) * task.step + task.padding;
    float* const output = task.output + static_cast<int64_t>(r) * task.rowStride;
    for (int band = 0; band < task.bands; band += lanes) {
      Vector sum = splat(task.bias);
      for (int j = static_cast<int>(shifted % task.stride); j < task.kernel; j += task.stride) {
        const int64_t row = (shifted - j) / task.stride;
        if (shifted < j || row >= task.inputLength) continue;
        const float* input = task.input + (row - task.inputFirst) * task.rowStride + lanes + band;
        for (int i = 0; i < 3; i++) sum = fma(splat(task.weights[i * task.kernel + j]), load(input + 1 - i), sum);
      }
      store(output + lanes + band, maximum(sum, 0.4f * sum));
    }
    memset(output, 0, lanes * sizeof(float));
    memset(output + lanes + task.bands, 0, (task.rowStride - lanes - task.bands) * sizeof(float));
  }
}

static void runLinear(float* out, const float* weights, const float* bias, const float* in, int rows, int columns,
                      bool silu) {
  for (int r = 0; r < rows; r++) {
    const float* row = weights + static_cast<int64_t>(r) * columns;
    Vector sums = {};
    int k = 0;
    for (; k + lanes <= columns; k += lanes) sums = fma(load(row + k), load(in + k), sums);
    float sum = bias[r];
    for (int i = 0; i < lanes; i++) sum += sums[i];
    for (; k < columns; k++) sum += row[k] * in[k];
    out[r] = silu ? sum * sigmoid(splat(sum))[0] : sum;
  }
}

static double multiplyAdds(int64_t iterations, float* sink) {
  constexpr int registers = DIFFWAVE_LANES == 16 ? 24 : 12;
  Vector sum[registers];
  const Vector a = splat(sink[0]), b = splat(sink[1]);
  _Pragma("GCC unroll 32")
  for (int i = 0; i < registers; i++) sum[i] = splat(static_cast<float>(i));
  for (int64_t n = 0; n < iterations; n++) {
    _Pragma("GCC unroll 32")
    for (int i = 0; i < registers; i++) {
      sum[i] = fma(sum[i], a, b);
#if defined(__AVX512F__)
      asm volatile("" : "+v"(sum[i]));  // v: all 32 registers
#elif defined(__x86_64__) && DIFFWAVE_LANES != 16
      asm volatile("" : "+x"(sum[i]));
#endif
    }
  }
  Vector total = {};
  _Pragma("GCC unroll 32")
  for (int i = 0; i < registers; i++) total += sum[i];
  for (int i = 0; i < lanes; i++) sink[2] += total[i];
  return 2.0 * registers * lanes * static_cast<double>(iterations);
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
