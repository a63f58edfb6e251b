// One residual layer (`LayerTask` in tasks.h) on AMX tiles, for 32 positions and sixteen channels of each half of the
// gate at a time. Products are a small part of its time, so no dilation uses Winograd blocks.
#pragma once

#include "amx-epilogues.h"
#include "residual-layer-winograd.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace amxTiles {

/** Scratch memory, given out in whole cache lines. */
class Scratch {
 public:
  explicit Scratch(float* from) : at_((reinterpret_cast<uintptr_t>(from) + 63) / 64 * 64) {}

  template <class T>
  static constexpr int64_t floatsOf(int64_t count) {
    return (count * int64_t(sizeof(T)) + 63) / 64 * int64_t(64 / sizeof(float));
  }

  template <class T>
  T* take(int64_t count) {
    T* const taken = reinterpret_cast<T*>(at_);
    at_ += uintptr_t(floatsOf<T>(count)) * sizeof(float);
    return taken;
  }

 private:
  uintptr_t at_;
};

/** Implements ForwardKernels::scratchSize: floats for `runLayer` and for all other kernels. */
static int64_t scratchSize(int paddedChannels, int widestRow) {
  const int64_t z = 2 * blocksOf(paddedChannels), left = 3 * z + 2 * blocksOf(widestRow);
  const int64_t block = Scratch::floatsOf<Pair>(z) + Scratch::floatsOf<LeftSide>(z) + Scratch::floatsOf<Pair>(left) +
                        Scratch::floatsOf<LeftSide>(left);
  const int64_t own = 16 + 2 * Scratch::floatsOf<float>(blockPositions * 2 * side) + blocksAtOnce * block;
  const int64_t others = layers::scratchSize(paddedChannels, widestRow);
  return own > others ? own : others;
}

/** Implements ForwardKernels::layerPackedSize. */
template <int parts>
static int64_t layerPackedSize(int columns, int64_t panelRows) {
  return layers::packedSize(columns, ColumnOrder::paired, panelRows) * parts / 2;
}

/**
 * Implements ForwardKernels::packLayer: weights [columns × steps] as split right sides
 * `[sixteen channels][block of 32 steps][half]`.
 */
template <int parts>
static void packLayer(const PanelRows& to, const WeightMatrix& from, ColumnOrder order) {
  const int half = from.columns / 2;
  const bool swapped = order == ColumnOrder::pairedSwapped;
  auto* const sides = reinterpret_cast<Split<parts>*>(to.panels);
  for (int j = 0; j < padded(half) / side; j++) {
    for (int64_t block = 0; block < blocksOf(from.steps); block++) {
      for (int h = 0; h < 2; h++) {
        float columnsOfBlock[depth][side] = {};
        for (int n = 0; n < side && j * side + n < half; n++) {
          const int64_t source = j * side + n + ((h == 1) != swapped ? half : 0);
          for (int64_t k = 0; k < depth && block * depth + k < from.steps; k++) {
            columnsOfBlock[k][n] = from.data[source * from.columnStride + (block * depth + k) * from.stepStride];
          }
        }
        splitColumns(sides[2 * ((j * to.rows + to.firstRow) / depth + block) + h], columnsOfBlock[0], side, depth);
      }
    }
  }
}

/**
 * Multiplies sums [rows × 32] = left · right over `blocks` blocks of 32 steps, and meanwhile runs the epilogue of the
 * product before.
 */
template <int rowTiles, int parts, class Epilogue>
static DIFFWAVE_NOINLINE void layerProductTiles(float* sums, const LeftSide* left, const Split<parts>* right,
                                                int64_t blocks, const Epilogue epilogue, int epilogueRows) {
  clearSums<rowTiles, 2>();
  const int share = int((epilogueRows + blocks - 1) / blocks);
  int row = 0;
  for (int64_t b = 0; b < blocks; b++) {
    multiplyAdd<rowTiles, 2>(left[2 * b], left[2 * b + 1], right + 2 * b);
    for (const int end = row + share < epilogueRows ? row + share : epilogueRows; row < end; row++) epilogue(row);
  }
  storeSums<rowTiles, 2>(sums, 2 * side);
}

/** Calls `layerProductTiles` with as many AMX tiles as the block's positions need. */
template <int parts, class Epilogue>
static void layerProduct(const LayerBlock& block, float* sums, const LeftSide* left, const Split<parts>* right,
                         int64_t blocks, const Epilogue& epilogue, int epilogueRows) {
  if (block.rowTiles() == 2) layerProductTiles<2>(sums, left, right, blocks, epilogue, epilogueRows);
  else layerProductTiles<1>(sums, left, right, blocks, epilogue, epilogueRows);
}

/** Runs an epilogue over all of its rows. */
template <class Epilogue>
static void finish(const Epilogue& epilogue, int count) {
  for (int r = 0; r < count; r++) epilogue(r);
}

