// One residual layer (Kong et al. 2021, fig. 2; equations: `LayerTask` in tasks.h) over a time block: dilated
// convolution, mel, gate, output projection, residual and skip. Everything stays in the caches from the first to the
// last.
#pragma once

#include "panels.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/** Rows of one register block, [blockRows] each. Rows that products read consist of words (kernels/operands.h). */
struct RegisterBlock {
  const float* tap[3];           // inputs at p − d, p and p + d, words
  const float* x[blockRows];     // the layer's input
  const float* mel;              // projected: the upsampled mel, words
  int tapStride, melStride;      // distance of their rows in words
  const float* from[blockRows];  // interpolated: projections of the frame before the position
  const float* to[blockRows];    // interpolated: projections of the frame after it
  float weight[blockRows];       // interpolated: share of the frame after it
  float* output[blockRows];
  float* skip[blockRows];
};

constexpr int registerBlocksPerTimeBlock = timeBlockPositions / blockRows;

/** Finds the projections of the two frames around a position, and its distance from the first one in frames. */
static void findFrames(const LayerTask& task, int64_t position, const float*& from, const float*& to, float& weight) {
  const int64_t frame = position / task.framePeriod;
  from = task.mel.at(frame < task.lastFrame ? frame : task.lastFrame);
  to = task.mel.at(frame + 1 < task.lastFrame ? frame + 1 : task.lastFrame);
  weight = float(position % task.framePeriod) / float(task.framePeriod);
}

/**
 * Converts `count` rows of `numbers` floats, from row `first` of a ring on, to blockRows rows of words in `scratch`,
 * which advances. Rows outside [0, length) and past `count` are zero.
 */
template <class Operands>
static const float* convertRows(const ConstRing& ring, int64_t first, int count, int64_t length, int numbers,
                                float*& scratch) {
  float* const rows = scratch;
  const int stride = rowWords<Operands>(numbers);
  scratch += blockRows * stride;
  for (int r = 0; r < blockRows; r++) {
    const int64_t position = first + r;
    if (r < count && position >= 0 && position < length) {
      copyNumbers<Operands>(rows + r * stride, ring.at(position), numbers);
    } else {
      memset(rows + r * stride, 0, stride * sizeof(float));
    }
  }
  return rows;
}

/** Finds the rows of a register block that products read: floats in place if possible, else copies in `scratch`. */
template <class Operands>
static void findOperands(const LayerTask& task, int64_t position, int count, RegisterBlock& block, float*& scratch) {
  constexpr bool floats = Operands::numbersPerWord == 1;
  for (int t = 0; t < 3; t++) {
    const int64_t first = position + (t - 1) * task.dilation;
    if constexpr (floats) block.tap[t] = gatherRows(task.input, first, count, task.length, scratch);
    else block.tap[t] = convertRows<Operands>(task.input, first, count, task.length, task.paddedChannels, scratch);
  }
  block.tapStride = floats ? task.input.stride : rowWords<Operands>(task.paddedChannels);
  if (task.conditioning != Conditioning::projected) return;
  if constexpr (floats) block.mel = gatherRows(task.mel, position, count, INT64_MAX, scratch);
  else block.mel = convertRows<Operands>(task.mel, position, count, INT64_MAX, task.melChannels, scratch);
  block.melStride = floats ? task.mel.stride : rowWords<Operands>(task.melChannels);
}

/**
 * Finds the rows of `count` ≤ blockRows positions from `position` on. Rows that are not contiguous in their ring, or
 * are zero past the clip, are copied to `scratch`, which advances. Results of rows past `count` go to `spare`.
 */
template <class Operands>
static void findRows(const LayerTask& task, int64_t position, int count, RegisterBlock& block, float*& scratch,
                     float* spare) {
  findOperands<Operands>(task, position, count, block, scratch);
  for (int r = 0; r < blockRows; r++) {
    const bool real = r < count;
    const int64_t p = real ? position + r : position;
    block.x[r] = task.input.at(p);
    if (task.conditioning == Conditioning::interpolated)
      findFrames(task, p, block.from[r], block.to[r], block.weight[r]);
    block.output[r] = real && task.output.rows ? task.output.at(p) : spare;
    block.skip[r] = real ? task.skip.at(p) : spare;
  }
}

/**
 * Stores one or two vectors of gates to a row of z. @param column first column of their panel, which has both halves
 */
template <class Operands, int pairs>
DIFFWAVE_INLINE void storeGates(float* z, int column, const Vector (&gates)[pairs]) {
  static_assert(pairs <= 2, "a panel has at most two vectors of each half");
  if constexpr (pairs == 2) Operands::put(z, column / 2, gates[0], gates[1]);
  else Operands::putLast(z, column / 2, gates[0]);
}

