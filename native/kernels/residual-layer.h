// One residual layer (Kong et al. 2021, fig. 2; equations: `LayerTask` in tasks.h) over a time block: dilated
// convolution, mel, gate, output projection, residual and skip, without leaving the caches.
#pragma once

#include "panels.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/** The rows of one register block, [blockRows] each. */
struct RegisterBlock {
  const float* tap[3];           // inputs at p − d, p and p + d
  const float* x[blockRows];     // the layer's input
  const float* mel;              // upsampled mel, projected within the kernel
  const float* from[blockRows];  // interpolated: the projections of the frame before,
  const float* to[blockRows];    // of the frame after,
  float weight[blockRows];       // and how near the position is to the latter
  float* output[blockRows];
  float* skip[blockRows];
};

constexpr int registerBlocksPerTimeBlock = timeBlockPositions / blockRows;

/** The projections of the two frames around a position, and its distance from the first in frames. */
static void findFrames(const LayerTask& task, int64_t position, const float*& from, const float*& to, float& weight) {
  const int64_t frame = position / task.framePeriod;
  from = task.mel.at(frame < task.lastFrame ? frame : task.lastFrame);
  to = task.mel.at(frame + 1 < task.lastFrame ? frame + 1 : task.lastFrame);
  weight = static_cast<float>(position % task.framePeriod) / static_cast<float>(task.framePeriod);
}

/**
 * The rows of `count` ≤ blockRows positions from `position` on. Rows that are not contiguous in their ring, or zero
 * past the clip, are copied to `scratch`, which advances; results past `count` go to `spare`.
 */
static void findRows(const LayerTask& task, int64_t position, int count, RegisterBlock& block, float*& scratch,
                     float* spare) {
  for (int t = 0; t < 3; t++) {
    block.tap[t] = gatherRows(task.input, position + (t - 1) * task.dilation, count, task.length, scratch);
  }
  if (task.conditioning == Conditioning::projected) {
    block.mel = gatherRows(task.mel, position, count, INT64_MAX, scratch);
  }
  for (int r = 0; r < blockRows; r++) {
    const bool real = r < count;
    const int64_t p = real ? position + r : position;
    block.x[r] = block.tap[1] + r * task.input.stride;
    if (task.conditioning == Conditioning::interpolated)
      findFrames(task, p, block.from[r], block.to[r], block.weight[r]);
    block.output[r] = real && task.output.rows ? task.output.at(p) : spare;
    block.skip[r] = real ? task.skip.at(p) : spare;
  }
}

/** z [blockRows × padded] = sigmoid(h, first half) · tanh(h, second half), for the columns of one panel. */
template <int pairs>
static DIFFWAVE_NOINLINE void gatePanel(const LayerTask& task, const RegisterBlock& block, int column, float* z) {
  constexpr int vectors = 2 * pairs, width = vectors * lanes;
  const float* weights = task.gateWeights + static_cast<int64_t>(column) * (task.melChannels + 3 * task.channels);
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
    multiply(sum, block.mel, task.mel.stride, 1, weights, width, task.melChannels);
  }
  weights += task.melChannels * width;
  for (int t = 0; t < 3; t++, weights += task.channels * width) {
    multiply(sum, block.tap[t], task.input.stride, 1, weights, width, task.channels);
  }
  DIFFWAVE_UNROLL
  for (int r = 0; r < blockRows; r++) {
    DIFFWAVE_UNROLL
    for (int v = 0; v < pairs; v++) {
      store(z + r * task.paddedChannels + column / 2 + v * lanes, gate(sum[r][v], sum[r][pairs + v]));
    }
  }
}

/**
 * next y = (x + residual) · √½ + next step, and skip sum += skip, for the columns of one panel. z [blockRows ×
 * padded].
 */
template <int pairs>
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
  multiply(sum, z, task.paddedChannels, 1, task.outputWeights + static_cast<int64_t>(column) * task.channels,
           vectors * lanes, task.channels);
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

/** LayerTask over one time block, at most timeBlockPositions. Not used on AMX (residual-layer-amx.h). */
[[maybe_unused]] static void runLayer(const LayerTask& task) {
  RegisterBlock blocks[registerBlocksPerTimeBlock];
  float* scratch = task.scratch;
  float* const z = scratch;
  scratch += timeBlockPositions * task.paddedChannels;
  float* const spare = scratch;
  scratch += 2 * task.paddedChannels;
  int count = 0;
  for (int64_t position = task.begin; position < task.end; position += blockRows, count++) {
    const int64_t left = task.end - position;
    findRows(task, position, static_cast<int>(left < blockRows ? left : blockRows), blocks[count], scratch, spare);
  }
  const int columns = 2 * task.paddedChannels, blockSize = blockRows * task.paddedChannels;
  forEachPanel(columns, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) {
      for (int b = 0; b < count; b++) gatePanel<vectors / 2>(task, blocks[b], column, z + b * blockSize);
    }
  });
  forEachPanel(columns, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) {
      for (int b = 0; b < count; b++) outputPanel<vectors / 2>(task, blocks[b], column, z + b * blockSize);
    }
  });
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
