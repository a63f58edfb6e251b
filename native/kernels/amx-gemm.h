// The matrix products of training (`TrainingKernels` in training-tasks.h) on AMX tiles.
#pragma once

#include "amx.h"
#include "training-tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace amxTiles {

/** Columns of a packed panel. */
constexpr int panelColumns = 2 * side;
/** Blocks of 32 steps whose left sides are held at a time. Their two rows of AMX tiles take 32 or 48 kB. */
constexpr int heldBlocks = 8;

/**
 * Converts panels of floats `[panel][steps][32]` to split right sides `[panel][block][2]`, in place. The steps are
 * whole blocks. The last block is converted first, because three parts take more room than the floats.
 */
template <int parts>
void arrangePanels(float* packed, int64_t blocks) {
  for (int64_t block = blocks - 1; block >= 0; block--) {
    Split<parts> sides[2];
    for (int n = 0; n < 2; n++)
      splitColumns(sides[n], packed + block * depth * panelColumns + n * side, panelColumns, depth);
    memcpy(packed + block * 2 * parts * ptrdiff_t(sizeof(AmxTile) / sizeof(float)), sides, sizeof sides);
  }
}

/** Implements TrainingKernels::arrange, with three parts for the forward pass and two for the backward pass. */
inline void arrange(float* packed, int64_t steps, int64_t columns, Direction direction) {
  const int64_t blocks = steps / depth * ((columns + panelColumns - 1) / panelColumns);
  if (direction == Direction::forward) arrangePanels<3>(packed, blocks);
  else arrangePanels<2>(packed, blocks);
}

/** Up to 32 steps of a product: rows of one segment, from the block's first step on. */
struct StepBlock {
  const float* a;
  ptrdiff_t stride;
  int steps;
};

/** Finds block number `block` of all segments' steps. */
DIFFWAVE_INLINE StepBlock stepBlockOf(const Segment* segments, int block) {
  for (;; segments++) {
    const int blocks = (segments->steps + depth - 1) / depth;
    if (block < blocks) {
      const int left = segments->steps - block * depth;
      return {segments->a + block * depth, segments->stride, left < depth ? left : depth};
    }
    block -= blocks;
  }
}

/**
 * Multiplies on rowTiles × columnTiles AMX tiles: out [rows × columnTiles · 16] (+)= left · right over `blocks` blocks
 * of 32 steps. If rows are missing, a copy of whole tiles takes the place of `out`.
 */
template <int rowTiles, int columnTiles, int parts>
static DIFFWAVE_NOINLINE void productBlock(float* out, ptrdiff_t outStride, int rows, const Split<parts> (*left)[2],
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

/** Calls `productBlock` with as many AMX tiles as the rows and columns need. */
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

/**
 * Implements TrainingKernels::product and forwardProduct: out [rows × columns] (+)= a [rows × steps] · packed
 * [steps × columns], with each float split into `parts` bfloat16 numbers.
 */
template <int parts>
void product(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
             const float* packed, bool accumulate) {
  const TileSession session;
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
        const StepBlock at = stepBlockOf(segments, first + block);
        for (int m = 0; m * side < here; m++) {
          const auto rowAt = [&](int r) {
            return m * side + r < here ? at.a + (row + m * side + r) * at.stride : nullptr;
          };
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

/** Columns, in AMX tiles, and blocks of steps of the right side that `outer` holds at a time: 64 kB. */
constexpr int heldColumns = 16, heldSteps = 2;

/**
 * Implements TrainingKernels::outer: out [rows × columns] (+)= aᵀ [rows × steps] · b [steps × columns], with each float
 * split into two bfloat16 numbers. `heldSteps` blocks of positions are multiplied at a time.
 */
inline void outer(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                  ptrdiff_t bStride, int columns, int steps, bool accumulate) {
  const TileSession session;
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
        Split<2> transposed[heldSteps][2];
        for (int block = 0; block < blocks; block++) {
          const float* const rowsOfBlock = a + (first + block * depth) * aStride + row;
          splitTransposed(transposed[block][0], rowsOfBlock, aStride, here - block * depth, left);
          if (left > side)
            splitTransposed(transposed[block][1], rowsOfBlock + side, aStride, here - block * depth, left - side);
        }
        float* const to = out + row * outStride + from;
        for (int n = 0; n < held; n += 2) {
          productTiles(to + n * side, outStride, left, held - n > 1, transposed, right[n / 2][0], blocks, more);
        }
      }
    }
  }
}

}  // namespace amxTiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
