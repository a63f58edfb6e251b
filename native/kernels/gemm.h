// The matrix product that all layers are made of, on register blocks.
//
// Activations are position-major: `x[p * stride + c]`, so the channels of a position are contiguous. A vector holds
// neighbouring output channels, and a register block holds `rows` positions × `vectors` vectors. This has three
// advantages. The three taps of a dilated convolution are rows that are contiguous already. No block needs special code
// for the end of the clip. An output depends on its own inputs alone: its sum runs over taps, then channels, in order,
// with one fused multiply-add each.
#pragma once

#include "operands.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/**
 * The register block that keeps the multipliers busy: sums, one row of b and one broadcast number fit the registers.
 */
#if DIFFWAVE_LANES == 16 || defined(__ARM_NEON)
constexpr int blockRows = 6, blockVectors = 4;  // 32 registers
#elif defined(__wasm__)
// V8 hands out 15 of 16 registers, and loads everything that an iteration reads before it computes. 8 sums, two vectors
// of b and four broadcast numbers are 14. A block of 6 × 2 spills, and one of 3 × 2 does not fill the multipliers.
constexpr int blockRows = 4, blockVectors = 2;
#else
constexpr int blockRows = 6, blockVectors = 2;  // 16 registers
#endif

/**
 * Multiplies one register block: sum[r][v] += Σ_k a[r·rowStride + k·stepStride] · b[k·bStride + v·lanes …], with
 * k = 0 … steps − 1 in order.
 *
 * - In a layer, a are activations (stepStride 1) and b is a packed panel (bStride = vectors · lanes).
 * - In a weight gradient, the rows are input channels (rowStride 1), k runs over positions, and b are the gradients of
 *   the outputs.
 *
 * With `BfloatOperands`, k counts words of two numbers.
 */
template <int rows, int vectors, class Operands = FloatOperands>
DIFFWAVE_INLINE void multiply(Vector (&sum)[rows][vectors], const float* a, ptrdiff_t rowStride, ptrdiff_t stepStride,
                              const float* b, ptrdiff_t bStride, int steps, Operands = {}) {
  for (int k = 0; k < steps; k++) {
    Vector right[vectors];
    DIFFWAVE_UNROLL
    for (int v = 0; v < vectors; v++) right[v] = load(b + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < rows; r++) {
      const Vector left = Operands::splatWord(a + r * rowStride);
      DIFFWAVE_UNROLL
      for (int v = 0; v < vectors; v++) sum[r][v] = Operands::multiplyAdd(left, right[v], sum[r][v]);
    }
    a += stepStride;
    b += bStride;
  }
}

/** Rounds a number of channels up to whole vectors. */
DIFFWAVE_INLINE int padded(int size) { return (size + lanes - 1) / lanes * lanes; }

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
