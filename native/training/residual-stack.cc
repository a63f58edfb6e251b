#include "residual-stack.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../winograd.h"

namespace diffwave {

ResidualStack::ResidualStack(const BatchLayout& layout, const PackedWeights& weights, BatchWindows& windows,
                             MelConditioning& mel, StepEmbedding& steps, Checkpointing checkpointing, int threads,
                             Arena& arena)
    : layout_(layout),
      weights_(weights),
      windows_(windows),
      mel_(mel),
      steps_(steps),
      checkpointing_(checkpointing),
      C_(layout.C),
      columns_(layout.columns),
      blockLosses_(layout.timeBlocks.size()) {
  const NetworkShape& shape = layout.shape;
  const int64_t wide = 2 * columns_, outputs = shape.outputs();
  for (int l = 0; l < shape.layers; l++) {
    y_.push_back(layout.takeRows(arena, columns_));
    if (checkpointing == Checkpointing::storeGates) halves_.push_back(arena.take(layout.tilingOf(l).rows * wide));
  }
  skip_ = layout.takeRows(arena, columns_);
  dx_ = layout.takeRows(arena, columns_);
  dSums_ = layout.takeRows(arena, wide + linePad);
  zeros_ = arena.take(wide + linePad);

  const int64_t bands = shape.conditioner == Conditioner::transposed ? shape.bands : 0;
  auto& part = partialLayout_;
  part.dilated = 0;
  part.output = part.dilated + 3 * C_ * wide;
  part.conditioner = part.output + 2 * C_ * columns_;
  part.sums = part.conditioner + bands * wide;
  const int64_t end = (outputs + C_) * columns_ + columns_ + columnsOf(outputs) + windows.partialSize();
  const int64_t start = (shape.inputs() + 1) * columns_ + windows.partialSize();
  part.size = std::max(part.sums + wide + 2 * columns_, std::max(start, end));
  partial_ = arena.take(trainingGroups * part.size);
  size_t maxTiles = 0;
  for (const WinogradTiling& tiling : layout.tilings) maxTiles = std::max(maxTiles, tiling.tiles.size());
  tileSums_ = arena.take(int64_t(maxTiles) * columns_);
  skipBiasGradient_ = arena.take(columns_);
  for (int i = 0; i < threads; i++) scratch_.push_back(takeScratch(arena));
}

ResidualStack::Scratch ResidualStack::takeScratch(Arena& arena) const {
  constexpr int64_t blocks = maxTileBlocks, rows = winogradOutputs * blocks;
  const NetworkShape& shape = layout_.shape;
  const int64_t wide = 2 * columns_;
  Scratch s{};
  const int64_t masked = shape.windowed() ? trainingBlockPositions * windows_.signalColumns() : shape.patch;
  s.ends = arena.take(trainingBlockPositions * (3 * columns_ + columnsOf(shape.outputs())) + masked);
  s.narrow = arena.take(winogradInputs * blocks * columns_);
  s.wide = arena.take(winogradInputs * blocks * wide);
  s.gated = arena.take(rows * (columns_ + linePad));
  s.dGated = arena.take(rows * columns_);
  s.dSkip = arena.take(rows * columns_);
  s.dx = arena.take(rows * columns_);
  s.halves = arena.take(rows * wide);
  s.out = arena.take(rows * wide);
  if (shape.conditioner == Conditioner::transposed) {
    s.mel = arena.take(rows * columnsOf(shape.bands));
    s.dMel = arena.take(rows * columnsOf(shape.bands));
  }
  s.dTransformed = arena.take(winogradInputs * C_ * wide);
  return s;
}

void ResidualStack::forward(const TrainingCall& call) {
  std::memset(zeros_, 0, size_t(2 * columns_ + linePad) * sizeof(float));
  if (layout_.shape.windowed()) windows_.encode(call);
  inputForward(call);
  for (int l = 0; l < layout_.shape.layers && !call.cancelled(); l++) layerForward(call, l);
  const float mean = 1 / std::sqrt(float(layout_.shape.layers));
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int) {
    float* skip = layout_.row(skip_, block.clip, block.start);
    for (int64_t i = 0; i < block.count * columns_; i++) skip[i] *= mean;
  });
}

void ResidualStack::pointers(float** to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at) const {
  for (int r = 0; r < at.count; r++)
    to[r] = at.position[r] < 0 ? nullptr : layout_.row(rows, tile.clip, at.position[r]);
}

void ResidualStack::gather(float* to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at,
                           int64_t width) const {
  for (int r = 0; r < at.count; r++, to += width) {
    const float* from = at.position[r] < 0 ? zeros_ : layout_.row(rows, tile.clip, at.position[r]);
    std::memcpy(to, from, size_t(width) * sizeof(float));
  }
}

void ResidualStack::inputTransform(const TrainingCall& call, float* planes, int64_t width, const Rows& rows,
                                   const WinogradTile& tile, int64_t dilation) const {
  const float* inputs[winogradInputs * maxTileBlocks];
  const int64_t end = layout_.positions[size_t(tile.clip)];
  for (int b = 0; b < tile.blocks; b++) {
    const int64_t first = winogradBlockStart(tile.first + b, dilation);
    for (int i = 0; i < winogradInputs; i++) {
      const int64_t position = first + (i - 1) * dilation;
      inputs[winogradInputs * b + i] =
          position < 0 || position >= end ? zeros_ : layout_.row(rows, tile.clip, position);
    }
  }
  call.kernels.winogradInput(planes, maxTileBlocks * width, inputs, tile.blocks, int(width));
}

