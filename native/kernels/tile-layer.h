// One residual layer (as kernels/layer.h has it) on tiles: 32 positions at a time, sixteen channels of both halves of the
// gate at a time. Its products are a small part of the work, so that all dilations are taken directly.
//
// A layer's input and the upsampled mel stand in their rings in two parts, so that tiles are loaded from there: each 32 numbers
// of a row as 32 high parts and then 32 low ones, the last sixteen of an odd number of sixteens as 16 and 16, in the place
// that the floats would take. Where a tile's last sixteen steps are not the row's own, weights are zero.
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

/** Numbers of a row from the one numbered `at`, a multiple of 32, whose parts stand together. */
static int togetherFrom(int at, int numbers) { return numbers - at > side ? depth : side; }

/** A row of floats in its parts, in place. What follows its last number up to a multiple of sixteen is taken along. */
static void splitRow(float* row, int numbers) {
  for (int at = 0; at < numbers; at += depth) {
    const int together = togetherFrom(at, numbers);
    uint16_t* const to = reinterpret_cast<uint16_t*>(row + at);
    __m256bh parts[2][2];
    for (int n = 0; n * side < together; n++) split(_mm512_loadu_ps(row + at + n * side), parts[n]);
    for (int n = 0; n * side < together; n++) {
      for (int i = 0; i < 2; i++) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + i * together + n * side), reinterpret_cast<__m256i>(parts[n][i]));
      }
    }
  }
}

static void arrangeRows(const Ring& ring, int64_t begin, int64_t end, int numbers) {
  for (int64_t position = begin; position < end; position++) splitRow(ring.at(position), numbers);
}

/** Where the sixteen numbers from `at` on of a row stand: their high parts, and their low ones. */
struct PartsAt {
  __m256bh* high;
  __m256bh* low;
};

DIFFWAVE_INLINE PartsAt partsAt(const float* row, int at, int numbers) {
  const int block = at / depth * depth;
  uint16_t* const from = reinterpret_cast<uint16_t*>(const_cast<float*>(row) + block) + (at - block);
  return {reinterpret_cast<__m256bh*>(from), reinterpret_cast<__m256bh*>(from + togetherFrom(block, numbers))};
}

/** Scratch memory, handed out in whole cache lines. */
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

/** Floats of scratch memory that `runLayer` takes, and what all other kernels need. */
static int64_t scratchSize(int paddedChannels, int widestRow) {
  const int64_t z = 2 * blocksOf(paddedChannels), left = 3 * z + 2 * blocksOf(widestRow);
  const int64_t block = Scratch::floatsOf<Pair>(z) + Scratch::floatsOf<LeftSide>(z) + Scratch::floatsOf<Pair>(left) +
                        Scratch::floatsOf<LeftSide>(left);
  const int64_t own = 16 + 2 * Scratch::floatsOf<float>(blockPositions * 2 * side) + blocksAtOnce * block;
  const int64_t others = layers::scratchSize(paddedChannels, widestRow);
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
  const float* input[blockPositions];
  float* output[blockPositions];
  float* skip[blockPositions];
  const float* from[blockPositions];
  const float* to[blockPositions];
  float weight[blockPositions];
  int count;
  int64_t leftBlocks;
  LeftSide* left;   // [leftBlocks][2]
  Pair* copies;     // of those rows that do not stand as a tile needs them
  LeftSide* zSides; // [blocks of channels][2]
  Pair* z;

  int rowTiles() const { return count > side ? 2 : 1; }
};

/** A copy of 32 numbers of sixteen rows, which rowAt(r) points to, null for zeros. */
template <class RowAt>
static LeftSide copyRows(Pair& to, const RowAt& rowAt, int at, int numbers) {
  const int together = togetherFrom(at, numbers);
  memset(&to, 0, sizeof to);
  for (int r = 0; r < side; r++) {
    const float* const row = rowAt(r);
    if (row == nullptr) continue;
    const uint16_t* const from = reinterpret_cast<const uint16_t*>(row + at);
    for (int i = 0; i < 2; i++) memcpy(to.part[i].rows[r], from + i * together, size_t(together) * sizeof *from);
  }
  return sideOf(to);
}

