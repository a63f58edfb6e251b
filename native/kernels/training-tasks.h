// The tasks of the training kernels, and the table of kernels that each instruction set fills. Nothing here depends on
// the width of a vector.
#pragma once

#include <cstddef>
#include <cstdint>

namespace diffwave {

/** Positions of a time block at the network's two ends: a multiple of every target's block of rows. */
constexpr int trainingBlockPositions = 96;
/** Winograd blocks per tile of a layer, at most; each target says how many it takes. */
constexpr int maxTileBlocks = 64;
/** Tasks per step, each with its own partial sums of the weight gradients. */
constexpr int trainingGroups = 16;

/** Rows a[r · stride + 0 … steps − 1] of the left side of a matrix product. */
struct Segment {
  const float* a;
  ptrdiff_t stride;
  int steps;
};

/**
 * The Winograd kernels below take a tile of `blocks` blocks of four positions: row j · blocks + b of the tile is
 * position j of block b. Row pointers that are null stand for positions past the clip's end. In the transform domain a
 * tile is six planes [blocks × columns], `plane` floats apart.
 */

/** The end of the dilated convolution, and the gate: halves = activated(start + Aᵀ·sums), gated = their product. */
struct WinogradGates {
  const float* sums;  // 6 planes, rows of 2·columns
  ptrdiff_t plane;
  int blocks, columns;
  bool tanhFirst;           // which half goes through the tanh
  const float* bias;        // [2·columns] the sums start from it; null: they start from what `halves` holds
  const float* const* low;  // per row, or null: start from bias + (1 − fraction) · low + fraction · high
  const float* const* high;
  const float* fraction;
  float* halves;  // [4·blocks × 2·columns]
  float* gated;   // [4·blocks × columns]
  ptrdiff_t gatedStride;
};

/**
 * From the activated halves and the gradient of their product to: the product itself again; the gradient at the gate's
 * input, by rows (dSums), in the transform domain (A·dSums), and summed over all rows.
 */
struct WinogradGateBackward {
  const float* halves;  // [4·blocks × 2·columns]
  const float* dGated;  // [4·blocks × columns], zeros past the end
  int blocks, columns;
  bool tanhFirst;
  float* gated;
  ptrdiff_t gatedStride;
  float* const* dSums;  // per row
  float* transformed;   // 6 planes, rows of 2·columns
  ptrdiff_t plane;
  float* total;  // [2·columns], added to
};

/** dx = ((fresh ? 0 : dx) + dy) · scale with dy = Aᵀ·sums; total += dy, or dx before its scaling if `totalOfBoth`. */
struct WinogradResidualBackward {
  const float* sums;  // 6 planes, rows of columns
  ptrdiff_t plane;
  int blocks, columns;
  float* const* dx;  // per row
  float* total;      // [columns]
  bool fresh, totalOfBoth;
  float scale;
};

/**
 * The pass that a product belongs to. Forward sums decide the signs of ReLUs and of absolute errors, and need all of
 * float32's precision. In the backward pass errors only add up: a relative error of 2⁻¹⁷ per product makes one of 3e-5
 * after the dozen products of four layers.
 */
enum class Direction { forward, backward };

/** The training kernels of one instruction set (kernels/training.h). `columns` are floats, a multiple of 16. */
struct TrainingKernels {
  /** Columns of a packed panel: `packed[panel][k][width]`. */
  int width;
  /** A segment's steps are rounded up to a multiple of it in a panel, with zeros. */
  int depth;
  /** Winograd blocks that a tile has at most, and the number it is a multiple of if possible. */
  int maxWinogradBlocks, winogradBlockUnit;
  /** Rearranges panels of `steps` steps in all into the kernels' own order, in place; or null. */
  void (*arrange)(float* packed, int64_t steps, int64_t columns, Direction direction);
  /** Bytes that a packed number takes in the forward pass; in the backward pass it is four. */
  int forwardBytes;
  /**
   * out[r, n] = (accumulate ? out[r, n] : 0) + Σ over segments and their steps, in order, of a[r, k] · packed[k, n].
   */
  void (*product)(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                  const float* packed, bool accumulate);
  /** The same with panels that were arranged for the forward pass. */
  void (*forwardProduct)(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                         const float* packed, bool accumulate);
  /**
   * out[r, n] = (accumulate ? out[r, n] : 0) + Σ_k a[k · aStride + r] · b[k · bStride + n]: the gradient of a weight,
   * with k running over positions.
   */
  void (*outer)(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                ptrdiff_t bStride, int columns, int steps, bool accumulate);
  /** Bᵀ of each block: rows[6·b + i] points to input i of block b; out: 6 planes. */
  void (*winogradInput)(float* out, ptrdiff_t plane, const float* const* rows, int blocks, int columns);
  void (*winogradGates)(const WinogradGates&);
  void (*winogradGateBackward)(const WinogradGateBackward&);
  void (*winogradResidualBackward)(const WinogradResidualBackward&);
  /** Gᵀ: gradients of the taps [3 planes] from those of the transformed weights [6 planes], `count` numbers each. */
  void (*winogradWeightGradient)(float* taps, ptrdiff_t tapPlane, const float* transformed, ptrdiff_t plane, int count);
  /**
   * skip += out[first half]; next = (y − minus + out[second half]) · √½ + plus. `last`: only the skip.
   * skip, next, y: per row; out [rows × 2·columns]; minus, plus [columns].
   */
  void (*residual)(float* const* skip, float* const* next, const float* const* y, const float* out, const float* minus,
                   const float* plus, int rows, int columns, bool last);
  /**
   * The adjoint of the gate's interpolation with f = (offset + r · patch) / hop:
   * low += Σ_r (1 − f) · d[r], high += Σ_r f · d[r]; either may be null.
   */
  void (*interpolateBackward)(float* low, float* high, const float* d, ptrdiff_t dStride, int rows, int columns,
                              int offset, int patch, int hop);
  /** total[n] += Σ_r a[r, n]. */
  void (*columnSums)(float* total, const float* a, ptrdiff_t stride, int rows, int columns);
  /** The end of a network that masks its input, and its adjoint (kernels/mask.h). */
  void (*mask)(float* out, const float* output, const float* audio, float gain, int count);
  void (*maskBackward)(float* output, const float* gradient, const float* audio, float gain, int count);
  /** A position's coefficients on their way in and out of the network behind windows (kernels/windows.h). */
  void (*windowsInput)(float* out, const float* x, const float* deviations, const float* logarithms, int bins);
  void (*windowsOutput)(float* y, const float* output, const float* x, const float* deviations, float gain, int bins);
  void (*windowsOutputBackward)(float* output, float* d, const float* x, const float* deviations, float gain, int bins);
};

}  // namespace diffwave
