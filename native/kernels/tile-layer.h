// One residual layer (as kernels/layer.h has it) on tiles: 32 positions at a time, sixteen channels of both halves of the
// gate at a time. Its products are a small part of the work, so that all dilations are taken directly.
#pragma once

#include "quad-layer.h"
#include "tiles.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace tiles {

/** Two parts are enough here: ε of the recorded networks is 2e-5 off, and nothing hangs on a sign. */
using Pair = Split<2>;

/** Positions of a block: two rows of tiles. */
constexpr int blockPositions = 2 * side;

static int64_t blocksOf(int64_t steps) { return (steps + depth - 1) / depth; }

/** Floats of scratch memory: the block's left sides, its gated channels, and a block of sums. */
static int64_t scratchSize(int paddedChannels, int widestRow) {
  constexpr int64_t pair = side * depth;
  const int64_t left = 2 * (3 * blocksOf(paddedChannels) + blocksOf(widestRow)), z = 2 * blocksOf(paddedChannels);
  const int64_t own = pair * (left + z + 2) + 16, others = layers::scratchSize(paddedChannels, widestRow);
  return own > others ? own : others;
}

/** Where the vector of channels 16·j … of a half stands among biases and projections (kernels/panels.h, `sourceColumn`). */
static int vectorOf(int half, int j, int paddedChannels) {
  const int vectors = 2 * paddedChannels / lanes, panel = j / (blockVectors / 2) * blockVectors;
  const int width = vectors - panel < blockVectors ? vectors - panel : blockVectors;
  return panel + half * (width / 2) + j - panel / 2;
}

/** `packPanels` of kernels/panels.h for tiles: `[sixteen channels][block of 32 steps][half]` of pairs. */
static void packLayer(float* packed, const float* from, int columns, int64_t rowStride, int steps, int64_t stepStride,
                      int64_t panelRows, int64_t firstRow, bool, bool swapped) {
  const int half = columns / 2;
  Pair* const pairs = reinterpret_cast<Pair*>(packed);
  for (int j = 0; j < padded(half) / side; j++) {
    for (int64_t block = 0; block < blocksOf(steps); block++) {
      for (int h = 0; h < 2; h++) {
        float columnsOfBlock[depth][side] = {};
        for (int n = 0; n < side && j * side + n < half; n++) {
          const int64_t source = j * side + n + ((h == 1) != swapped ? half : 0);
          for (int64_t k = 0; k < depth && block * depth + k < steps; k++) {
            columnsOfBlock[k][n] = from[source * rowStride + (block * depth + k) * stepStride];
          }
        }
        splitColumns(pairs[2 * ((j * panelRows + firstRow) / depth + block) + h], columnsOfBlock[0], side, depth);
      }
    }
  }
}

/** The work on one block of positions. */
struct LayerBlock {
  const float* tap[3][blockPositions];  // null: zeros
  const float* mel[blockPositions];
  float* output[blockPositions];
  float* skip[blockPositions];
  const float* from[blockPositions];
  const float* to[blockPositions];
  float weight[blockPositions];
  int count;
  int64_t leftBlocks;
  Pair* left;   // [leftBlocks][2]
  Pair* z;      // [blocks of channels][2]
  float* sums;  // [32 positions][32]
};

template <int rowTiles>
static void findLeft(const float* const* rows, int channels, Pair*& to) {
  for (int at = 0; at < channels; at += depth, to += 2) {
    const int steps = channels - at < depth ? channels - at : depth;
    for (int m = 0; m < rowTiles; m++) {
      const auto rowAt = [=](int r) { return rows[m * side + r] == nullptr ? nullptr : rows[m * side + r] + at; };
      splitRows(to[m], rowAt, steps);
    }
  }
}

/** z = sigmoid(first half) · tanh(second half) of all channels, split for the next product. */
template <int rowTiles>
static DIFFWAVE_APART void gateTiles(const LayerTask& task, const LayerBlock& block) {
  const Pair* right = reinterpret_cast<const Pair*>(task.gateWeights);
  for (int j = 0; j < task.paddedChannels / side; j++, right += 2 * block.leftBlocks) {
    clearSums<rowTiles, 2>();
    for (int64_t b = 0; b < block.leftBlocks; b++) multiplyAdd<rowTiles, 2>(block.left + 2 * b, right + 2 * b);
    storeSums<rowTiles, 2>(block.sums, 2 * side);
    const int first = vectorOf(0, j, task.paddedChannels) * lanes, second = vectorOf(1, j, task.paddedChannels) * lanes;
    const Vector firstBias = load(task.gateBias + first), secondBias = load(task.gateBias + second);
    Pair* const z = block.z + j / 2 * 2;
    for (int r = 0; r < rowTiles * side; r++) {
      Vector a = load(block.sums + r * 2 * side), b = load(block.sums + r * 2 * side + side);
      if (task.conditioning == Conditioning::interpolated) {
        const Vector weight = splat(block.weight[r]);
        const Vector fromFirst = load(block.from[r] + first), fromSecond = load(block.from[r] + second);
        a += fma(weight, load(block.to[r] + first) - fromFirst, fromFirst);
        b += fma(weight, load(block.to[r] + second) - fromSecond, fromSecond);
      } else {
        a += firstBias;
        b += secondBias;
      }
      putRow(z[r / side], r % side, j % 2 * side, reinterpret_cast<__m512>(gate(a, b)));
    }
  }
}

