// Where everything of a pass lies, and the order of its steps.
#include "pass.h"
#include "../winograd.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace diffwave {

TrainingPass::TrainingPass(const NetworkShape& shape, int threads, const TrainingKernels& kernels, const Clip* clips,
                           int count, Keep keep, float* block)
    : shape_(shape),
      clips_(clips),
      count_(count),
      kernels_(kernels),
      keep_(keep),
      C_(shape.channels),
      columns_(columnsOf(shape.channels)) {
  firstPosition_.push_back(0);
  firstFrame_.push_back(0);
  for (int i = 0; i < count; i++) {
    positions_.push_back(clips[i].samples / shape.patch);
    firstPosition_.push_back(firstPosition_.back() + positions_.back());
    firstFrame_.push_back(firstFrame_.back() + (shape.conditioner == Conditioner::none ? 0 : clips[i].frames));
    for (int64_t start = 0; start < positions_.back(); start += trainingBlockPositions) {
      tiles_.push_back({i, start, int(std::min<int64_t>(trainingBlockPositions, positions_.back() - start))});
    }
  }
  const int tiles = int(tiles_.size()), groups = std::min(trainingGroups, tiles);
  for (int g = 0; g <= groups; g++) groupStart_.push_back(int(int64_t(tiles) * g / groups));
  tileLosses_.resize(size_t(tiles));

  for (int l = 0; l < std::min(shape.layers, shape.dilationCycle); l++)
    tilings_.push_back(tileIntoBlocks(shape.dilation(l)));
  size_t mostTiles = 0;
  int64_t mostRows = 0;
  for (const WinogradTiling& blocks : tilings_) {
    mostTiles = std::max(mostTiles, blocks.tiles.size());
    mostRows = std::max(mostRows, blocks.rows);
  }

  Arena arena(block);
  const int64_t wide = 2 * columns_, outputColumns = columnsOf(shape.outputs());
  for (int l = 0; l < shape.layers; l++) {
    y_.push_back(takeRows(arena, columns_));
    if (keep == Keep::gates) halves_.push_back(arena.take(tilingOf(l).rows * wide));
  }
  skip_ = takeRows(arena, columns_);
  dx_ = takeRows(arena, columns_);
  dSums_ = takeRows(arena, wide + 16);  // the odd stride spreads its rows over all cache sets
  zeros_ = arena.take(wide + 16);
  layoutConditioning(arena);

  const int64_t mel = shape.conditioner == Conditioner::transposed ? shape.bands : 0;
  auto& part = partialLayout_;
  part.dilated = 0;
  part.output = part.dilated + 3 * C_ * wide;
  part.conditioner = part.output + 2 * C_ * columns_;
  part.sums = part.conditioner + mel * wide;
  const int64_t ends = (shape.outputs() + C_) * columns_ + columns_ + outputColumns;
  part.size = std::max(part.sums + wide + 2 * columns_, ends);
  partial_ = arena.take(trainingGroups * part.size);
  tileSums_ = arena.take(int64_t(mostTiles) * columns_);

  for (int i = 0; i < threads; i++) {
    constexpr int64_t blocks = maxTileBlocks, rows = winogradOutputs * blocks;
    Scratch s{};
    const auto begin = arena.take(trainingBlockPositions * (3 * columns_ + outputColumns) + shape.patch);
    scratch_.push_back(begin);
    s.narrow = arena.take(winogradInputs * blocks * columns_);
    s.wide = arena.take(winogradInputs * blocks * wide);
    s.gated = arena.take(rows * (columns_ + 16));
    s.dGated = arena.take(rows * columns_);
    s.dSkip = arena.take(rows * columns_);
    s.dx = arena.take(rows * columns_);
    s.halves = arena.take(rows * wide);
    s.out = arena.take(rows * wide);
    if (mel > 0) s.mel = arena.take(rows * columnsOf(mel));
    if (mel > 0) s.dMel = arena.take(rows * columnsOf(mel));
    s.dPoints = arena.take(winogradInputs * C_ * wide);
    tileScratch_.push_back(s);
  }

  for (int l = 0; l < shape.layers; l++) {
    LayerWeights w{};
    w.dilated = arena.take(winogradInputs * packedSize(Direction::forward, C_, wide));
    w.dy = arena.take(winogradInputs * packedSize(Direction::backward, wide, columns_));
    w.output = arena.take(packedSize(Direction::forward, C_, wide));
    w.dGated = arena.take(2 * packedSize(Direction::backward, C_, columns_));
    w.bias = arena.take(wide);
    w.outputBias = arena.take(wide);
    if (shape.conditioner != Conditioner::none) {
      const int64_t channels = shape.conditionerChannels();
      w.conditioner = arena.take(packedSize(Direction::forward, channels, wide));
      w.dConditioner = arena.take(packedSize(Direction::backward, wide, columnsOf(channels)));
    }
    weights_.push_back(w);
  }
  inputWeight_ = arena.take(packedSize(Direction::forward, shape.patch, columns_));
  inputBias_ = arena.take(columns_);
  skipWeight_ = arena.take(packedSize(Direction::forward, C_, columns_));
  skipBias_ = arena.take(columns_);
  outputWeight_ = arena.take(packedSize(Direction::forward, C_, outputColumns));
  outputBias_ = arena.take(outputColumns);
  dHidden_ = arena.take(packedSize(Direction::backward, shape.outputs(), columns_));
  dSkip_ = arena.take(packedSize(Direction::backward, C_, columns_));
  skipBiasGradient_ = arena.take(columns_);
  steps_ = arena.take(int64_t(shape.layers) * count * columns_);
  dSteps_ = arena.take(int64_t(shape.layers) * count * columns_);
  bytes_ = arena.bytes();
}

