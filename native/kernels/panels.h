// Panels, the order in which the forward kernels read their weights, and the rows that are multiplied with them.
#pragma once

#include <type_traits>

#include "gemm.h"
#include "tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/** Implements ForwardKernels::paddedChannels: rounds up to whole vectors. */
static int paddedChannels(int channels) { return padded(channels); }

/**
 * Returns the source column of packed column n, or −1 for padding. Paired halves alternate within a panel: a panel of
 * four vectors holds two vectors of the first half, then the same two of the second half.
 */
static int sourceColumn(int n, int columns, ColumnOrder order) {
  if (order == ColumnOrder::plain) return n < columns ? n : -1;
  const int half = columns / 2, vectors = 2 * padded(half) / lanes;
  const int vector = n / lanes, panel = vector / blockVectors * blockVectors;
  const int width = vectors - panel < blockVectors ? vectors - panel : blockVectors;
  const int within = vector - panel;
  const bool second = within >= width / 2, swapped = order == ColumnOrder::pairedSwapped;
  const int column = (panel / 2 + within - (second ? width / 2 : 0)) * lanes + n % lanes;
  return column < half ? column + (second != swapped ? half : 0) : -1;
}

/** Number of packed columns. If the columns are paired, each half is rounded up by itself. */
static int packedColumns(int columns, ColumnOrder order) {
  return order == ColumnOrder::plain ? padded(columns) : 2 * padded(columns / 2);
}

/** Implements ForwardKernels::packedSize: floats of `panelRows` rows of packed columns. */
static int64_t packedSize(int columns, ColumnOrder order, int64_t panelRows) {
  return packedColumns(columns, order) * panelRows;
}

/** Implements ForwardKernels::layerPackedSize. */
template <class Operands>
static int64_t layerPackedSize(int columns, int64_t panelRows) {
  return packedSize(columns, ColumnOrder::paired, panelRows) / Operands::numbersPerWord;
}

/**
 * Implements ForwardKernels::pack: copies weights [columns × steps] to `panels[panel][rows][width]`, from row
 * `firstRow` of each panel on. With `BfloatOperands`, one row of words holds two rows of numbers, so both are even.
 */
template <class Operands>
static void packPanels(const PanelRows& to, const WeightMatrix& from, ColumnOrder order) {
  constexpr int perWord = Operands::numbersPerWord;
  const int total = packedColumns(from.columns, order);
  for (int first = 0; first < total; first += blockVectors * lanes) {
    const int width = total - first < blockVectors * lanes ? total - first : blockVectors * lanes;
    float* const panel = to.panels + first * (to.rows / perWord) + to.firstRow / perWord * width;
    for (int n = 0; n < width; n++) {
      const int source = sourceColumn(first + n, from.columns, order);
      for (int k = 0; k < from.steps; k += perWord) {
        float numbers[perWord] = {};
        for (int i = 0; i < perWord && k + i < from.steps && source >= 0; i++) {
          numbers[i] = from.data[source * from.columnStride + (k + i) * from.stepStride];
        }
        Operands::putWeights(panel + int64_t(k / perWord) * width + n, numbers);
      }
    }
  }
}

/** Implements ForwardKernels::packBias: copies a bias [columns] in the order of packed columns. */
static void packBias(float* packed, const float* from, int columns, ColumnOrder order) {
  for (int n = 0; n < packedColumns(columns, order); n++) {
    const int source = sourceColumn(n, columns, order);
    packed[n] = source < 0 ? 0.0f : from[source];
  }
}

/** Calls body(number of vectors as a constant, first column) for every panel of `columns` padded columns. */
template <class Body>
static DIFFWAVE_INLINE void forEachPanel(int columns, const Body& body) {
  constexpr int width = blockVectors * lanes;
  int column = 0;
  for (; column + width <= columns; column += width) body(std::integral_constant<int, blockVectors>{}, column);
  const int left = (columns - column) / lanes;
  if constexpr (blockVectors > 1) {
    if (left == 1) body(std::integral_constant<int, 1>{}, column);
  }
  if constexpr (blockVectors > 2) {
    if (left == 2) body(std::integral_constant<int, 2>{}, column);
  }
  if constexpr (blockVectors > 3) {
    if (left == 3) body(std::integral_constant<int, 3>{}, column);
  }
}

/** The rows of one register block: blockRows rows, `stride` floats apart. */
struct BlockOfRows {
  const float* rows;
  int stride;
};

/**
 * Finds blockRows rows of `width` numbers of a ring, from row `first` on. They are used in place if possible. Else they
 * are copied to `scratch`, which advances. In the copy, rows outside [0, length) and past `count` are zero. The rows of
 * a ring may overlap (`width` above its stride); those of a copy do not.
 */
static BlockOfRows gatherRows(const ConstRing& ring, int64_t first, int count, int64_t length, int width,
                              float*& scratch) {
  if (count == blockRows && first >= 0 && first + blockRows <= length && ring.contiguous(first, blockRows)) {
    return {ring.at(first), ring.stride};
  }
  float* const copy = scratch;
  scratch += blockRows * width;
  for (int r = 0; r < blockRows; r++) {
    const int64_t position = first + r;
    if (r < count && position >= 0 && position < length) {
      memcpy(copy + r * width, ring.at(position), width * sizeof(float));
    } else {
      memset(copy + r * width, 0, width * sizeof(float));
    }
  }
  return {copy, width};
}

/** Finds whole rows of a ring. A copy has the ring's stride, too. */
static const float* gatherRows(const ConstRing& ring, int64_t first, int count, int64_t length, float*& scratch) {
  return gatherRows(ring, first, count, length, ring.stride, scratch).rows;
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
