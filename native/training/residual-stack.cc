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
  dSums_ = layout.takeRows(arena, wide + 16);  // the odd stride spreads its rows over all cache sets
  zeros_ = arena.take(wide + 16);

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
  s.gated = arena.take(rows * (columns_ + 16));
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
  std::memset(zeros_, 0, size_t(2 * columns_ + 16) * sizeof(float));
  if (layout_.shape.windowed()) windows_.encode(call);
  inputForward(call);
  for (int l = 0; l < layout_.shape.layers && !call.cancelled(); l++) layerForward(call, l);
  const float mean = 1 / std::sqrt(float(layout_.shape.layers));
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int) {
    float* skip = layout_.row(skip_, block.clip, block.start);
    for (int64_t i = 0; i < block.count * columns_; i++) skip[i] *= mean;
  });
}

void ResidualStack::backward(const TrainingCall& call) {
  for (int l = layout_.shape.layers - 1; l >= 0 && !call.cancelled(); l--) {
    layerBackward(call, l);
    reduceLayer(call, l);
  }
  if (!call.cancelled()) inputBackward(call);
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
    const int64_t index = tile.first + b, first = index / dilation * winogradOutputs * dilation + index % dilation;
    for (int i = 0; i < winogradInputs; i++) {
      const int64_t position = first + (i - 1) * dilation;
      inputs[winogradInputs * b + i] =
          position < 0 || position >= end ? zeros_ : layout_.row(rows, tile.clip, position);
    }
  }
  call.kernels.winogradInput(planes, maxTileBlocks * width, inputs, tile.blocks, int(width));
}

void ResidualStack::gates(const TrainingCall& call, int layer, const WinogradTile& tile, const WinogradRows& at,
                          const Scratch& scratch, float* halves) {
  const TrainingKernels& kernels = call.kernels;
  const PackedWeights::Layer& w = weights_.layers[size_t(layer)];
  const int columns = int(columns_), wide = 2 * columns;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  const float *low[4 * maxTileBlocks], *high[4 * maxTileBlocks];
  float fraction[4 * maxTileBlocks];
  WinogradGates task{};
  if (layout_.shape.conditioner == Conditioner::frameRate) {
    const int64_t frames = layout_.clips[tile.clip].frames;
    const float* projected = mel_.projected(layer);
    for (int r = 0; r < at.count; r++) {
      const int64_t sample =
          layout_.clips[tile.clip].melOffset + std::max<int64_t>(at.position[r], 0) * layout_.shape.patch;
      const int64_t frame = sample / layout_.shape.hop;
      low[r] = projected + layout_.frameRow(tile.clip, frame) * wide;
      high[r] = projected + layout_.frameRow(tile.clip, std::min(frame + 1, frames - 1)) * wide;
      fraction[r] = float(sample % layout_.shape.hop) / float(layout_.shape.hop);
    }
    task.low = low;
    task.high = high;
    task.fraction = fraction;
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
  task.gatedStride = columns + 16;
  kernels.winogradGates(task);
}

/** One layer: gate, output projection, residual and skip. */
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
    const Segment segment{scratch.gated, columns + 16, int(C_)};
    kernels.forwardProduct(scratch.out, wide, at.count, last ? columns : wide, &segment, 1, w.output, true);
    const float* step = steps_.rows(layer) + tile.clip * columns;
    float *skip[4 * maxTileBlocks], *y[4 * maxTileBlocks], *next[4 * maxTileBlocks];
    pointers(skip, skip_, tile, at);
    pointers(y, y_[size_t(layer)], tile, at);
    if (!last) pointers(next, y_[size_t(layer) + 1], tile, at);
    kernels.residual(skip, next, y, scratch.out, layout_.shape.residualAfterStep ? zeros_ : step,
                     step + layout_.count * columns, at.count, columns, last);
  };
  layout_.forEachTile(
      call, layout_.tilingOf(layer), body, [](int, int) {}, 0, [](int, int) {});
}

void ResidualStack::layerBackward(const TrainingCall& call, int layer) {
  if (layout_.shape.upsamplerPerLayer) mel_.upsampleForward(call, call.offsets.layer[layer].upsampler);
  gateBackward(call, layer);
  convolutionBackward(call, layer);
  if (layout_.shape.upsamplerPerLayer) mel_.upsampleBackward(call, call.offsets.layer[layer].upsampler);
}

