// The way back through the residual layers. `layerBackward` of reference/residual-layer.h is the plain version.
#include <algorithm>
#include <cstring>

#include "../winograd.h"
#include "residual-stack.h"

namespace diffwave {

void ResidualStack::backward(const TrainingCall& call) {
  for (int l = layout_.shape.layers - 1; l >= 0 && !call.cancelled(); l--) {
    layerBackward(call, l);
    reduceLayer(call, l);
  }
  if (!call.cancelled()) inputBackward(call);
}

void ResidualStack::layerBackward(const TrainingCall& call, int layer) {
  if (layout_.shape.upsamplerPerLayer) mel_.upsampleForward(call, call.offsets.layer[layer].upsampler);
  gateBackward(call, layer);
  convolutionBackward(call, layer);
  if (layout_.shape.upsamplerPerLayer) mel_.upsampleBackward(call, call.offsets.layer[layer].upsampler);
}

/**
 * dGated = W_outputᵀ · (dResidual, dSkip), then the gate's adjoint (`WinogradGateBackward` in
 * kernels/training-tasks.h). Partial sums: dW_output = (dResidual, dSkip) · gatedᵀ, the taps' dW_dilated = Gᵀ · Σ over
 * blocks of (Bᵀ·y) · (A·dSums)ᵀ, and the biases.
 */
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
    float* dSums[maxTileRows];
    pointers(dSums, dSums_, tile, at);
    kernels.winogradGateBackward({halves, scratch.dGated, tile.blocks, columns, layout_.shape.tanhFirst, scratch.gated,
                                  columns + linePad, dSums, scratch.wide, widePlane, partial + part.sums});
    if (last) {
      if (!more) std::memset(partial + part.output, 0, size_t(C_ * columns) * sizeof(float));
      kernels.columnSums(partial + part.sums + wide + columns, scratch.dSkip, columns, rows, columns);
    } else {
      kernels.outer(partial + part.output, columns, scratch.dx, columns, C, scratch.gated, columns + linePad, columns,
                    rows, more);
      kernels.columnSums(partial + part.sums + wide, scratch.dx, columns, rows, columns);
    }
    kernels.outer(partial + part.output + C_ * columns, columns, scratch.dSkip, columns, C, scratch.gated,
                  columns + linePad, columns, rows, more);
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

/**
 * dW_mel = dSums · melᵀ and dMel += W_melᵀ · dSums for the rows of one tile, if the layers project the mel themselves.
 */
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

/**
 * dy = W_dilatedᵀ ∗ dSums in Winograd blocks, with the taps in reverse order, and dx = (dx + dy) · √½, the gradient of
 * the residual sum of the layer below; the first layer has no factor. The sum of dy over positions, or of dx + dy if
 * the residual includes the step embedding, is the gradient of the step embedding.
 */
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
    float* dx[maxTileRows];
    pointers(dx, dx_, tile, at);
    float* total = tileSums_ + int64_t(number) * columns;
    std::memset(total, 0, size_t(columns) * sizeof(float));
    kernels.winogradResidualBackward({scratch.narrow, narrowPlane, tile.blocks, columns, dx, total,
                                      layer == layout_.shape.layers - 1, layout_.shape.residualAfterStep,
                                      layer == 0 ? 1.0f : sqrtHalf});
  };
  // The frames of the mel are extra tasks.
  constexpr int framesPerTask = 16;
  const int64_t frames = layout_.shape.conditioner == Conditioner::frameRate ? layout_.firstFrame.back() : 0;
  layout_.forEachTile(
      call, tiling, body, [](int, int) {}, int(ceilDivide(frames, framesPerTask)),
      [&](int task, int) {
        mel_.foldGradient(call, layer, dSums_, task * framesPerTask,
                          int(std::min<int64_t>(frames, (task + 1) * framesPerTask)));
      });
}

void ResidualStack::reduceLayer(const TrainingCall& call, int layer) {
  // A task takes the taps of some channels, so that they go to memory in whole cache lines, or some rows of the others.
  constexpr int64_t channelsPerTask = 8, rowsPerTask = 32;
  const int64_t C = C_, bands = layout_.shape.conditioner == Conditioner::transposed ? layout_.shape.bands : 0;
  const int64_t rows = 2 * C + bands + 1;
  const int tapTasks = int(ceilDivide(C, channelsPerTask)), rowTasks = int(ceilDivide(rows, rowsPerTask));
  call.pool.forEach(tapTasks + rowTasks + 1, [&](int task, int worker) {
    float* const sum = scratch_[size_t(worker)].out;
    if (task < tapTasks) {
      const int64_t first = task * channelsPerTask;
      reduceTaps(call, layer, first, std::min(C, first + channelsPerTask), sum);
      return;
    }
    if (task == tapTasks + rowTasks) return reduceSteps(layer);
    const int64_t first = (task - tapTasks) * rowsPerTask;
    for (int64_t row = first; row < std::min(rows, first + rowsPerTask); row++) {
      if (row < 2 * C) reduceOutputRow(call, layer, row, sum);
      else if (row < 2 * C + bands) reduceMelRow(call, layer, row - 2 * C, sum);
      else reduceBiases(call, layer, sum);
    }
  });
}