/** Runs the layer over one or two blocks. A product writes one half of `sums` while the epilogue reads the other. */
template <int parts>
static void runBlocks(const LayerTask& task, LayerBlock* blocks, int count, float* const (&sums)[2]) {
  const int vectors = task.paddedChannels / side;
  const auto* const gateWeights = reinterpret_cast<const Split<parts>*>(task.gateWeights);
  const auto* const outputWeights = reinterpret_cast<const Split<parts>*>(task.outputWeights);
  const int64_t channelBlocks = blocksOf(task.channels);
  // The block and vector of the product before, and the number of rows that its epilogue has left.
  const LayerBlock* before = blocks;
  int turn = 0, vectorBefore = 0, rowsLeft = 0;
  const auto setPending = [&](const LayerBlock& block, int vector, int rows) {
    before = &block;
    vectorBefore = vector;
    rowsLeft = rows;
    turn ^= 1;
  };
  for (int i = 0; i < count; i++) {
    const LayerBlock& block = blocks[i];
    for (int j = 0; j < vectors; j++) {
      const Split<parts>* const right = gateWeights + 2 * j * block.leftBlocks;
      const GateEpilogue epilogue(task, *before, sums[turn ^ 1], vectorBefore);
      layerProduct(block, sums[turn], block.left, right, block.leftBlocks, epilogue, rowsLeft);
      setPending(block, j, block.rowTiles() * side);
    }
  }
  const GateEpilogue lastGateEpilogue(task, *before, sums[turn ^ 1], vectorBefore);
  if (count == 1) {
    // The next product reads these rows.
    finish(lastGateEpilogue, rowsLeft);
    rowsLeft = 0;
  }
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < vectors; j++) {
      const Split<parts>* const right = outputWeights + 2 * j * channelBlocks;
      if (i == 0 && j == 0) {
        layerProduct(blocks[i], sums[turn], blocks[i].gatedSides, right, channelBlocks, lastGateEpilogue, rowsLeft);
      } else {
        const OutputEpilogue epilogue(task, *before, sums[turn ^ 1], vectorBefore);
        layerProduct(blocks[i], sums[turn], blocks[i].gatedSides, right, channelBlocks, epilogue, rowsLeft);
      }
      setPending(blocks[i], j, blocks[i].count);
    }
  }
  finish(OutputEpilogue(task, *before, sums[turn ^ 1], vectorBefore), rowsLeft);
}

/** Finds pointers to `count` rows of a ring, from row `first` on. */
template <class Float>
static void findRowPointers(Float** to, const RowRing<Float>& ring, int64_t first, int count) {
  int64_t place = first % ring.capacity;
  for (int r = 0; r < count; r++) {
    to[r] = ring.rows + place * ring.stride;
    if (++place == ring.capacity) place = 0;
  }
}

/** Fills in a block of up to 32 positions, from `position` on. */
static void findBlock(const LayerTask& task, int64_t position, LayerBlock& block) {
  block.count = int(task.end - position < blockPositions ? task.end - position : blockPositions);
  LeftSide* to = block.left;
  Pair* copies = block.copies;
  if (task.conditioning == Conditioning::projected) {
    findLeft(task.mel, position, INT64_MAX, task.melChannels, block.rowTiles(), to, copies);
  }
  for (int t = 0; t < 3; t++) {
    const int64_t first = position + (t - 1) * task.dilation;
    findLeft(task.input, first, task.length, task.paddedChannels, block.rowTiles(), to, copies);
  }
  block.leftBlocks = (to - block.left) / 2;
  findRowPointers(block.input, task.input, position, block.count);
  findRowPointers(block.skip, task.skip, position, block.count);
  if (task.output.rows) findRowPointers(block.output, task.output, position, block.count);
  if (task.conditioning == Conditioning::interpolated) {
    for (int r = 0; r < blockPositions; r++) {
      const int64_t p = position + (r < block.count ? r : 0);
      layers::findFrames(task, p, block.from[r], block.to[r], block.weight[r]);
    }
  }
  // The skip sums were last used a layer ago. They are prefetched to be in the cache when the epilogue adds to them.
  for (int r = 0; r < block.count; r++) {
    for (int c = 0; c < task.paddedChannels; c += 16) __builtin_prefetch(block.skip[r] + c, 1);
  }
}

/**
 * Implements ForwardKernels::layer (equations: `LayerTask` in tasks.h). @tparam parts number of parts of the weights
 */
template <int parts>
static void runLayer(const LayerTask& task) {
  const TileSession session;
  LayerBlock blocks[blocksAtOnce];
  const int64_t zBlocks = blocksOf(task.paddedChannels), leftBlocks = 3 * zBlocks + blocksOf(task.melChannels);
  Scratch scratch(task.scratch);
  float* const sums[2] = {scratch.take<float>(blockPositions * 2 * side),
                          scratch.take<float>(blockPositions * 2 * side)};
  for (LayerBlock& block : blocks) {
    block.z = scratch.take<Pair>(2 * zBlocks);
    block.gatedSides = scratch.take<LeftSide>(2 * zBlocks);
    block.copies = scratch.take<Pair>(2 * leftBlocks);
    block.left = scratch.take<LeftSide>(2 * leftBlocks);
    // Products take whole blocks of 32 channels. The epilogues write those of the layer; the others must be finite.
    if (task.paddedChannels % depth != 0) memset(block.z, 0, size_t(2 * zBlocks) * sizeof(Pair));
    for (int64_t i = 0; i < 2 * zBlocks; i++) block.gatedSides[i] = sideOf(block.z[i]);
  }
  for (int64_t position = task.begin; position < task.end;) {
    int count = 0;
    for (; count < blocksAtOnce && position < task.end; position += blockPositions)
      findBlock(task, position, blocks[count++]);
    runBlocks<parts>(task, blocks, count, sums);
  }
}

}  // namespace amxTiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