void ResidualStack::gateBackward(const TrainingCall& call, int layer) {
  const TrainingKernels& kernels = call.kernels;
  const PackedWeights::Layer& w = weights_.layers[size_t(layer)];
  const PartialLayout& part = partialLayout_;
  const WinogradTiling& tiling = layout_.tilingOf(layer);
  const int columns = int(columns_), wide = 2 * columns, C = int(C_);
  const bool last = layer == layout_.shape.layers - 1,
             transposed = layout_.shape.conditioner == Conditioner::transposed;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  const auto body = [&](const WinogradTile& tile, int number, int group, int worker) {
    const Scratch& scratch = scratch_[size_t(worker)];
    const WinogradRows at = layout_.rowsOf(tile, tiling.dilation);
    float* partial = this->partial(group);
    const bool more = number != tiling.groupStart[size_t(group)];
    const int rows = at.count;
    if (!more) std::memset(partial + part.sums, 0, size_t(wide + 2 * columns) * sizeof(float));
    const float* halves = scratch.halves;
    if (checkpointing_ == Checkpointing::storeGates) {
      halves = halves_[size_t(layer)] + tile.row * wide;
    } else {
      gates(call, layer, tile, at, scratch, scratch.halves);
    }
    gather(scratch.dSkip, skip_, tile, at, columns);
    if (!last) gather(scratch.dx, dx_, tile, at, columns);
    const Segment segments[2] = {{scratch.dSkip, columns, C}, {scratch.dx, columns, C}};
    kernels.product(scratch.dGated, columns, rows, columns, segments, last ? 1 : 2, w.dGated, false);
    float* dSums[4 * maxTileBlocks];
    pointers(dSums, dSums_, tile, at);
    kernels.winogradGateBackward({halves, scratch.dGated, tile.blocks, columns, layout_.shape.tanhFirst, scratch.gated,
                                  columns + 16, dSums, scratch.wide, widePlane, partial + part.sums});
    if (last) {
      if (!more) std::memset(partial + part.output, 0, size_t(C_ * columns) * sizeof(float));
      kernels.columnSums(partial + part.sums + wide + columns, scratch.dSkip, columns, rows, columns);
    } else {
      kernels.outer(partial + part.output, columns, scratch.dx, columns, C, scratch.gated, columns + 16, columns, rows,
                    more);
      kernels.columnSums(partial + part.sums + wide, scratch.dx, columns, rows, columns);
    }
    kernels.outer(partial + part.output + C_ * columns, columns, scratch.dSkip, columns, C, scratch.gated, columns + 16,
                  columns, rows, more);
    inputTransform(call, scratch.narrow, columns, y_[size_t(layer)], tile, tiling.dilation);
    for (int k = 0; k < winogradInputs; k++) {
      kernels.outer(scratch.dTransformed + k * C_ * wide, wide, scratch.narrow + k * narrowPlane, columns, C,
                    scratch.wide + k * widePlane, wide, wide, tile.blocks, more);
    }
    if (transposed) conditionerBackward(call, layer, tile, at, scratch, partial, more);
  };
  const auto end = [&](int group, int worker) {
    const int64_t count = C_ * wide;
    kernels.winogradWeightGradient(partial(group) + part.dilated, count, scratch_[size_t(worker)].dTransformed, count,
                                   int(count));
  };
  layout_.forEachTile(call, tiling, body, end, 0, [](int, int) {});
}

void ResidualStack::conditionerBackward(const TrainingCall& call, int layer, const WinogradTile& tile,
                                        const WinogradRows& at, const Scratch& scratch, float* partial,
                                        bool accumulate) {
  const TrainingKernels& kernels = call.kernels;
  const Rows &mel = mel_.melRows, &dMel = mel_.dMelRows;
  const int wide = int(2 * columns_), rows = at.count;
  gather(scratch.mel, mel, tile, at, mel.stride);
  gather(scratch.out, dSums_, tile, at, wide);
  kernels.outer(partial + partialLayout_.conditioner, wide, scratch.mel, mel.stride, layout_.shape.bands, scratch.out,
                wide, wide, rows, accumulate);
  const bool fresh = layout_.shape.upsamplerPerLayer || layer == layout_.shape.layers - 1;
  if (!fresh) gather(scratch.dMel, dMel, tile, at, dMel.stride);
  const Segment segment{scratch.out, wide, wide};
  kernels.product(scratch.dMel, dMel.stride, rows, int(dMel.stride), &segment, 1,
                  weights_.layers[size_t(layer)].dConditioner, !fresh);
  for (int r = 0; r < rows; r++) {
    if (at.position[r] < 0) continue;
    std::memcpy(layout_.row(dMel, tile.clip, at.position[r]), scratch.dMel + r * dMel.stride,
                size_t(dMel.stride) * sizeof(float));
  }
}