TrainingPass::WinogradTiling TrainingPass::tileIntoBlocks(int64_t dilation) const {
  WinogradTiling blocks{dilation, {}, {}, 0};
  for (int clip = 0; clip < count_; clip++) {
    const int64_t block = winogradOutputs * dilation, rest = positions_[size_t(clip)] % block;
    const int64_t all = positions_[size_t(clip)] / block * dilation + std::min(dilation, rest);
    // Tiles of about the same size, each whole register blocks where it can be.
    const int64_t tiles = (all + kernels_.maxWinogradBlocks - 1) / kernels_.maxWinogradBlocks;
    const int64_t size = roundedUp((all + tiles - 1) / tiles, kernels_.winogradBlockUnit);
    for (int64_t first = 0; first < all; first += size) {
      const int count = int(std::min(size, all - first));
      blocks.tiles.push_back({clip, first, count, blocks.rows});
      blocks.rows += winogradOutputs * count;
    }
  }
  const int tiles = int(blocks.tiles.size()), groups = std::min(trainingGroups, tiles);
  for (int g = 0; g <= groups; g++) blocks.groupStart.push_back(int(int64_t(tiles) * g / groups));
  return blocks;
}

bool TrainingPass::forward() {
  std::memset(zeros_, 0, size_t(2 * columns_ + 16) * sizeof(float));
  task_->pool.forEach(shape_.layers + 1, [&](int l, int) { l == shape_.layers ? packEnds() : packLayer(l); });
  packConditioning();
  embeddingForward();
  melForward();
  inputForward();
  for (int l = 0; l < shape_.layers && !cancelled(); l++) layerForward(l);
  const float mean = 1 / std::sqrt(float(shape_.layers));
  forEachGroup([&](const Tile& tile, int, int, int) {
    float* skip = row(skip_, tile.clip, tile.start);
    for (int64_t i = 0; i < tile.count * columns_; i++) skip[i] *= mean;
  });
  return !cancelled();
}

bool TrainingPass::run(const TrainingTask& task, double* lossSum, float* clipLosses) {
  task_ = &task;
  if (!forward()) return false;
  outputForwardBackward(lossSum, clipLosses);
  return backward();
}

bool TrainingPass::runForward(const TrainingTask& task) {
  task_ = &task;
  if (!forward()) return false;
  outputForward();
  return !cancelled();
}

bool TrainingPass::runBackward(const TrainingTask& task) {
  task_ = &task;
  outputForwardBackward(nullptr, nullptr);
  return backward();
}

bool TrainingPass::backward() {
  for (int l = shape_.layers - 1; l >= 0 && !cancelled(); l--) {
    layerBackward(l);
    reduceLayer(l);
  }
  if (cancelled()) return false;
  inputBackward();
  melBackward();
  embeddingBackward();
  return !cancelled();
}

}  // namespace diffwave
