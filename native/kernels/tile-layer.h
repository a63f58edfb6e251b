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
/** Blocks whose products follow one another. */
constexpr int blocksAtOnce = 2;

static int64_t blocksOf(int64_t steps) { return (steps + depth - 1) / depth; }

/** Floats of scratch memory: the blocks' left sides, their gated channels, and two blocks of sums. */
static int64_t scratchSize(int paddedChannels, int widestRow) {
  constexpr int64_t pair = side * depth;
  const int64_t left = 2 * (3 * blocksOf(paddedChannels) + blocksOf(widestRow)), z = 2 * blocksOf(paddedChannels);
  const int64_t own = pair * (blocksAtOnce * (left + z) + 4) + 16, others = layers::scratchSize(paddedChannels, widestRow);
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
  Pair* left;  // [leftBlocks][2]
  Pair* z;     // [blocks of channels][2]

  int rowTiles() const { return count > side ? 2 : 1; }
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

/**
 * What is left to do with the sums of a product, row by row. It is done between the steps of the next product: tiles multiply on a
 * unit of their own, and take about as long as the gate.
 */
struct Nothing {
  DIFFWAVE_INLINE void operator()(int) const {}
};

/** z = sigmoid(first half) · tanh(second half) of sixteen channels, split for the next product. */
struct GateRows {
  const LayerTask& task;
  const LayerBlock& block;
  const float* sums;
  int channelVector;

  DIFFWAVE_INLINE void operator()(int r) const {
    const int first = vectorOf(0, channelVector, task.paddedChannels) * lanes;
    const int second = vectorOf(1, channelVector, task.paddedChannels) * lanes;
    Vector a = load(sums + r * 2 * side), b = load(sums + r * 2 * side + side);
    if (task.conditioning == Conditioning::interpolated) {
      const Vector weight = splat(block.weight[r]);
      const Vector fromFirst = load(block.from[r] + first), fromSecond = load(block.from[r] + second);
      a += fma(weight, load(block.to[r] + first) - fromFirst, fromFirst);
      b += fma(weight, load(block.to[r] + second) - fromSecond, fromSecond);
    } else {
      a += load(task.gateBias + first);
      b += load(task.gateBias + second);
    }
    Pair* const z = block.z + channelVector / 2 * 2;
    putRow(z[r / side], r % side, channelVector % 2 * side, reinterpret_cast<__m512>(gate(a, b)));
  }
};

/** (x + residual)/√2 with the next layer's step added, and the skip, of sixteen channels. */
struct OutputRows {
  const LayerTask& task;
  const LayerBlock& block;
  const float* sums;
  int channelVector;

  DIFFWAVE_INLINE void operator()(int r) const {
    if (r >= block.count) return;
    const int at = channelVector * side;
    const Vector residual =
        load(sums + r * 2 * side) + load(task.outputBias + vectorOf(0, channelVector, task.paddedChannels) * lanes);
    const Vector skip =
        load(sums + r * 2 * side + side) + load(task.outputBias + vectorOf(1, channelVector, task.paddedChannels) * lanes);
    if (task.output.rows) {
      const Vector x = load(block.tap[1][r] + at);
      store(block.output[r] + at, fma(x + residual, splat(0.70710678118654752f), load(task.nextStep + at)));
    }
    store(block.skip[r] + at, task.firstLayer ? skip : load(block.skip[r] + at) + skip);
  }
};

/** Sums of 32 columns, [rows][32], and meanwhile what is `left` of the product before. */
template <int rowTiles, class Rest>
static DIFFWAVE_APART void productTiles(float* sums, const Pair* left, const Pair* right, int64_t blocks, const Rest& rest,
                                   int restRows) {
  clearSums<rowTiles, 2>();
  const int share = int((restRows + blocks - 1) / blocks);
  int row = 0;
  for (int64_t b = 0; b < blocks; b++) {
    multiplyAdd<rowTiles, 2>(left + 2 * b, right + 2 * b);
    for (const int end = row + share < restRows ? row + share : restRows; row < end; row++) rest(row);
  }
  storeSums<rowTiles, 2>(sums, 2 * side);
}

template <class Rest>
static void product(const LayerBlock& block, float* sums, const Pair* left, const Pair* right, int64_t blocks,
                    const Rest& rest, int restRows) {
  if (block.rowTiles() == 2) productTiles<2>(sums, left, right, blocks, rest, restRows);
  else productTiles<1>(sums, left, right, blocks, rest, restRows);
}

static void findLefts(const LayerTask& task, LayerBlock& block) {
  const auto find = [&](auto rowTiles) {
    Pair* to = block.left;
    if (task.conditioning == Conditioning::projected) findLeft<rowTiles>(block.mel, task.melChannels, to);
    for (int t = 0; t < 3; t++) findLeft<rowTiles>(block.tap[t], task.channels, to);
    block.leftBlocks = (to - block.left) / 2;
  };
  if (block.rowTiles() == 2) find(std::integral_constant<int, 2>{});
  else find(std::integral_constant<int, 1>{});
}

template <class Rows>
static void finish(const Rows& rows, int count) {
  for (int r = 0; r < count; r++) rows(r);
}

/** A layer over one or two blocks; half of `sums` is written while the other half is read. */
static void runBlocks(const LayerTask& task, LayerBlock* blocks, int count, float* const (&sums)[2]) {
  const int vectors = task.paddedChannels / side;
  const Pair* const gateWeights = reinterpret_cast<const Pair*>(task.gateWeights);
  const Pair* const outputWeights = reinterpret_cast<const Pair*>(task.outputWeights);
  const int64_t channelBlocks = blocksOf(task.channels);
  int turn = 0, vectorBefore = 0;
  const LayerBlock* before = nullptr;
  const auto pass = [&](const LayerBlock& block, int vector) {
    before = &block;
    vectorBefore = vector;
    turn ^= 1;
  };
  for (int i = 0; i < count; i++) {
    LayerBlock& block = blocks[i];
    findLefts(task, block);
    for (int j = 0; j < vectors; j++) {
      const Pair* const right = gateWeights + 2 * j * block.leftBlocks;
      if (before == nullptr) {
        product(block, sums[turn], block.left, right, block.leftBlocks, Nothing{}, 0);
      } else {
        const GateRows rest{task, *before, sums[turn ^ 1], vectorBefore};
        product(block, sums[turn], block.left, right, block.leftBlocks, rest, before->rowTiles() * side);
      }
      pass(block, j);
    }
  }
  const GateRows lastGate{task, *before, sums[turn ^ 1], vectorBefore};
  int gateRows = before->rowTiles() * side;
  if (count == 1) {
    // The next product needs them.
    finish(lastGate, gateRows);
    gateRows = 0;
  }
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < vectors; j++) {
      const Pair* const right = outputWeights + 2 * j * channelBlocks;
      if (i == 0 && j == 0) {
        product(blocks[i], sums[turn], blocks[i].z, right, channelBlocks, lastGate, gateRows);
      } else {
        const OutputRows rest{task, *before, sums[turn ^ 1], vectorBefore};
        product(blocks[i], sums[turn], blocks[i].z, right, channelBlocks, rest, before->count);
      }
      pass(blocks[i], j);
    }
  }
  finish(OutputRows{task, *before, sums[turn ^ 1], vectorBefore}, before->count);
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

static void findBlock(const LayerTask& task, int64_t position, LayerBlock& block) {
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
}

/** Any number of positions. */
static void runLayer(const LayerTask& task) {
  const Session session;
  LayerBlock blocks[blocksAtOnce];
  const uintptr_t start = (reinterpret_cast<uintptr_t>(task.scratch) + 63) / 64 * 64;
  Pair* scratch = reinterpret_cast<Pair*>(start);
  float* const sums[2] = {reinterpret_cast<float*>(scratch), reinterpret_cast<float*>(scratch + 2)};
  scratch += 4;
  const int64_t zPairs = 2 * blocksOf(task.paddedChannels);
  for (LayerBlock& block : blocks) {
    block.z = scratch;
    block.left = scratch + zPairs;
    memset(block.z, 0, size_t(zPairs) * sizeof(Pair));
    scratch = block.left + 2 * (3 * blocksOf(task.channels) + blocksOf(task.melChannels));
  }
  for (int64_t position = task.begin; position < task.end;) {
    int count = 0;
    for (; count < blocksAtOnce && position < task.end; position += blockPositions) findBlock(task, position, blocks[count++]);
    runBlocks(task, blocks, count, sums);
  }
}

}  // namespace tiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
