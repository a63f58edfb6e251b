// The training kernels (shapes and equations: `TrainingKernels` in training-tasks.h), compiled once per instruction
// set.
#pragma once

#include "gemm.h"
#include "mask.h"
#include "training-tasks.h"
#include "windows.h"
#include "winograd-transforms.h"
#ifdef DIFFWAVE_AMX
#include "amx-gemm.h"
#endif

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/** Columns of a panel. */
constexpr int width = blockVectors * lanes;

/** One register block of `product`: rows `row` … of the segments times one panel, to out [rows × vectors · lanes]. */
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

/** All rows of `product` for the columns of one panel. */
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

/** TrainingKernels::product: out [rows × columns] (+)= a [rows × steps] · packed [steps × columns]. */
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

/** One register block of `outer`: out [rows × vectors · lanes] (+)= aᵀ · b over `steps`. */
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

/** All rows of `outer` for the columns of one panel. */
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
 * TrainingKernels::outer, the gradient of a weight: out [rows × columns] (+)= aᵀ [rows × steps] · b [steps × columns].
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

/** TrainingKernels::interpolateBackward: low, high [columns] from d [rows × columns]. */
inline void interpolateBackward(float* low, float* high, const float* d, ptrdiff_t dStride, int rows, int columns,
                                int offset, int patch, int hop) {
  for (int c = 0; c < columns; c += lanes) {
    Vector lowSum = {}, highSum = {};
    for (int r = 0; r < rows; r++) {
      const float fraction = float(offset + r * patch) / float(hop);
      const Vector value = load(d + r * dStride + c);
      lowSum = fma(splat(1.0f - fraction), value, lowSum);
      highSum = fma(splat(fraction), value, highSum);
    }
    if (low != nullptr) store(low + c, load(low + c) + lowSum);
    if (high != nullptr) store(high + c, load(high + c) + highSum);
  }
}

/** TrainingKernels::columnSums, the gradient of a bias: total [columns] += Σ over rows of a [rows × columns]. */
inline void columnSums(float* total, const float* a, ptrdiff_t stride, int rows, int columns) {
  for (int c = 0; c < columns; c += lanes) {
    Vector sum = load(total + c);
    for (int r = 0; r < rows; r++) sum += load(a + r * stride + c);
    store(total + c, sum);
  }
}

}  // namespace training

/** The table of this instruction set. */
inline const TrainingKernels& trainingKernels() {
  using namespace training;
#ifdef DIFFWAVE_AMX
  constexpr int panelWidth = amxTiles::panelColumns, depth = amxTiles::depth;
  constexpr int maxBlocks = maxTileBlocks, blockUnit = amxTiles::depth, forwardBytes = 3 * 2;
  constexpr auto arrange = amxTiles::arrange;
  constexpr auto backwardProduct = amxTiles::product<2>, forwardProduct = amxTiles::product<3>;
  constexpr auto outerProduct = amxTiles::outer;
#else
  constexpr int panelWidth = width, depth = 1, maxBlocks = 36, blockUnit = blockRows, forwardBytes = 4;
  constexpr decltype(TrainingKernels::arrange) arrange = nullptr;
  constexpr auto backwardProduct = product, forwardProduct = product;
  constexpr auto outerProduct = outer;
#endif
  static constexpr TrainingKernels table{
      panelWidth,
      depth,
      maxBlocks,
      blockUnit,
      arrange,
      forwardBytes,
      backwardProduct,
      forwardProduct,
      outerProduct,
      winogradInput,
      winogradGates,
      winogradGateBackward,
      winogradResidualBackward,
      winogradWeightGradient,
      residual,
      interpolateBackward,
      columnSums,
      applyMask,
      maskBackward,
      windowsInput,
      windowsOutput,
      windowsOutputBackward,
  };
  return table;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
