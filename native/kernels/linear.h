// The linear layers of the step embedding, for a single row.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/**
 * Implements ForwardKernels::linear: out[r] = bias[r] + Σ_k weights[r, k] · in[k], then SiLU if `silu`.
 * weights [rows × columns], in [columns], out [rows]. ForwardWeights::Step calls it, once per diffusion step and layer.
 */
static void runLinear(float* out, const float* weights, const float* bias, const float* in, int rows, int columns,
                      bool silu) {
  for (int r = 0; r < rows; r++) {
    const float* row = weights + int64_t(r) * columns;
    Vector sums = {};
    int k = 0;
    for (; k + lanes <= columns; k += lanes) sums = fma(load(row + k), load(in + k), sums);
    float sum = bias[r];
    for (int i = 0; i < lanes; i++) sum += sums[i];
    for (; k < columns; k++) sum += row[k] * in[k];
    out[r] = silu ? sum * sigmoid(splat(sum))[0] : sum;
  }
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