/**
 * z [blockRows × padded] = sigmoid(h₁) · tanh(h₂) with h = bias + mel + W_dilated ∗ y, for the columns of one panel.
 */
template <class Operands, int pairs>
static DIFFWAVE_NOINLINE void gatePanel(const LayerTask& task, const RegisterBlock& block, int column, float* z) {
  constexpr int vectors = 2 * pairs, width = vectors * lanes;
  const int channels = wordsOf<Operands>(task.channels), melChannels = wordsOf<Operands>(task.melChannels);
  const int zStride = rowWords<Operands>(task.paddedChannels);
  const float* weights = task.gateWeights + int64_t(column) * (melChannels + 3 * channels);
  Vector sum[blockRows][vectors];
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const int at = column + v * lanes;
    if (task.conditioning == Conditioning::interpolated) {
      DIFFWAVE_UNROLL
      for (int r = 0; r < blockRows; r++) {
        const Vector from = load(block.from[r] + at);
        sum[r][v] = fma(splat(block.weight[r]), load(block.to[r] + at) - from, from);
      }
    } else {
      const Vector bias = load(task.gateBias + at);
      DIFFWAVE_UNROLL
      for (int r = 0; r < blockRows; r++) sum[r][v] = bias;
    }
  }
  if (task.conditioning == Conditioning::projected) {
    multiply(sum, block.mel, block.melStride, 1, weights, width, melChannels, Operands{});
  }
  weights += melChannels * width;
  for (int t = 0; t < 3; t++, weights += channels * width) {
    multiply(sum, block.tap[t], block.tapStride, 1, weights, width, channels, Operands{});
  }
  DIFFWAVE_UNROLL
  for (int r = 0; r < blockRows; r++) {
    Vector gates[pairs];
    DIFFWAVE_UNROLL
    for (int v = 0; v < pairs; v++) gates[v] = Operands::gated(sum[r][v], sum[r][pairs + v]);
    storeGates<Operands>(z + r * zStride, column, gates);
  }
}

/**
 * next y = (x + residual) · √½ + next step, and skip sum += skip, for the columns of one panel. (residual, skip) =
 * bias + W_output · z with z [blockRows × padded], words.
 */
template <class Operands, int pairs>
static DIFFWAVE_NOINLINE void outputPanel(const LayerTask& task, const RegisterBlock& block, int column,
                                          const float* z) {
  constexpr int vectors = 2 * pairs;
  Vector sum[blockRows][vectors];
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector bias = load(task.outputBias + column + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) sum[r][v] = bias;
  }
  const int channels = wordsOf<Operands>(task.channels);
  multiply(sum, z, rowWords<Operands>(task.paddedChannels), 1, task.outputWeights + int64_t(column) * channels,
           vectors * lanes, channels, Operands{});
  DIFFWAVE_UNROLL
  for (int v = 0; v < pairs; v++) {
    const int at = column / 2 + v * lanes;
    const Vector step = load(task.nextStep + at);
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) {
      const Vector x = load(block.x[r] + at);
      store(block.output[r] + at, fma(x + sum[r][v], splat(sqrtHalf), step));
      const Vector skip = sum[r][pairs + v];
      store(block.skip[r] + at, task.firstLayer ? skip : load(block.skip[r] + at) + skip);
    }
  }
}

/** Implements ForwardKernels::layer over one time block, at most timeBlockPositions. AMX: residual-layer-amx.h. */
template <class Operands>
static void runLayer(const LayerTask& task) {
  RegisterBlock blocks[registerBlocksPerTimeBlock];
  float* scratch = task.scratch;
  float* const z = scratch;
  scratch += timeBlockPositions * rowWords<Operands>(task.paddedChannels);
  float* const spare = scratch;
  scratch += 2 * task.paddedChannels;
  int count = 0;
  for (int64_t position = task.begin; position < task.end; position += blockRows, count++) {
    const int64_t left = task.end - position;
    findRows<Operands>(task, position, int(left < blockRows ? left : blockRows), blocks[count], scratch, spare);
  }
  const int columns = 2 * task.paddedChannels, blockSize = blockRows * rowWords<Operands>(task.paddedChannels);
  forEachPanel(columns, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) {
      for (int b = 0; b < count; b++) gatePanel<Operands, vectors / 2>(task, blocks[b], column, z + b * blockSize);
    }
  });
  forEachPanel(columns, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) {
      for (int b = 0; b < count; b++) outputPanel<Operands, vectors / 2>(task, blocks[b], column, z + b * blockSize);
    }
  });
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
