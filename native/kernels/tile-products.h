// The matrix products of training (native/training.h, `TrainingKernels`) on tiles.
#pragma once

#include "../training.h"
#include "tiles.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace tiles {

/** Columns of a packed panel. */
constexpr int panelColumns = 2 * side;
/** Blocks of 32 steps whose left sides are held at a time: two rows of tiles take 32 or 48 kB. */
constexpr int heldBlocks = 8;

/** Turns panels of floats, `[panel][steps][32]` with steps in whole blocks, into split sides `[panel][block][2]`, in place:
 * from the last on, since three parts need more room. */
template <int parts>
void arrangePanels(float* packed, int64_t blocks) {
  for (int64_t block = blocks - 1; block >= 0; block--) {
    Split<parts> sides[2];
    for (int n = 0; n < 2; n++) splitColumns(sides[n], packed + block * depth * panelColumns + n * side, panelColumns, depth);
    memcpy(packed + block * 2 * parts * ptrdiff_t(sizeof(Tile) / sizeof(float)), sides, sizeof sides);
  }
}

inline void arrange(float* packed, int64_t steps, int64_t columns, Way way) {
  const int64_t blocks = steps / depth * ((columns + panelColumns - 1) / panelColumns);
  if (way == Way::forward) arrangePanels<3>(packed, blocks);
  else arrangePanels<2>(packed, blocks);
}

/** Block number `block` of a product's steps: its segment's rows, and how many steps it has. */
struct Place {
  const float* a;
  ptrdiff_t stride;
  int steps;
};

DIFFWAVE_INLINE Place placeOf(const Segment* segments, int block) {
  for (;; segments++) {
    const int blocks = (segments->steps + depth - 1) / depth;
    if (block < blocks) {
      const int left = segments->steps - block * depth;
      return {segments->a + block * depth, segments->stride, left < depth ? left : depth};
    }
    block -= blocks;
  }
}

template <int rowTiles, int columnTiles, int parts>
static DIFFWAVE_APART void productBlock(float* out, ptrdiff_t outStride, int rows, const Split<parts> (*left)[2],
                                        const Split<parts>* right, int blocks, bool accumulate) {
  alignas(64) float copy[2 * side][panelColumns];
  constexpr int width = columnTiles * side;
  const bool whole = rows >= rowTiles * side;
  float* const sums = whole ? out : copy[0];
  const ptrdiff_t stride = whole ? outStride : panelColumns;
  if (!accumulate) {
    clearSums<rowTiles, columnTiles>();
  } else {
    if (!whole) {
      for (int r = 0; r < rows; r++) memcpy(copy[r], out + r * outStride, width * sizeof(float));
    }
    loadSums<rowTiles, columnTiles>(sums, stride);
  }
  for (int block = 0; block < blocks; block++) {
    multiplyAdd<rowTiles, columnTiles>(sideOf(left[block][0]), sideOf(left[block][1]), right + 2 * block);
  }
  storeSums<rowTiles, columnTiles>(sums, stride);
  if (whole) return;
  for (int r = 0; r < rows; r++) memcpy(out + r * outStride, copy[r], width * sizeof(float));
}

/** `productBlock` for as many tiles as `rows` and the columns need. */
template <int parts>
DIFFWAVE_INLINE void productTiles(float* out, ptrdiff_t outStride, int rows, bool both, const Split<parts> (*left)[2],
                                  const Split<parts>* right, int blocks, bool accumulate) {
  if (rows > side) {
    if (both) productBlock<2, 2>(out, outStride, rows, left, right, blocks, accumulate);
    else productBlock<2, 1>(out, outStride, rows, left, right, blocks, accumulate);
  } else {
    if (both) productBlock<1, 2>(out, outStride, rows, left, right, blocks, accumulate);
    else productBlock<1, 1>(out, outStride, rows, left, right, blocks, accumulate);
  }
}

template <int parts>
void product(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
             const float* packed, bool accumulate) {
  const Session session;
  int blocks = 0;
  for (int s = 0; s < count; s++) blocks += (segments[s].steps + depth - 1) / depth;
  const auto* const panels = reinterpret_cast<const Split<parts>*>(packed);
  Split<parts> left[heldBlocks][2];
  for (int row = 0; row < rows; row += 2 * side) {
    const int here = rows - row < 2 * side ? rows - row : 2 * side;
    float* const to = out + row * outStride;
    for (int first = 0; first < blocks; first += heldBlocks) {
      const int held = blocks - first < heldBlocks ? blocks - first : heldBlocks;
      for (int block = 0; block < held; block++) {
        const Place at = placeOf(segments, first + block);
        for (int m = 0; m * side < here; m++) {
          const auto rowAt = [&](int r) { return m * side + r < here ? at.a + (row + m * side + r) * at.stride : nullptr; };
          splitRows(left[block][m], rowAt, at.steps);
        }
      }
      const bool more = accumulate || first > 0;
      const Split<parts>* right = panels + 2 * first;
      for (int column = 0; column < columns; column += panelColumns, right += 2 * blocks) {
        productTiles(to + column, outStride, here, columns - column > side, left, right, held, more);
      }
    }
  }
}

/** What `outer` holds of its right side: tiles of columns and blocks of steps, 64 kB. */
constexpr int heldColumns = 16, heldSteps = 2;

inline void outer(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                  ptrdiff_t bStride, int columns, int steps, bool accumulate) {
  const Session session;
  Split<2> right[heldColumns / 2][heldSteps][2];
  for (int from = 0; from < columns; from += heldColumns * side) {
    const int held = (columns - from < heldColumns * side ? columns - from : heldColumns * side) / side;
    for (int first = 0; first < steps; first += heldSteps * depth) {
      const int here = steps - first < heldSteps * depth ? steps - first : heldSteps * depth;
      const int blocks = (here + depth - 1) / depth;
      const bool more = accumulate || first > 0;
      for (int block = 0; block < blocks; block++) {
        const float* const rowsOfBlock = b + (first + block * depth) * bStride + from;
        for (int n = 0; n < held; n++) {
          splitColumns(right[n / 2][block][n % 2], rowsOfBlock + n * side, bStride, here - block * depth);
        }
      }
      for (int row = 0; row < rows; row += 2 * side) {
        const int left = rows - row;
        Split<2> turned[heldSteps][2];
        for (int block = 0; block < blocks; block++) {
          const float* const rowsOfBlock = a + (first + block * depth) * aStride + row;
          splitTurned(turned[block][0], rowsOfBlock, aStride, here - block * depth, left);
          if (left > side) splitTurned(turned[block][1], rowsOfBlock + side, aStride, here - block * depth, left - side);
        }
        float* const to = out + row * outStride + from;
        for (int n = 0; n < held; n += 2) {
          productTiles(to + n * side, outStride, left, held - n > 1, turned, right[n / 2][0], blocks, more);
        }
      }
    }
  }
}

}  // namespace tiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
