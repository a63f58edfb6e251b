// The matrix product of the training passes, on packed panels.
#pragma once

#include "gemm.h"
#include "training-tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/** Number of columns of a panel. */
constexpr int width = blockVectors * lanes;

/** One register block: out [rows × vectors · lanes] (+)= the segments' rows from `row` on · one panel. */
template <int rows, int vectors>
DIFFWAVE_INLINE void productBlock(float* out, ptrdiff_t outStride, int row, const Segment* segments, int count,
                                  const float* panel, bool accumulate) {
  Vector sum[rows][vectors] = {};
  if (accumulate) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < vectors; v++) sum[r][v] = load(out + r * outStride + v * lanes);
    }
  }
  for (int s = 0; s < count; s++) {
    const Segment& segment = segments[s];
    multiply<rows, vectors>(sum, segment.a + row * segment.stride, segment.stride, 1, panel, width, segment.steps);
    panel += ptrdiff_t(segment.steps) * width;
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) store(out + r * outStride + v * lanes, sum[r][v]);
  }
}

/** All rows for the columns of one panel. */
template <int vectors>
void productPanel(float* out, ptrdiff_t outStride, int rows, const Segment* segments, int count, const float* panel,
                  bool accumulate) {
  int row = 0;
  for (; row + blockRows <= rows; row += blockRows) {
    productBlock<blockRows, vectors>(out + row * outStride, outStride, row, segments, count, panel, accumulate);
  }
  float* rest = out + row * outStride;
  static_assert(blockRows <= 6, "the tails below");
  switch (rows - row) {
    case 5:
      if constexpr (blockRows > 5) productBlock<5, vectors>(rest, outStride, row, segments, count, panel, accumulate);
      return;
    case 4: return productBlock<4, vectors>(rest, outStride, row, segments, count, panel, accumulate);
    case 3: return productBlock<3, vectors>(rest, outStride, row, segments, count, panel, accumulate);
    case 2: return productBlock<2, vectors>(rest, outStride, row, segments, count, panel, accumulate);
    case 1: return productBlock<1, vectors>(rest, outStride, row, segments, count, panel, accumulate);
    default: return;
  }
}

/**
 * Implements TrainingKernels::product: out [rows × columns] (+)= a [rows × steps] · packed [steps × columns]. The
 * segments are the parts of a, one after the other along its steps.
 */
inline void product(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                    const float* packed, bool accumulate) {
  ptrdiff_t steps = 0;
  for (int s = 0; s < count; s++) steps += segments[s].steps;
  for (int first = 0; first < columns; first += width, packed += steps * width) {
    const int vectors = columns - first < width ? (columns - first) / lanes : blockVectors;
    float* at = out + first;
    if constexpr (blockVectors == 4) {
      switch (vectors) {
        case 1: productPanel<1>(at, outStride, rows, segments, count, packed, accumulate); continue;
        case 2: productPanel<2>(at, outStride, rows, segments, count, packed, accumulate); continue;
        case 3: productPanel<3>(at, outStride, rows, segments, count, packed, accumulate); continue;
        default: break;
      }
    }
    productPanel<blockVectors>(at, outStride, rows, segments, count, packed, accumulate);
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
