// One residual layer (`LayerTask` in tasks.h) on AMX tiles: 32 positions at a time, sixteen channels of both halves of
// the gate at a time. Its products are a small part of the work, so all dilations are computed directly.
//
// A layer's input and the upsampled mel are kept in their rings in two bfloat16 parts, so that AMX tiles load from
// there: each 32 numbers of a row as 32 high parts followed by 32 low ones, in the memory that the floats would take.
// If the number of sixteens is odd, the last sixteen are 16 and 16. If the last sixteen steps of a tile lie past the
// row, their weights are zero.
#pragma once

#include "amx.h"
#include "residual-layer-winograd.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace amxTiles {

/**
 * Two parts are enough here: ε of the recorded networks is off by 2e-5, and nothing depends on a sign. Weights have
 * two as well, or with `precision: 'fast'` only the high one: then a product of floats is one tile product, of the two
 * high parts, in place of three.
 */
using Pair = Split<2>;

/** Positions of a block: two rows of AMX tiles. */
constexpr int blockPositions = 2 * side;
/** Blocks whose products follow one another, so that one's epilogue overlaps the next one's product. */
constexpr int blocksAtOnce = 2;

/** Blocks of 32 that cover `steps`. */
static int64_t blocksOf(int64_t steps) { return (steps + depth - 1) / depth; }

/** How many numbers of a row from `at` (a multiple of 32) on have their parts stored together. */
static int togetherFrom(int at, int numbers) { return numbers - at > side ? depth : side; }

/** Splits a row of floats in place, up to the next multiple of sixteen numbers. */
static void splitRow(float* row, int numbers) {
  for (int at = 0; at < numbers; at += depth) {
    const int together = togetherFrom(at, numbers);
    uint16_t* const to = reinterpret_cast<uint16_t*>(row + at);
    __m256bh parts[2][2];
    for (int n = 0; n * side < together; n++) split(_mm512_loadu_ps(row + at + n * side), parts[n]);
    for (int n = 0; n * side < together; n++) {
      for (int i = 0; i < 2; i++) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to + i * together + n * side),
                           reinterpret_cast<__m256i>(parts[n][i]));
      }
    }
  }
}

/** ForwardKernels::arrangeRows. */
static void arrangeRows(const Ring& ring, int64_t begin, int64_t end, int numbers) {
  for (int64_t position = begin; position < end; position++) splitRow(ring.at(position), numbers);
}

/** The high and the low parts of sixteen numbers. */
struct PartsAt {
  __m256bh* high;
  __m256bh* low;
};

/** Where the parts of the sixteen numbers from `at` on of a row lie. */
DIFFWAVE_INLINE PartsAt partsAt(const float* row, int at, int numbers) {
  const int block = at / depth * depth;
  uint16_t* const from = reinterpret_cast<uint16_t*>(const_cast<float*>(row) + block) + (at - block);
  return {reinterpret_cast<__m256bh*>(from), reinterpret_cast<__m256bh*>(from + togetherFrom(block, numbers))};
}

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

/** Floats of scratch memory for `runLayer` and for all other kernels. */
static int64_t scratchSize(int paddedChannels, int widestRow) {
  const int64_t z = 2 * blocksOf(paddedChannels), left = 3 * z + 2 * blocksOf(widestRow);
  const int64_t block = Scratch::floatsOf<Pair>(z) + Scratch::floatsOf<LeftSide>(z) + Scratch::floatsOf<Pair>(left) +
                        Scratch::floatsOf<LeftSide>(left);
  const int64_t own = 16 + 2 * Scratch::floatsOf<float>(blockPositions * 2 * side) + blocksAtOnce * block;
  const int64_t others = layers::scratchSize(paddedChannels, widestRow);
  return own > others ? own : others;
}

/**
 * Index of the vector of channels 16·j … of a half among biases and projections (kernels/panels.h, `sourceColumn`).
 */
static int vectorOf(int half, int j, int paddedChannels) {
  const int vectors = 2 * paddedChannels / lanes, panel = j / (blockVectors / 2) * blockVectors;
  const int width = vectors - panel < blockVectors ? vectors - panel : blockVectors;
  return panel + half * (width / 2) + j - panel / 2;
}

/** ForwardKernels::layerPackedSize. */
template <int parts>
static int64_t layerPackedSize(int columns, int64_t panelRows) {
  return layers::packedSize(columns, true, panelRows) * parts / 2;
}

/** ForwardKernels::packLayer for AMX tiles: `[sixteen channels][block of 32 steps][half]` of split right sides. */
template <int parts>
static void packLayer(float* packed, const float* from, int columns, int64_t rowStride, int steps, int64_t stepStride,
                      int64_t panelRows, int64_t firstRow, bool, bool swapped) {
  const int half = columns / 2;
  auto* const sides = reinterpret_cast<Split<parts>*>(packed);
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
        splitColumns(sides[2 * ((j * panelRows + firstRow) / depth + block) + h], columnsOfBlock[0], side, depth);
      }
    }
  }
}