/** (x + residual)/√2 with the next layer's step added, and the skip. */
template <int rowTiles>
static DIFFWAVE_APART void outputTiles(const LayerTask& task, const LayerBlock& block) {
  const int64_t blocks = blocksOf(task.channels);
  const Pair* right = reinterpret_cast<const Pair*>(task.outputWeights);
  for (int j = 0; j < task.paddedChannels / side; j++, right += 2 * blocks) {
    clearSums<rowTiles, 2>();
    for (int64_t b = 0; b < blocks; b++) multiplyAdd<rowTiles, 2>(block.z + 2 * b, right + 2 * b);
    storeSums<rowTiles, 2>(block.sums, 2 * side);
    const int at = j * side;
    const Vector residualBias = load(task.outputBias + vectorOf(0, j, task.paddedChannels) * lanes);
    const Vector skipBias = load(task.outputBias + vectorOf(1, j, task.paddedChannels) * lanes);
    const Vector step = load(task.nextStep + at);
    for (int r = 0; r < block.count; r++) {
      const Vector residual = load(block.sums + r * 2 * side) + residualBias;
      const Vector skip = load(block.sums + r * 2 * side + side) + skipBias;
      if (task.output.rows) {
        store(block.output[r] + at, fma(load(block.tap[1][r] + at) + residual, splat(0.70710678118654752f), step));
      }
      store(block.skip[r] + at, task.firstLayer ? skip : load(block.skip[r] + at) + skip);
    }
  }
}

template <int rowTiles>
static void runBlock(const LayerTask& task, LayerBlock& block) {
  Pair* to = block.left;
  if (task.conditioning == Conditioning::projected) findLeft<rowTiles>(block.mel, task.melChannels, to);
  for (int t = 0; t < 3; t++) findLeft<rowTiles>(block.tap[t], task.channels, to);
  block.leftBlocks = (to - block.left) / 2;
  gateTiles<rowTiles>(task, block);
  outputTiles<rowTiles>(task, block);
}

/** Pointers to `count` rows from `first` on; null for those outside [0, length) and past the count. */
template <class Pointer>
static void findPlaces(Pointer* to, const Ring& ring, int64_t first, int count, int64_t length) {
  const int64_t start = first < 0 ? 0 : first;
  int64_t place = start % ring.capacity;
  for (int r = 0; r < blockPositions; r++) {
    const int64_t position = first + r;
    if (position < 0 || position >= length || r >= count) {
      to[r] = nullptr;
      continue;
    }
    to[r] = ring.rows + place * ring.stride;
    if (++place == ring.capacity) place = 0;
  }
}

/** Any number of positions. */
static void runLayer(const LayerTask& task) {
  const Session session;
  LayerBlock block;
  const uintptr_t start = (reinterpret_cast<uintptr_t>(task.scratch) + 63) / 64 * 64;
  block.sums = reinterpret_cast<float*>(start);
  block.z = reinterpret_cast<Pair*>(block.sums) + 2;
  block.left = block.z + 2 * blocksOf(task.paddedChannels);
  memset(block.z, 0, 2 * blocksOf(task.paddedChannels) * sizeof(Pair));
  for (int64_t position = task.begin; position < task.end; position += blockPositions) {
    block.count = static_cast<int>(task.end - position < blockPositions ? task.end - position : blockPositions);
    for (int t = 0; t < 3; t++) {
      findPlaces(block.tap[t], task.input, position + (t - 1) * task.dilation, block.count, task.length);
    }
    findPlaces(block.skip, task.skip, position, block.count, INT64_MAX);
    if (task.output.rows) findPlaces(block.output, task.output, position, block.count, INT64_MAX);
    if (task.conditioning == Conditioning::projected) findPlaces(block.mel, task.mel, position, block.count, INT64_MAX);
    if (task.conditioning == Conditioning::interpolated) {
      for (int r = 0; r < blockPositions; r++) {
        const int64_t p = position + (r < block.count ? r : 0);
        layers::findFrames(task, p, block.from[r], block.to[r], block.weight[r]);
      }
    }
    // The sums of skips were last touched a layer ago: by the time they are needed, they are here.
    for (int r = 0; r < block.count; r++) {
      for (int c = 0; c < task.paddedChannels; c += 16) __builtin_prefetch(block.skip[r] + c, 1);
    }
    if (block.count > side) runBlock<2>(task, block);
    else runBlock<1>(task, block);
  }
}

}  // namespace tiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
