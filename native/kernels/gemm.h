// The matrix product all layers are made of, and how its weights are packed.
//
// Activations are position-major: `x[p * stride + c]`, channels contiguous. A vector holds neighbouring output channels,
// a register block `rows` positions × `vectors` vectors. So the three taps of a dilated convolution are rows that already
// lie contiguous, no tile needs a tail along time, and an output's value depends on nothing but its own inputs: its sum
// runs over taps, then channels, in order, one fused multiply-add each.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** The register block that keeps the multipliers busy: accumulators + one row of b + one broadcast fit the registers. */
#if DIFFWAVE_LANES == 16 || defined(__ARM_NEON)
constexpr int blockRows = 6, blockVectors = 4;  // 32 registers
#else
constexpr int blockRows = 6, blockVectors = 2;  // 16 registers
#endif

/**
 * sum[r][v] += Σ_k a[r·rowStride + k·stepStride] · b[k·bStride + v·lanes …], k = 0 … steps − 1 in order.
 *
 * A layer: a = activations (rowStride = their stride, stepStride 1), b = a packed panel (bStride = vectors × lanes).
 * A weight gradient: rows = input channels (rowStride 1), k = positions (stepStride = stride), b = output gradients.
 */
template <int rows, int vectors>
DIFFWAVE_INLINE void multiply(Vector (&sum)[rows][vectors], const float* a, ptrdiff_t rowStride, ptrdiff_t stepStride,
                              const float* b, ptrdiff_t bStride, int steps) {
  for (int k = 0; k < steps; k++) {
    Vector right[vectors];
    DIFFWAVE_UNROLL
    for (int v = 0; v < vectors; v++) right[v] = load(b + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < rows; r++) {
      const Vector left = splat(a[r * rowStride]);
      DIFFWAVE_UNROLL
      for (int v = 0; v < vectors; v++) sum[r][v] = fma(left, right[v], sum[r][v]);
    }
    a += stepStride;
    b += bStride;
  }
}

/** `size` rounded up to whole vectors. */
DIFFWAVE_INLINE int padded(int size) { return (size + lanes - 1) / lanes * lanes; }

/**
 * Packs a matrix for `multiply`, panel by panel of `vectors` vectors: `packed[panel][k][vectors × lanes]`, zeros where the
 * last panel passes `columns`. Element (k, n) is `from[k * stepStride + n * columnStride]`. `packed` must hold
 * panels(columns, vectors) × steps × vectors × lanes floats.
 */
inline void pack(float* packed, const float* from, int steps, ptrdiff_t stepStride, int columns, ptrdiff_t columnStride,
                 int vectors) {
  const int width = vectors * lanes;
  for (int first = 0; first < columns; first += width) {
    for (int k = 0; k < steps; k++) {
      for (int n = 0; n < width; n++) {
        *packed++ = first + n < columns ? from[k * stepStride + (first + n) * columnStride] : 0.0f;
      }
    }
  }
}

inline int panels(int columns, int vectors) { return (columns + vectors * lanes - 1) / (vectors * lanes); }

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
