// One residual layer for small dilations. Its dilated convolution runs in Winograd blocks of four positions
// (native/winograd.h), with half as many multiplications. The rows of a task are ordered by their place in the block,
// then by block: row j · blocks + b is position + j · dilation of block b.
#pragma once

#include "residual-layer.h"
#include "winograd-transforms.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

constexpr int winogradRowsPerTask = winogradOutputs * winogradBlocksPerTask, panelWidth = blockVectors * lanes;
static_assert(winogradBlocksPerTask % blockRows == 0, "a task is whole register blocks");

/**
 * Implements ForwardKernels::scratchSize: floats for `runLayer` and `runRows` (copies of three taps and of the mel, z,
 * and spare rows) and for `runWinogradLayer` (the arrays of `WinogradWork`).
 */
static int64_t scratchSize(int paddedChannels, int widestRow) {
  const int64_t direct = timeBlockPositions * (4 * paddedChannels + widestRow) + 2 * paddedChannels + 2 * widestRow;
  const int64_t winograd = winogradBlocksPerTask * int64_t(winogradInputs) * (paddedChannels + panelWidth) +
                           winogradRowsPerTask * int64_t(paddedChannels + panelWidth + widestRow) +
                           3 * int64_t(paddedChannels);
  return direct > winograd ? direct : winograd;
}

/** Memory of one task. */
struct WinogradWork {
  int blocks;                              // rounded up to whole register blocks
  int stride;                              // words of a row of channels
  float* inputs;                           // [6 × blocks × stride] Bᵀ·y, words
  float* products;                         // [6 × blocks × width of a panel]
  float* starts;                           // [4 · blocks × width] bias and projected mel, to which products are added
  int melStride;                           // words of a row of the mel
  float* mel;                              // [4 · blocks × melStride], words
  float* z;                                // [4 · blocks × stride] gated activations, words
  float* spare;                            // a row for results that nobody reads
  float* zeros;                            // a row past the clip's ends
  const float* x[winogradRowsPerTask];     // the layer's input
  int64_t position[winogradRowsPerTask];   // −1: beyond the clip or the task
  const float* from[winogradRowsPerTask];  // interpolated: as in RegisterBlock
  const float* to[winogradRowsPerTask];
  float weight[winogradRowsPerTask];
};

/** to [blockRows × vectors · lanes] = bias (0 if null) + rows [blockRows × steps] · one panel of weights. */
template <class Operands, int vectors>
static DIFFWAVE_NOINLINE void productPanel(const float* rows, int stride, const float* weights, int steps,
                                           const float* bias, float* to) {
  Vector sum[blockRows][vectors];
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector start = bias == nullptr ? Vector{} : load(bias + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) sum[r][v] = start;
  }
  multiply(sum, rows, stride, 1, weights, vectors * lanes, steps, Operands{});
  DIFFWAVE_UNROLL
  for (int r = 0; r < blockRows; r++) {
    DIFFWAVE_UNROLL
    for (int v = 0; v < vectors; v++) store(to + (r * vectors + v) * lanes, sum[r][v]);
  }
}

/** Returns the start of a gate's sum: bias and projected mel, the interpolated projections, or the bias. */
DIFFWAVE_INLINE Vector winogradGateStart(const LayerTask& task, const WinogradWork& work, int row, int width,
                                         int column, int at) {
  if (task.conditioning == Conditioning::projected) return load(work.starts + row * width + at);
  if (task.conditioning == Conditioning::none) return load(task.gateBias + column + at);
  const Vector from = load(work.from[row] + column + at);
  return fma(splat(work.weight[row]), load(work.to[row] + column + at) - from, from);
}

/**
 * z [4 · blocks × padded] = sigmoid(h₁) · tanh(h₂) with h = start + Aᵀ[(G·g) ⊙ (Bᵀ·y)], for all rows of the task and
 * the columns of one panel.
 */
template <class Operands, int pairs>
static void winogradGatePanel(const LayerTask& task, const WinogradWork& work, int column) {
  constexpr int vectors = 2 * pairs, width = vectors * lanes;
  const int blocks = work.blocks, stride = work.stride;
  const int channels = wordsOf<Operands>(task.channels), melChannels = wordsOf<Operands>(task.melChannels);
  const float* weights = task.gateWeights + int64_t(column) * (melChannels + winogradInputs * channels);
  if (task.conditioning == Conditioning::projected) {
    for (int row = 0; row < winogradOutputs * blocks; row += blockRows) {
      productPanel<Operands, vectors>(work.mel + int64_t(row) * work.melStride, work.melStride, weights, melChannels,
                                      task.gateBias + column, work.starts + row * width);
    }
  }
  weights += melChannels * width;
  for (int k = 0; k < winogradInputs; k++, weights += channels * width) {
    for (int b = 0; b < blocks; b += blockRows) {
      productPanel<Operands, vectors>(work.inputs + int64_t(k * blocks + b) * stride, stride, weights, channels,
                                      nullptr, work.products + (k * blocks + b) * width);
    }
  }
  for (int b = 0; b < blocks; b++) {
    Vector gates[winogradOutputs][pairs];
    DIFFWAVE_UNROLL
    for (int v = 0; v < pairs; v++) {
      const int first = v * lanes, second = (pairs + v) * lanes;
      Vector s[winogradOutputs], t[winogradOutputs];
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        s[j] = winogradGateStart(task, work, j * blocks + b, width, column, first);
        t[j] = winogradGateStart(task, work, j * blocks + b, width, column, second);
      }
      training::outputTransform(work.products + b * width + first, blocks * width, s);
      training::outputTransform(work.products + b * width + second, blocks * width, t);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) gates[j][v] = Operands::gated(s[j], t[j]);
    }
    DIFFWAVE_UNROLL
    for (int j = 0; j < winogradOutputs; j++) {
      storeGates<Operands>(work.z + int64_t(j * blocks + b) * stride, column, gates[j]);
    }
  }
}