/** The left sides of positions from `first` on: in their ring, or copies where rows are zeros or the ring begins anew. */
static void findLeft(const Ring& ring, int64_t first, int64_t length, int numbers, int rowTiles, LeftSide*& to, Pair*& copies) {
  for (int m = 0; m < rowTiles; m++) {
    const int64_t from = first + m * side;
    const bool inPlace = from >= 0 && from + side <= length && ring.contiguous(from, side);
    const auto rowAt = [&](int r) { return from + r < 0 || from + r >= length ? nullptr : ring.at(from + r); };
    for (int at = 0; at < numbers; at += depth) {
      LeftSide& sideAt = to[at / depth * 2 + m];
      if (inPlace) {
        sideAt = {reinterpret_cast<const char*>(ring.at(from) + at), ring.stride * ptrdiff_t(sizeof(float)),
                  togetherFrom(at, numbers) * ptrdiff_t(sizeof(uint16_t))};
      } else {
        sideAt = copyRows(*copies++, rowAt, at, numbers);
      }
    }
  }
  to += 2 * blocksOf(numbers);
}

// What is left to do with the sums of a product, row by row. It is done between the steps of the next product: tiles multiply on a
// unit of their own, and take about as long as the gate.

/** z = sigmoid(first half) · tanh(second half) of sixteen channels, split for the next product. */
class GateRows {
 public:
  GateRows(const LayerTask& task, const LayerBlock& block, const float* sums, int channelVector)
      : block_(block),
        sums_(sums),
        interpolated_(task.conditioning == Conditioning::interpolated),
        first_(vectorOf(0, channelVector, task.paddedChannels) * lanes),
        second_(vectorOf(1, channelVector, task.paddedChannels) * lanes),
        firstBias_(load(task.gateBias + first_)),
        secondBias_(load(task.gateBias + second_)),
        z_(block.z + channelVector / 2 * 2),
        at_(channelVector % 2 * side) {}

  DIFFWAVE_INLINE void operator()(int r) const {
    Vector a = load(sums_ + r * 2 * side), b = load(sums_ + r * 2 * side + side);
    if (interpolated_) {
      const Vector weight = splat(block_.weight[r]);
      const Vector fromFirst = load(block_.from[r] + first_), fromSecond = load(block_.from[r] + second_);
      a += fma(weight, load(block_.to[r] + first_) - fromFirst, fromFirst);
      b += fma(weight, load(block_.to[r] + second_) - fromSecond, fromSecond);
    } else {
      a += firstBias_;
      b += secondBias_;
    }
    putRow(z_[r / side], r % side, at_, reinterpret_cast<__m512>(gate(a, b)));
  }

 private:
  const LayerBlock& block_;
  const float* const sums_;
  const bool interpolated_;
  const int first_, second_;
  const Vector firstBias_, secondBias_;
  Pair* const z_;
  const int at_;
};

/** (x + residual)/√2 with the next layer's step added, and the skip, of sixteen channels. */
class OutputRows {
 public:
  OutputRows(const LayerTask& task, const LayerBlock& block, const float* sums, int channelVector)
      : block_(block),
        sums_(sums),
        hasOutput_(task.output.rows != nullptr),
        firstLayer_(task.firstLayer),
        at_(channelVector * side),
        padded_(task.paddedChannels),
        residualBias_(load(task.outputBias + vectorOf(0, channelVector, task.paddedChannels) * lanes)),
        skipBias_(load(task.outputBias + vectorOf(1, channelVector, task.paddedChannels) * lanes)),
        step_(load(task.nextStep + at_)) {}

  DIFFWAVE_INLINE void operator()(int r) const {
    if (hasOutput_) {
      const PartsAt from = partsAt(block_.input[r], at_, padded_);
      const Vector x = reinterpret_cast<Vector>(joined(from.high, from.low));
      const Vector next = fma(x + (load(sums_ + r * 2 * side) + residualBias_), splat(0.70710678118654752f), step_);
      __m256bh parts[2];
      split(reinterpret_cast<__m512>(next), parts);
      const PartsAt to = partsAt(block_.output[r], at_, padded_);
      *to.high = parts[0];
      *to.low = parts[1];
    }
    float* const to = block_.skip[r] + at_;
    const Vector skip = load(sums_ + r * 2 * side + side) + skipBias_;
    store(to, firstLayer_ ? skip : load(to) + skip);
  }

 private:
  const LayerBlock& block_;
  const float* const sums_;
  const bool hasOutput_, firstLayer_;
  const int at_, padded_;
  const Vector residualBias_, skipBias_, step_;
};

