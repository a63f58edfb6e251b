// The gradient of a weight: a matrix product over positions.
#pragma once

#include "gemm.h"
#include "training-product.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/** One register block: out [rows × vectors · lanes] (+)= aᵀ · b over `steps`. */
template <int rows, int vectors>
DIFFWAVE_INLINE void outerBlock(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, const float* b,
                                ptrdiff_t bStride, int steps, bool accumulate) {
  Vector sum[rows][vectors] = {};
  multiply<rows, vectors>(sum, a, 1, aStride, b, bStride, steps);
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      float* at = out + r * outStride + v * lanes;
      store(at, accumulate ? load(at) + sum[r][v] : sum[r][v]);
    }
  }
}

/** All rows for the columns of one panel. */
template <int vectors>
void outerPanel(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                ptrdiff_t bStride, int steps, bool accumulate) {
  int row = 0;
  for (; row + blockRows <= rows; row += blockRows) {
    outerBlock<blockRows, vectors>(out + row * outStride, outStride, a + row, aStride, b, bStride, steps, accumulate);
  }
  float* rest = out + row * outStride;
  switch (rows - row) {
    case 5:
      if constexpr (blockRows > 5)
        outerBlock<5, vectors>(rest, outStride, a + row, aStride, b, bStride, steps, accumulate);
      return;
    case 4: return outerBlock<4, vectors>(rest, outStride, a + row, aStride, b, bStride, steps, accumulate);
    case 3: return outerBlock<3, vectors>(rest, outStride, a + row, aStride, b, bStride, steps, accumulate);
    case 2: return outerBlock<2, vectors>(rest, outStride, a + row, aStride, b, bStride, steps, accumulate);
    case 1: return outerBlock<1, vectors>(rest, outStride, a + row, aStride, b, bStride, steps, accumulate);
    default: return;
  }
}

/**
 * Implements TrainingKernels::outer, the gradient of a weight: out [rows × columns] (+)= aᵀ [rows × steps] · b
 * [steps × columns]. The steps are positions.
 */
inline void outer(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                  ptrdiff_t bStride, int columns, int steps, bool accumulate) {
  for (int first = 0; first < columns; first += width) {
    const int vectors = columns - first < width ? (columns - first) / lanes : blockVectors;
    if constexpr (blockVectors == 4) {
      switch (vectors) {
        case 1:
          outerPanel<1>(out + first, outStride, a, aStride, rows, b + first, bStride, steps, accumulate);
          continue;
        case 2:
          outerPanel<2>(out + first, outStride, a, aStride, rows, b + first, bStride, steps, accumulate);
          continue;
        case 3:
          outerPanel<3>(out + first, outStride, a, aStride, rows, b + first, bStride, steps, accumulate);
          continue;
        default: break;
      }
    }
    outerPanel<blockVectors>(out + first, outStride, a, aStride, rows, b + first, bStride, steps, accumulate);
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