void ResidualStack::convolutionBackward(const TrainingCall& call, int layer) {
  const TrainingKernels& kernels = call.kernels;
  const PackedWeights::Layer& w = weights_.layers[size_t(layer)];
  const WinogradTiling& tiling = layout_.tilingOf(layer);
  const int columns = int(columns_), wide = 2 * columns;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  const auto body = [&](const WinogradTile& tile, int number, int, int worker) {
    const Scratch& scratch = scratch_[size_t(worker)];
    const WinogradRows at = layout_.rowsOf(tile, tiling.dilation);
    inputTransform(call, scratch.wide, wide, dSums_, tile, tiling.dilation);
    for (int k = 0; k < winogradInputs; k++) {
      const Segment segment{scratch.wide + k * widePlane, wide, wide};
      kernels.product(scratch.narrow + k * narrowPlane, columns, tile.blocks, columns, &segment, 1,
                      w.dy + k * weights_.packedSize(Direction::backward, wide, columns), false);
    }
    float* dx[4 * maxTileBlocks];
    pointers(dx, dx_, tile, at);
    float* total = tileSums_ + int64_t(number) * columns;
    std::memset(total, 0, size_t(columns) * sizeof(float));
    kernels.winogradResidualBackward({scratch.narrow, narrowPlane, tile.blocks, columns, dx, total,
                                      layer == layout_.shape.layers - 1, layout_.shape.residualAfterStep,
                                      layer == 0 ? 1.0f : sqrtHalf});
  };
  // The mel's frames alongside.
  constexpr int framesPerTask = 16;
  const int64_t frames = layout_.shape.conditioner == Conditioner::frameRate ? layout_.firstFrame.back() : 0;
  layout_.forEachTile(
      call, tiling, body, [](int, int) {}, int((frames + framesPerTask - 1) / framesPerTask),
      [&](int task, int) {
        mel_.foldGradient(call, layer, dSums_, task * framesPerTask,
                          int(std::min<int64_t>(frames, (task + 1) * framesPerTask)));
      });
}

void ResidualStack::reduceLayer(const TrainingCall& call, int layer) {
  const PartialLayout& part = partialLayout_;
  const LayerOffsets& at = call.offsets.layer[layer];
  const int64_t C = C_, columns = columns_, wide = 2 * columns;
  const WinogradTiling& tiling = layout_.tilingOf(layer);
  const int groups = tiling.groups();
  const bool last = layer == layout_.shape.layers - 1;
  const int64_t bands = layout_.shape.conditioner == Conditioner::transposed ? layout_.shape.bands : 0;
  float* g = call.gradients;
  const auto addUp = [&](float* to, int64_t from, int64_t width) {
    std::memcpy(to, partial_ + from, size_t(width) * sizeof(float));
    for (int group = 1; group < groups; group++) {
      const float* more = partial(group) + from;
      for (int64_t i = 0; i < width; i++) to[i] += more[i];
    }
  };
  // The taps of some channels at a time, so that they go to memory in whole cache lines.
  constexpr int64_t channelsPerTask = 8, rowsPerTask = 32;
  const int64_t rows = 2 * C + bands + 1;
  const int tapTasks = int(ceilDivide(C, channelsPerTask)), rowTasks = int(ceilDivide(rows, rowsPerTask));
  call.pool.forEach(tapTasks + rowTasks + 1, [&](int task, int worker) {
    float* sum = scratch_[size_t(worker)].out;
    if (task < tapTasks) {
      const int64_t first = task * channelsPerTask, channels = std::min(channelsPerTask, C - first);
      const int64_t stride = wide + 16;  // the odd stride spreads its rows over all cache sets
      for (int64_t r = 0; r < 3 * channels; r++) {
        addUp(sum + r * stride, part.dilated + (r % 3 * C + first + r / 3) * wide, wide);
      }
      for (int64_t o = 0; o < 2 * C; o++) {
        float* to = g + at.dilated.weight + (o * C + first) * 3;
        const float* from = sum + (o < C ? o : o - C + columns);
        for (int64_t r = 0; r < 3 * channels; r++) to[r] += from[r * stride];
      }
      return;
    }
    if (task == tapTasks + rowTasks) {
      float* sums = steps_.gradients(layer);
      std::memset(sums, 0, size_t(layout_.count * columns) * sizeof(float));
      for (size_t t = 0; t < tiling.tiles.size(); t++) {
        for (int64_t c = 0; c < columns; c++) {
          sums[tiling.tiles[t].clip * columns + c] += tileSums_[int64_t(t) * columns + c];
        }
      }
      return;
    }
    const int64_t firstRow = (task - tapTasks) * rowsPerTask;
    for (int64_t r = firstRow; r < std::min(rows, firstRow + rowsPerTask); r++) {
      if (r < 2 * C) {
        addUp(sum, part.output + r * columns, columns);
        for (int64_t c = 0; c < C; c++) g[at.output.weight + r * C + c] += sum[c];
      } else if (r < 2 * C + bands) {
        addUp(sum, part.conditioner + (r - 2 * C) * wide, wide);
        for (int64_t o = 0; o < 2 * C; o++) {
          g[at.conditioner.weight + o * bands + r - 2 * C] += sum[o < C ? o : o - C + columns];
        }
      } else {
        addUp(sum, part.sums, wide + 2 * columns);
        if (last) std::memcpy(skipBiasGradient_, sum + wide + columns, size_t(columns) * sizeof(float));
        for (int64_t o = 0; o < 2 * C; o++) {
          const float value = sum[o < C ? o : o - C + columns];
          g[at.dilated.bias + o] += value;
          if (layout_.shape.conditioner != Conditioner::none) g[at.conditioner.bias + o] += value;
        }
        for (int64_t c = 0; c < C; c++) {
          if (!last) g[at.output.bias + c] += sum[wide + c];
          g[at.output.bias + C + c] += skipBiasGradient_[c];
        }
      }
    }
  });
}

}  // namespace diffwave
