// The rest of a residual layer after each of its products on AMX tiles: gate, residual and skip.
#pragma once

#include "amx-rows.h"
#include "residual-layer.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace amxTiles {

/** Number of positions of a block: two rows of AMX tiles. */
constexpr int blockPositions = 2 * side;
/** Number of blocks that are computed together, so that the epilogue of one overlaps the next one's product. */
constexpr int blocksAtOnce = 2;

/** One block of positions: pointers to its rows, and the left sides of its products. */
struct LayerBlock {
  const float* input[blockPositions];  // the layer's input, in parts
  float* output[blockPositions];       // the next layer's input, in parts
  float* skip[blockPositions];         // the skip sum
  const float* from[blockPositions];   // interpolated: projections of the frame before the position
  const float* to[blockPositions];     // interpolated: projections of the frame after it
  float weight[blockPositions];        // interpolated: share of the frame after it
  int count;
  int64_t leftBlocks;
  LeftSide* left;        // [leftBlocks][2]
  Pair* copies;          // copies of rows that an AMX tile cannot load in place
  LeftSide* gatedSides;  // [blocks of channels][2]
  Pair* z;               // gated activations [blocks of channels][2]

  int rowTiles() const { return count > side ? 2 : 1; }
};

/**
 * Index of a vector among biases and projections: that of channels 16·j … of a half of the gate (`sourceColumn` in
 * panels.h).
 */
static int vectorOf(int half, int j, int paddedChannels) {
  const int vectors = 2 * paddedChannels / lanes, panel = j / (blockVectors / 2) * blockVectors;
  const int width = vectors - panel < blockVectors ? vectors - panel : blockVectors;
  return panel + half * (width / 2) + j - panel / 2;
}

// An epilogue does the rest of the work on the sums of a product, row by row. It runs between the steps of the next
// product: AMX tiles multiply on a unit of their own, and take about as long as the gate.

/**
 * z = sigmoid(h₁) · tanh(h₂) of sixteen channels, split for the next product. h₁ and h₂ are the halves of the sums plus
 * bias and mel.
 */
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
      const Vector x = loadParts(block_.input[r], at_, padded_);
      const Vector next = fma(x + (load(sums_ + r * 2 * side) + residualBias_), splat(sqrtHalf), step_);
      storeParts(block_.output[r], at_, padded_, next);
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

}  // namespace amxTiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