/** Adds up `count` partial sums of all groups, from offset `from` on. */
void ResidualStack::sumGroups(int groups, int64_t from, int64_t count, float* to) const {
  std::memcpy(to, partial(0) + from, size_t(count) * sizeof(float));
  for (int group = 1; group < groups; group++) {
    const float* const more = partial(group) + from;
    for (int64_t i = 0; i < count; i++) to[i] += more[i];
  }
}

/** The taps of the dilated convolution, from partial sums [3 × C × 2·columns], for input channels [first, end). */
void ResidualStack::reduceTaps(const TrainingCall& call, int layer, int64_t first, int64_t end, float* sum) const {
  const int64_t C = C_, wide = 2 * columns_, stride = wide + linePad, taps = 3 * (end - first);
  const int groups = layout_.tilingOf(layer).groups();
  for (int64_t t = 0; t < taps; t++) {
    sumGroups(groups, partialLayout_.dilated + (t % 3 * C + first + t / 3) * wide, wide, sum + t * stride);
  }
  for (int64_t o = 0; o < 2 * C; o++) {
    float* const to = call.gradients + call.offsets.layer[layer].dilated.weight + (o * C + first) * 3;
    const float* const from = sum + layout_.columnOf(o);
    for (int64_t t = 0; t < taps; t++) to[t] += from[t * stride];
  }
}

/** One row of the output projection, from partial sums [2C × columns]. */
void ResidualStack::reduceOutputRow(const TrainingCall& call, int layer, int64_t row, float* sum) const {
  sumGroups(layout_.tilingOf(layer).groups(), partialLayout_.output + row * columns_, columns_, sum);
  float* const to = call.gradients + call.offsets.layer[layer].output.weight + row * C_;
  for (int64_t c = 0; c < C_; c++) to[c] += sum[c];
}

/** One band of the mel's projection, from partial sums [bands × 2·columns]. */
void ResidualStack::reduceMelRow(const TrainingCall& call, int layer, int64_t band, float* sum) const {
  const int64_t wide = 2 * columns_, bands = layout_.shape.bands;
  sumGroups(layout_.tilingOf(layer).groups(), partialLayout_.conditioner + band * wide, wide, sum);
  float* const to = call.gradients + call.offsets.layer[layer].conditioner.weight + band;
  for (int64_t o = 0; o < 2 * C_; o++) to[o * bands] += sum[layout_.columnOf(o)];
}

/**
 * The biases, from partial sums of the gate's [2·columns], the residual's [columns] and the skip's [columns]. The skips
 * are only added up, so all layers have the gradient of the last one's.
 */
void ResidualStack::reduceBiases(const TrainingCall& call, int layer, float* sum) const {
  const int64_t C = C_, wide = 2 * columns_;
  const LayerOffsets& at = call.offsets.layer[layer];
  const bool last = layer == layout_.shape.layers - 1;
  float* const g = call.gradients;
  sumGroups(layout_.tilingOf(layer).groups(), partialLayout_.sums, wide + 2 * columns_, sum);
  if (last) std::memcpy(skipBiasGradient_, sum + wide + columns_, size_t(columns_) * sizeof(float));
  for (int64_t o = 0; o < 2 * C; o++) {
    const float value = sum[layout_.columnOf(o)];
    g[at.dilated.bias + o] += value;
    if (layout_.shape.conditioner != Conditioner::none) g[at.conditioner.bias + o] += value;
  }
  for (int64_t c = 0; c < C; c++) {
    if (!last) g[at.output.bias + c] += sum[wide + c];
    g[at.output.bias + C + c] += skipBiasGradient_[c];
  }
}

/** The gradient of each clip's step embedding: the sum over the clip's tiles. */
void ResidualStack::reduceSteps(int layer) const {
  const std::vector<WinogradTile>& tiles = layout_.tilingOf(layer).tiles;
  float* const sums = steps_.gradients(layer);
  std::memset(sums, 0, size_t(layout_.count * columns_) * sizeof(float));
  for (size_t t = 0; t < tiles.size(); t++) {
    for (int64_t c = 0; c < columns_; c++) sums[tiles[t].clip * columns_ + c] += tileSums_[int64_t(t) * columns_ + c];
  }
}

}  // namespace diffwave
