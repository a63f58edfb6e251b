// The gradient of three taps from that of their six transformed weights.
#pragma once

#include "../winograd.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/**
 * Implements TrainingKernels::winogradWeightGradient: taps = Gᵀ · transformed, from six planes of `count` numbers to
 * three.
 */
inline void winogradWeightGradient(float* taps, ptrdiff_t tapPlane, const float* transformed, ptrdiff_t plane,
                                   int count) {
  for (int i = 0; i < count; i += lanes) {
    Vector p[winogradInputs];
    DIFFWAVE_UNROLL
    for (int k = 0; k < winogradInputs; k++) p[k] = load(transformed + k * plane + i);
    const Vector inner = p[1] + p[2], outer = p[3] + p[4];
    const Vector first = fma(splat(kernelTransform[0][0]), p[0], splat(kernelTransform[1][0]) * inner);
    store(taps + i, fma(splat(kernelTransform[3][0]), outer, first));
    const Vector second = splat(kernelTransform[1][1]) * (p[1] - p[2]);
    store(taps + tapPlane + i, fma(splat(kernelTransform[3][1]), p[3] - p[4], second));
    const Vector third = fma(splat(kernelTransform[1][2]), inner, p[5]);
    store(taps + 2 * tapPlane + i, fma(splat(kernelTransform[3][2]), outer, third));
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
