// Tasks of the training kernels, and the table of kernels that each instruction set fills. Nothing here depends on the
// width of a vector.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../winograd.h"

namespace diffwave {

/** Positions of a time block at the network's two ends: a multiple of every instruction set's block of rows. */
constexpr int trainingBlockPositions = 96;
/** Largest number of Winograd blocks in a tile, and of their rows. Each instruction set has its own limit within it. */
constexpr int maxTileBlocks = 64, maxTileRows = winogradOutputs * maxTileBlocks;
/** Largest number of tasks per step. Each task has its own partial sums of the weight gradients. */
constexpr int trainingGroups = 16;

/** Rows of the left side of a matrix product: row r is a[r · stride + 0 … steps − 1]. */
struct Segment {
  const float* a;
  ptrdiff_t stride;
  int steps;
};

// The Winograd kernels below take a tile of `blocks` blocks of four positions. Row j · blocks + b of the tile is
// position j of block b. A null pointer to a row stands for a position past the clip's end. In the transform domain a
// tile is six planes [blocks × columns], `plane` floats apart.

/**
 * The end of the dilated convolution, and the gate: halves = (sigmoid, tanh) of start + Aᵀ·sums, and gated = their
 * product.
 */
struct WinogradGates {
  const float* sums;  // 6 planes [blocks × 2·columns]
  ptrdiff_t plane;
  int blocks, columns;
  bool tanhFirst;           // whether the first half goes through the tanh
  const float* bias;        // [2·columns] start of the sums; if null, they start from what `halves` holds
  const float* const* low;  // per row; if not null, the start is bias + (1 − fraction) · low + fraction · high
  const float* const* high;
  const float* fraction;
  float* halves;  // [4·blocks × 2·columns]
  float* gated;   // [4·blocks × columns]
  ptrdiff_t gatedStride;
};

/**
 * The way back through the gate. From the activated halves s and t and the gradient d of their product it computes
 *
 *   gated = s · t, once more
 *   dSums = (d · s · t · (1 − s), d · s · (1 − t²)), the gradient at the gate's input, by rows
 *   transformed = A·dSums
 *   total += Σ over all rows of dSums
 */
struct WinogradGateBackward {
  const float* halves;  // [4·blocks × 2·columns]
  const float* dGated;  // [4·blocks × columns], zero past the clip's end
  int blocks, columns;
  bool tanhFirst;
  float* gated;
  ptrdiff_t gatedStride;
  float* const* dSums;  // per row [2·columns]
  float* transformed;   // 6 planes [blocks × 2·columns]
  ptrdiff_t plane;
  float* total;  // [2·columns]
};

/**
 * The end of the way back through the dilated convolution: dy = Aᵀ·sums, dx = ((fresh ? 0 : dx) + dy) · scale, and
 * total += Σ over all rows of dy, or with `totalOfBoth` of dx before its scaling.
 */
struct WinogradResidualBackward {
  const float* sums;  // 6 planes [blocks × columns]
  ptrdiff_t plane;
  int blocks, columns;
  float* const* dx;  // per row [columns]
  float* total;      // [columns]
  bool fresh, totalOfBoth;
  float scale;
};

/**
 * The pass that a product belongs to. Sums of the forward pass decide the signs of ReLUs and of absolute errors, so
 * they need float32's full precision. In the backward pass errors only add up: a relative error of 2⁻¹⁷ per product
 * becomes 3e-5 after the dozen products of four layers.
 */
enum class Direction { forward, backward };

/** The training kernels of one instruction set (kernels/training.h). `columns` are a multiple of 16. */
struct TrainingKernels {
  /** Columns of a packed panel `packed[panel][step][width]`. */
  int width;
  /** In a panel, the steps of a segment are rounded up to a multiple of this number, with zeros. */
  int depth;
  /** Largest number of Winograd blocks of a tile, and the number of which it is a multiple if possible. */
  int maxWinogradBlocks, winogradBlockUnit;
  /** Rearranges panels of `steps` steps in total into the kernels' own order, in place. Null if not needed. */
  void (*arrange)(float* packed, int64_t steps, int64_t columns, Direction direction);
  /** Bytes of a packed number in the forward pass. In the backward pass it has four. */
  int forwardBytes;
  /**
   * out[r, n] = (accumulate ? out[r, n] : 0) + Σ_k a[r, k] · packed[k, n]. k runs over the steps of all segments, in
   * order. out [rows × columns].
   */
  void (*product)(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                  const float* packed, bool accumulate);
  /** The same product with panels that were arranged for the forward pass. */
  void (*forwardProduct)(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                         const float* packed, bool accumulate);
  /**
   * The gradient of a weight: out[r, n] = (accumulate ? out[r, n] : 0) + Σ_k a[k · aStride + r] · b[k · bStride + n]. k
   * runs over positions. out [rows × columns].
   */
  void (*outer)(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                ptrdiff_t bStride, int columns, int steps, bool accumulate);
  /** out = Bᵀ of each block, 6 planes [blocks × columns]. rows[6·b + i] points to input i of block b. */
  void (*winogradInput)(float* out, ptrdiff_t plane, const float* const* rows, int blocks, int columns);
  void (*winogradGates)(const WinogradGates&);
  void (*winogradGateBackward)(const WinogradGateBackward&);
  void (*winogradResidualBackward)(const WinogradResidualBackward&);
  /** taps [3 planes] = Gᵀ · transformed [6 planes]: gradients of weights. A plane has `count` numbers. */
  void (*winogradWeightGradient)(float* taps, ptrdiff_t tapPlane, const float* transformed, ptrdiff_t plane, int count);
  /**
   * skip += out[first half], and unless `last` next = (y − minus + out[second half]) · √½ + plus.
   * skip, next, y: per row; out [rows × 2·columns]; minus, plus [columns].
   */
  void (*residual)(float* const* skip, float* const* next, const float* const* y, const float* out, const float* minus,
                   const float* plus, int rows, int columns, bool last);
  /**
   * The adjoint of the gate's interpolation. With f = (offset + r · patch) / hop,
   * low += Σ_r (1 − f) · d[r] and high += Σ_r f · d[r]. Either may be null.
   */
  void (*interpolateBackward)(float* low, float* high, const float* d, ptrdiff_t dStride, int rows, int columns,
                              int offset, int patch, int hop);
  /** total[n] += Σ_r a[r, n]. */
  void (*columnSums)(float* total, const float* a, ptrdiff_t stride, int rows, int columns);
  /** The end of a network that masks its input, and its adjoint (kernels/mask.h). */
  void (*mask)(float* out, const float* output, const float* audio, float gain, int count);
  void (*maskBackward)(float* output, const float* gradient, const float* audio, float gain, int count);
  /** Convert a position's coefficients into and out of a network with a windowed front end (kernels/windows.h). */
  void (*windowsInput)(float* out, const float* x, const float* deviations, const float* logarithms, int bins);
  void (*windowsOutput)(float* y, const float* output, const float* x, const float* deviations, float gain, int bins);
  void (*windowsOutputBackward)(float* output, float* d, const float* x, const float* deviations, float gain, int bins);
};

}  // namespace diffwave