/** Bᵀ·y of one block: from six rows of `padded` floats to six rows of words, `plane` words apart. */
template <class Operands>
static DIFFWAVE_INLINE void transformRows(const float* const (&rows)[winogradInputs], int padded, float* to,
                                          ptrdiff_t plane) {
  const auto transform = [&](int c, Vector(&transformed)[winogradInputs]) {
    Vector in[winogradInputs];
    DIFFWAVE_UNROLL
    for (int i = 0; i < winogradInputs; i++) in[i] = load(rows[i] + c);
    training::inputTransform(in, transformed);
  };
  Vector first[winogradInputs], second[winogradInputs];
  int c = 0;
  for (; c + 2 * lanes <= padded; c += 2 * lanes) {
    transform(c, first);
    transform(c + lanes, second);
    DIFFWAVE_UNROLL
    for (int k = 0; k < winogradInputs; k++) Operands::put(to + k * plane, c, first[k], second[k]);
  }
  if (c == padded) return;
  transform(c, first);
  DIFFWAVE_UNROLL
  for (int k = 0; k < winogradInputs; k++) Operands::putLast(to + k * plane, c, first[k]);
}

/** Divides the task's scratch memory. The mel comes last, because its size depends on the form of its rows. */
template <class Operands>
static void layOut(const LayerTask& task, WinogradWork& work) {
  float* scratch = task.scratch;
  const auto take = [&](int64_t size) {
    float* const at = scratch;
    scratch += size;
    return at;
  };
  const int64_t blocks = work.blocks;
  work.stride = rowWords<Operands>(task.paddedChannels);
  work.inputs = take(winogradInputs * blocks * work.stride);
  work.products = take(winogradInputs * blocks * panelWidth);
  work.starts = take(winogradOutputs * blocks * panelWidth);
  work.z = take(winogradOutputs * blocks * work.stride);
  work.spare = take(2 * task.paddedChannels);
  work.zeros = take(task.paddedChannels);
  work.mel = scratch;
  work.melStride = Operands::numbersPerWord == 1 ? task.mel.stride : rowWords<Operands>(task.melChannels);
  memset(work.zeros, 0, size_t(task.paddedChannels) * sizeof(float));
}

/** Transforms the inputs of `count` blocks, and finds the rows of their positions and the mel there. */
template <class Operands>
static void gatherBlocks(const LayerTask& task, int count, WinogradWork& work) {
  const int blocks = work.blocks;
  const int64_t dilation = task.dilation;
  for (int b = 0; b < blocks; b++) {
    const int64_t position = task.begin + winogradBlockStart(task.winogradBegin + b, dilation);
    const float* rows[winogradInputs];
    for (int i = 0; i < winogradInputs; i++) {
      const int64_t p = position + (i - 1) * dilation;
      rows[i] = b < count && p >= 0 && p < task.length ? task.input.at(p) : work.zeros;
    }
    transformRows<Operands>(rows, task.paddedChannels, work.inputs + int64_t(b) * work.stride,
                            ptrdiff_t(blocks) * work.stride);
    for (int j = 0; j < winogradOutputs; j++) {
      const int row = j * blocks + b;
      const int64_t p = position + j * dilation;
      const bool real = b < count && p < task.end;
      work.x[row] = rows[j + 1];
      work.position[row] = real ? p : -1;
      const int64_t settled = real ? p : task.begin;
      if (task.conditioning == Conditioning::projected) {
        copyNumbers<Operands>(work.mel + int64_t(row) * work.melStride, task.mel.at(settled), task.melChannels);
      } else if (task.conditioning == Conditioning::interpolated) {
        findFrames(task, settled, work.from[row], work.to[row], work.weight[row]);
      }
    }
  }
}

/** Finds the rows that the output projection of each register block reads and writes. */
static void findOutputRows(const LayerTask& task, const WinogradWork& work, RegisterBlock* registerBlocks) {
  for (int row = 0; row < winogradOutputs * work.blocks; row++) {
    RegisterBlock& block = registerBlocks[row / blockRows];
    const int r = row % blockRows;
    const int64_t p = work.position[row];
    block.x[r] = work.x[row];
    block.output[r] = p >= 0 && task.output.rows ? task.output.at(p) : work.spare;
    block.skip[r] = p >= 0 ? task.skip.at(p) : work.spare;
  }
}

/**
 * Implements ForwardKernels::winogradLayer (equations: `LayerTask` in tasks.h) for Winograd blocks [winogradBegin,
 * winogradEnd), counted from position `begin`. A task has at most winogradBlocksPerTask of them.
 */
template <class Operands>
static void runWinogradLayer(const LayerTask& task) {
  const int columns = 2 * task.paddedChannels, count = int(task.winogradEnd - task.winogradBegin);
  WinogradWork work;
  work.blocks = (count + blockRows - 1) / blockRows * blockRows;
  layOut<Operands>(task, work);
  gatherBlocks<Operands>(task, count, work);
  forEachPanel(columns, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) winogradGatePanel<Operands, vectors / 2>(task, work, column);
  });
  RegisterBlock registerBlocks[winogradRowsPerTask / blockRows];
  findOutputRows(task, work, registerBlocks);
  forEachPanel(columns, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) {
      for (int row = 0; row < winogradOutputs * work.blocks; row += blockRows) {
        outputPanel<Operands, vectors / 2>(task, registerBlocks[row / blockRows], column,
                                           work.z + int64_t(row) * work.stride);
      }
    }
  });
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