/** One block of positions: pointers to its rows, and the left sides of its products. */
struct LayerBlock {
  const float* input[blockPositions];
  float* output[blockPositions];
  float* skip[blockPositions];
  const float* from[blockPositions];
  const float* to[blockPositions];
  float weight[blockPositions];
  int count;
  int64_t leftBlocks;
  LeftSide* left;        // [leftBlocks][2]
  Pair* copies;          // copies of rows whose layout does not match an AMX tile
  LeftSide* gatedSides;  // [blocks of channels][2]
  Pair* z;

  int rowTiles() const { return count > side ? 2 : 1; }
};

/** Copies 32 numbers of sixteen rows; rowAt(r) points to one, or is null for zeros. */
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

/**
 * The left sides of positions from `first` on: in their ring, or copies if rows are zeros or the ring wraps around.
 */
static void findLeft(const Ring& ring, int64_t first, int64_t length, int numbers, int rowTiles, LeftSide*& to,
                     Pair*& copies) {
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

// Epilogues: what is left to do with the sums of a product, row by row. They run between the steps of the next
// product, since AMX tiles multiply on a unit of their own, and take about as long as the gate.

/** z = sigmoid(h, first half) · tanh(h, second half) of sixteen channels, split for the next product. */
class GateEpilogue {
 public:
  GateEpilogue(const LayerTask& task, const LayerBlock& block, const float* sums, int channelVector)
      : block_(block),
        sums_(sums),
        interpolated_(task.conditioning == Conditioning::interpolated),
        sigmoidAt_(vectorOf(0, channelVector, task.paddedChannels) * lanes),
        tanhAt_(vectorOf(1, channelVector, task.paddedChannels) * lanes),
        sigmoidBias_(load(task.gateBias + sigmoidAt_)),
        tanhBias_(load(task.gateBias + tanhAt_)),
        z_(block.z + channelVector / 2 * 2),
        at_(channelVector % 2 * side) {}

  DIFFWAVE_INLINE void operator()(int r) const {
    Vector a = load(sums_ + r * 2 * side), b = load(sums_ + r * 2 * side + side);
    if (interpolated_) {
      const Vector weight = splat(block_.weight[r]);
      const Vector fromSigmoid = load(block_.from[r] + sigmoidAt_), fromTanh = load(block_.from[r] + tanhAt_);
      a += fma(weight, load(block_.to[r] + sigmoidAt_) - fromSigmoid, fromSigmoid);
      b += fma(weight, load(block_.to[r] + tanhAt_) - fromTanh, fromTanh);
    } else {
      a += sigmoidBias_;
      b += tanhBias_;
    }
    putRow(z_[r / side], r % side, at_, reinterpret_cast<__m512>(gate(a, b)));
  }

 private:
  const LayerBlock& block_;
  const float* const sums_;
  const bool interpolated_;
  const int sigmoidAt_, tanhAt_;
  const Vector sigmoidBias_, tanhBias_;
  Pair* const z_;
  const int at_;
};

/** next y = (x + residual) · √½ + next step, and skip sum += skip, of sixteen channels. */
class OutputEpilogue {
 public:
  OutputEpilogue(const LayerTask& task, const LayerBlock& block, const float* sums, int channelVector)
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
      const Vector next = fma(x + (load(sums_ + r * 2 * side) + residualBias_), splat(sqrtHalf), step_);
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

/**
 * sums [rows × 32] = left · right over `blocks` blocks of 32 steps, and meanwhile the epilogue of the product before.
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

/** `layerProductTiles` on as many AMX tiles as the block's positions need. */
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

/** The layer over one or two blocks. One half of `sums` is written while the epilogue reads the other. */
template <int parts>
static void runBlocks(const LayerTask& task, LayerBlock* blocks, int count, float* const (&sums)[2]) {
  const int vectors = task.paddedChannels / side;
  const auto* const gateWeights = reinterpret_cast<const Split<parts>*>(task.gateWeights);
  const auto* const outputWeights = reinterpret_cast<const Split<parts>*>(task.outputWeights);
  const int64_t channelBlocks = blocksOf(task.channels);
  // The product before, and how many rows its epilogue has left.
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

/** Pointers to `count` rows of a ring from `first` on. */
template <class Pointer>
static void findRowPointers(Pointer* to, const Ring& ring, int64_t first, int count) {
  int64_t place = first % ring.capacity;
  for (int r = 0; r < count; r++) {
    to[r] = ring.rows + place * ring.stride;
    if (++place == ring.capacity) place = 0;
  }
}

/** Fills in a block of up to 32 positions from `position` on. */
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
  findRowPointers(block.input, task.input, position, block.count);
  findRowPointers(block.skip, task.skip, position, block.count);
  if (task.output.rows) findRowPointers(block.output, task.output, position, block.count);
  if (task.conditioning == Conditioning::interpolated) {
    for (int r = 0; r < blockPositions; r++) {
      const int64_t p = position + (r < block.count ? r : 0);
      layers::findFrames(task, p, block.from[r], block.to[r], block.weight[r]);
    }
  }
  // The skip sums were last touched a layer ago. Prefetched now, they are in the cache when they are needed.
  for (int r = 0; r < block.count; r++) {
    for (int c = 0; c < task.paddedChannels; c += 16) __builtin_prefetch(block.skip[r] + c, 1);
  }
}

/** LayerTask (tasks.h) over any number of positions. parts: those of the weights. */
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
    memset(block.z, 0, size_t(2 * zBlocks) * sizeof(Pair));
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