void ResidualStack::findFrames(int layer, const WinogradTile& tile, const WinogradRows& at, FramesAround& to) const {
  const NetworkShape& s = layout_.shape;
  const TrainingBatch::Clip& clip = layout_.clips[tile.clip];
  const int64_t wide = 2 * columns_;
  const float* const projected = mel_.projected(layer);
  for (int r = 0; r < at.count; r++) {
    const int64_t sample = clip.melOffset + std::max<int64_t>(at.position[r], 0) * s.patch, frame = sample / s.hop;
    to.low[r] = projected + layout_.frameRow(tile.clip, frame) * wide;
    to.high[r] = projected + layout_.frameRow(tile.clip, std::min(frame + 1, clip.frames - 1)) * wide;
    to.fraction[r] = float(sample % s.hop) / float(s.hop);
  }
}

void ResidualStack::gates(const TrainingCall& call, int layer, const WinogradTile& tile, const WinogradRows& at,
                          const Scratch& scratch, float* halves) {
  const TrainingKernels& kernels = call.kernels;
  const PackedWeights::Layer& w = weights_.layers[size_t(layer)];
  const int columns = int(columns_), wide = 2 * columns;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  WinogradGates task{};
  FramesAround around;
  if (layout_.shape.conditioner == Conditioner::frameRate) {
    findFrames(layer, tile, at, around);
    task.low = around.low;
    task.high = around.high;
    task.fraction = around.fraction;
  }
  if (layout_.shape.conditioner == Conditioner::transposed) {
    gather(scratch.mel, mel_.melRows, tile, at, mel_.melRows.stride);
    for (int r = 0; r < at.count; r++) std::memcpy(halves + r * wide, w.bias, size_t(wide) * sizeof(float));
    const Segment segment{scratch.mel, mel_.melRows.stride, layout_.shape.bands};
    kernels.forwardProduct(halves, wide, at.count, wide, &segment, 1, w.conditioner, true);
  } else {
    task.bias = w.bias;
  }
  inputTransform(call, scratch.narrow, columns, y_[size_t(layer)], tile, layout_.shape.dilation(layer));
  for (int k = 0; k < winogradInputs; k++) {
    const Segment segment{scratch.narrow + k * narrowPlane, columns, int(C_)};
    kernels.forwardProduct(scratch.wide + k * widePlane, wide, tile.blocks, wide, &segment, 1,
                           w.dilated + k * weights_.packedSize(Direction::forward, C_, wide), false);
  }
  task.sums = scratch.wide;
  task.plane = widePlane;
  task.blocks = tile.blocks;
  task.columns = columns;
  task.tanhFirst = layout_.shape.tanhFirst;
  task.halves = halves;
  task.gated = scratch.gated;
  task.gatedStride = columns + linePad;
  kernels.winogradGates(task);
}

/** Runs one layer: gate, output projection, residual and skip. Equations: `LayerTask` in kernels/tasks.h. */
void ResidualStack::layerForward(const TrainingCall& call, int layer) {
  if (layout_.shape.upsamplerPerLayer) mel_.upsampleForward(call, call.offsets.layer[layer].upsampler);
  const TrainingKernels& kernels = call.kernels;
  const PackedWeights::Layer& w = weights_.layers[size_t(layer)];
  const int columns = int(columns_), wide = 2 * columns;
  const bool last = layer == layout_.shape.layers - 1;
  const auto body = [&](const WinogradTile& tile, int, int, int worker) {
    const Scratch& scratch = scratch_[size_t(worker)];
    const WinogradRows at = layout_.rowsOf(tile, layout_.shape.dilation(layer));
    gates(call, layer, tile, at, scratch,
          checkpointing_ == Checkpointing::storeGates ? halves_[size_t(layer)] + tile.row * wide : scratch.halves);
    for (int r = 0; r < at.count; r++) std::memcpy(scratch.out + r * wide, w.outputBias, size_t(wide) * sizeof(float));
    const Segment segment{scratch.gated, columns + linePad, int(C_)};
    kernels.forwardProduct(scratch.out, wide, at.count, last ? columns : wide, &segment, 1, w.output, true);
    const float* step = steps_.rows(layer) + tile.clip * columns;
    float *skip[maxTileRows], *y[maxTileRows], *next[maxTileRows];
    pointers(skip, skip_, tile, at);
    pointers(y, y_[size_t(layer)], tile, at);
    if (!last) pointers(next, y_[size_t(layer) + 1], tile, at);
    kernels.residual(skip, next, y, scratch.out, layout_.shape.residualAfterStep ? zeros_ : step,
                     step + layout_.count * columns, at.count, columns, last);
  };
  layout_.forEachTile(
      call, layout_.tilingOf(layer), body, [](int, int) {}, 0, [](int, int) {});
}

}  // namespace diffwave
