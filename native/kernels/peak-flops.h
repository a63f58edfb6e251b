// The peak speed of the machine, which no kernel can exceed.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/**
 * Implements ForwardKernels::multiplyAdds: a ← a · x + y on independent registers, `iterations` times each, without
 * memory traffic. sink [3] = x, y, and the sum of all registers, which keeps the compiler from dropping the work.
 *
 * @returns the number of floating-point operations
 */
static double multiplyAdds(int64_t iterations, float* sink) {
  // Enough to hide the latency of a multiply-add, with registers left of the 32 or 16 that there are.
  constexpr int registers = DIFFWAVE_LANES == 16 ? 24 : 12;
  Vector sum[registers];
  const Vector a = splat(sink[0]), b = splat(sink[1]);
  _Pragma("GCC unroll 32")
  for (int i = 0; i < registers; i++) sum[i] = splat(float(i));
  for (int64_t n = 0; n < iterations; n++) {
    _Pragma("GCC unroll 32")
    for (int i = 0; i < registers; i++) {
      sum[i] = fma(sum[i], a, b);
#if defined(__AVX512F__)
      asm volatile("" : "+v"(sum[i]));  // v: any of the 32 registers
#elif defined(__x86_64__) && DIFFWAVE_LANES != 16
      asm volatile("" : "+x"(sum[i]));
#endif
    }
  }
  Vector total = {};
  _Pragma("GCC unroll 32")
  for (int i = 0; i < registers; i++) total += sum[i];
  for (int i = 0; i < lanes; i++) sink[2] += total[i];
  return 2.0 * registers * lanes * double(iterations);
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