/** Sums of 32 columns, [rows][32], and meanwhile what is `left` of the product before. */
template <int rowTiles, class Rest>
static DIFFWAVE_APART void layerProductTiles(float* sums, const LeftSide* left, const Pair* right, int64_t blocks,
                                             const Rest rest, int restRows) {
  clearSums<rowTiles, 2>();
  const int share = int((restRows + blocks - 1) / blocks);
  int row = 0;
  for (int64_t b = 0; b < blocks; b++) {
    multiplyAdd<rowTiles, 2>(left[2 * b], left[2 * b + 1], right + 2 * b);
    for (const int end = row + share < restRows ? row + share : restRows; row < end; row++) rest(row);
  }
  storeSums<rowTiles, 2>(sums, 2 * side);
}

template <class Rest>
static void layerProduct(const LayerBlock& block, float* sums, const LeftSide* left, const Pair* right, int64_t blocks,
                         const Rest& rest, int restRows) {
  if (block.rowTiles() == 2) layerProductTiles<2>(sums, left, right, blocks, rest, restRows);
  else layerProductTiles<1>(sums, left, right, blocks, rest, restRows);
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
  // The product before, of whose sums so many rows are left to do.
  const LayerBlock* before = blocks;
  int turn = 0, vectorBefore = 0, rowsLeft = 0;
  const auto leave = [&](const LayerBlock& block, int vector, int rows) {
    before = &block;
    vectorBefore = vector;
    rowsLeft = rows;
    turn ^= 1;
  };
  for (int i = 0; i < count; i++) {
    const LayerBlock& block = blocks[i];
    for (int j = 0; j < vectors; j++) {
      const Pair* const right = gateWeights + 2 * j * block.leftBlocks;
      const GateRows rest(task, *before, sums[turn ^ 1], vectorBefore);
      layerProduct(block, sums[turn], block.left, right, block.leftBlocks, rest, rowsLeft);
      leave(block, j, block.rowTiles() * side);
    }
  }
  const GateRows lastGate(task, *before, sums[turn ^ 1], vectorBefore);
  if (count == 1) {
    // The next product needs them.
    finish(lastGate, rowsLeft);
    rowsLeft = 0;
  }
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < vectors; j++) {
      const Pair* const right = outputWeights + 2 * j * channelBlocks;
      if (i == 0 && j == 0) {
        layerProduct(blocks[i], sums[turn], blocks[i].zSides, right, channelBlocks, lastGate, rowsLeft);
      } else {
        const OutputRows rest(task, *before, sums[turn ^ 1], vectorBefore);
        layerProduct(blocks[i], sums[turn], blocks[i].zSides, right, channelBlocks, rest, rowsLeft);
      }
      leave(blocks[i], j, blocks[i].count);
    }
  }
  finish(OutputRows(task, *before, sums[turn ^ 1], vectorBefore), rowsLeft);
}

/** Pointers to `count` rows from `first` on. */
template <class Pointer>
static void findPlaces(Pointer* to, const Ring& ring, int64_t first, int count) {
  int64_t place = first % ring.capacity;
  for (int r = 0; r < count; r++) {
    to[r] = ring.rows + place * ring.stride;
    if (++place == ring.capacity) place = 0;
  }
}

static void findBlock(const LayerTask& task, int64_t position, LayerBlock& block) {
  block.count = static_cast<int>(task.end - position < blockPositions ? task.end - position : blockPositions);
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
  findPlaces(block.input, task.input, position, block.count);
  findPlaces(block.skip, task.skip, position, block.count);
  if (task.output.rows) findPlaces(block.output, task.output, position, block.count);
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
  const int64_t zBlocks = blocksOf(task.paddedChannels), leftBlocks = 3 * zBlocks + blocksOf(task.melChannels);
  Scratch scratch(task.scratch);
  float* const sums[2] = {scratch.take<float>(blockPositions * 2 * side), scratch.take<float>(blockPositions * 2 * side)};
  for (LayerBlock& block : blocks) {
    block.z = scratch.take<Pair>(2 * zBlocks);
    block.zSides = scratch.take<LeftSide>(2 * zBlocks);
    block.copies = scratch.take<Pair>(2 * leftBlocks);
    block.left = scratch.take<LeftSide>(2 * leftBlocks);
    memset(block.z, 0, size_t(2 * zBlocks) * sizeof(Pair));
    for (int64_t i = 0; i < 2 * zBlocks; i++) block.zSides[i] = sideOf(block.z[i]);
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
