// The residual stack of a pass and its two ends, forward and backward.
#include "../winograd.h"
#include "pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace diffwave {

TrainingPass::WinogradRows TrainingPass::rowsOf(const WinogradTile& tile, int64_t dilation) const {
  WinogradRows rows;
  rows.count = winogradOutputs * tile.blocks;
  const int64_t end = positions_[size_t(tile.clip)];
  for (int q = 0; q < tile.blocks; q++) {
    const int64_t index = tile.first + q, first = index / dilation * winogradOutputs * dilation + index % dilation;
    for (int j = 0; j < winogradOutputs; j++) {
      const int64_t position = first + j * dilation;
      rows.position[j * tile.blocks + q] = position < end ? position : -1;
    }
  }
  return rows;
}

void TrainingPass::pointers(float** to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at) const {
  for (int r = 0; r < at.count; r++) to[r] = at.position[r] < 0 ? nullptr : row(rows, tile.clip, at.position[r]);
}

void TrainingPass::gather(float* to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at,
                          int64_t width) const {
  for (int r = 0; r < at.count; r++, to += width) {
    const float* from = at.position[r] < 0 ? zeros_ : row(rows, tile.clip, at.position[r]);
    std::memcpy(to, from, size_t(width) * sizeof(float));
  }
}

void TrainingPass::inputTransform(float* planes, int64_t width, const Rows& rows, const WinogradTile& tile,
                                  int64_t dilation) const {
  const float* inputs[winogradInputs * maxTileBlocks];
  const int64_t end = positions_[size_t(tile.clip)];
  for (int q = 0; q < tile.blocks; q++) {
    const int64_t index = tile.first + q, first = index / dilation * winogradOutputs * dilation + index % dilation;
    for (int i = 0; i < winogradInputs; i++) {
      const int64_t position = first + (i - 1) * dilation;
      inputs[winogradInputs * q + i] = position < 0 || position >= end ? zeros_ : row(rows, tile.clip, position);
    }
  }
  task_->kernels.winogradInput(planes, maxTileBlocks * width, inputs, tile.blocks, int(width));
}

/** relu(bias + Σ_j weight · audio) of one tile [count × columns]. */
static void inputTile(const TrainingKernels& kernels, float* out, const float* audio, int patch, int count, int columns,
                      const float* weight, const float* bias) {
  for (int r = 0; r < count; r++) std::memcpy(out + r * columns, bias, size_t(columns) * sizeof(float));
  const Segment segment{audio, patch, patch};
  kernels.forwardProduct(out, columns, count, columns, &segment, 1, weight, true);
  for (int i = 0; i < count * columns; i++) out[i] = std::max(out[i], 0.0f);
}

void TrainingPass::inputForward() {
  forEachGroup([&](const Tile& tile, int, int, int) {
    float* y = row(y_[0], tile.clip, tile.start);
    const int columns = int(columns_);
    inputTile(task_->kernels, y, clips_[tile.clip].audio + tile.start * shape_.patch, shape_.patch, tile.count, columns,
              inputWeight_, inputBias_);
    const float* step = steps_ + tile.clip * columns_;
    for (int r = 0; r < tile.count; r++) {
      for (int c = 0; c < columns; c++) y[r * columns + c] += step[c];
    }
    std::memset(row(skip_, tile.clip, tile.start), 0, size_t(tile.count) * size_t(columns) * sizeof(float));
  });
}

void TrainingPass::gates(int layer, const WinogradTile& tile, const WinogradRows& at, const Scratch& scratch,
                         float* halves) {
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const int columns = int(columns_), wide = 2 * columns;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  const float *low[4 * maxTileBlocks], *high[4 * maxTileBlocks];
  float fraction[4 * maxTileBlocks];
  WinogradGates task{};
  if (shape_.conditioner == Conditioner::frameRate) {
    const int64_t frames = clips_[tile.clip].frames;
    const float* projected = projected_ + layer * frameRows_ * wide;
    for (int r = 0; r < at.count; r++) {
      const int64_t sample = clips_[tile.clip].melOffset + std::max<int64_t>(at.position[r], 0) * shape_.patch;
      const int64_t frame = sample / shape_.hop;
      low[r] = projected + frameRow(tile.clip, frame) * wide;
      high[r] = projected + frameRow(tile.clip, std::min(frame + 1, frames - 1)) * wide;
      fraction[r] = float(sample % shape_.hop) / float(shape_.hop);
    }
    task.low = low;
    task.high = high;
    task.fraction = fraction;
  }
  if (shape_.conditioner == Conditioner::transposed) {
    gather(scratch.mel, melRows_, tile, at, melRows_.stride);
    for (int r = 0; r < at.count; r++) std::memcpy(halves + r * wide, w.bias, size_t(wide) * sizeof(float));
    const Segment segment{scratch.mel, melRows_.stride, shape_.bands};
    kernels.forwardProduct(halves, wide, at.count, wide, &segment, 1, w.conditioner, true);
  } else {
    task.bias = w.bias;
  }
  inputTransform(scratch.narrow, columns, y_[size_t(layer)], tile, shape_.dilation(layer));
  for (int k = 0; k < winogradInputs; k++) {
    const Segment segment{scratch.narrow + k * narrowPlane, columns, int(C_)};
    kernels.forwardProduct(scratch.wide + k * widePlane, wide, tile.blocks, wide, &segment, 1,
                           w.dilated + k * packedSize(Direction::forward, C_, wide), false);
  }
  task.sums = scratch.wide;
  task.plane = widePlane;
  task.blocks = tile.blocks;
  task.columns = columns;
  task.tanhFirst = shape_.tanhFirst;
  task.halves = halves;
  task.gated = scratch.gated;
  task.gatedStride = columns + 16;
  kernels.winogradGates(task);
}

void TrainingPass::layerForward(int layer) {
  if (shape_.upsamplerPerLayer) upsampleForward(task_->places.layer[layer].upsampler);
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const int columns = int(columns_), wide = 2 * columns;
  const bool last = layer == shape_.layers - 1;
  const auto body = [&](const WinogradTile& tile, int, int, int worker) {
    const Scratch& scratch = tileScratch_[size_t(worker)];
    const WinogradRows at = rowsOf(tile, shape_.dilation(layer));
    gates(layer, tile, at, scratch, keep_ == Keep::gates ? halves_[size_t(layer)] + tile.row * wide : scratch.halves);
    for (int r = 0; r < at.count; r++) std::memcpy(scratch.out + r * wide, w.outputBias, size_t(wide) * sizeof(float));
    const Segment segment{scratch.gated, columns + 16, int(C_)};
    kernels.forwardProduct(scratch.out, wide, at.count, last ? columns : wide, &segment, 1, w.output, true);
    const float* step = steps_ + (int64_t(layer) * count_ + tile.clip) * columns;
    float *skip[4 * maxTileBlocks], *y[4 * maxTileBlocks], *next[4 * maxTileBlocks];
    pointers(skip, skip_, tile, at);
    pointers(y, y_[size_t(layer)], tile, at);
    if (!last) pointers(next, y_[size_t(layer) + 1], tile, at);
    kernels.residual(skip, next, y, scratch.out, shape_.residualAfterStep ? zeros_ : step, step + count_ * columns,
                     at.count, columns, last);
  };
  forEachWinogradGroup(
      tilingOf(layer), body, [](int, int) {}, 0, [](int, int) {});
}

void TrainingPass::outputTile(const Tile& tile, float* hidden, float* output) {
  const TrainingKernels& kernels = task_->kernels;
  const int columns = int(columns_), C = int(C_), outputColumns = int(columnsOf(shape_.outputs())), rows = tile.count;
  const float* skip = row(skip_, tile.clip, tile.start);
  for (int r = 0; r < rows; r++) std::memcpy(hidden + r * columns, skipBias_, size_t(columns) * sizeof(float));
  const Segment fromSkip{skip, columns, C};
  kernels.forwardProduct(hidden, columns, rows, columns, &fromSkip, 1, skipWeight_, true);
  for (int i = 0; i < rows * columns; i++) hidden[i] = std::max(hidden[i], 0.0f);
  for (int r = 0; r < rows; r++) {
    std::memcpy(output + r * outputColumns, outputBias_, size_t(outputColumns) * sizeof(float));
  }
  const Segment fromHidden{hidden, columns, C};
  kernels.forwardProduct(output, outputColumns, rows, outputColumns, &fromHidden, 1, outputWeight_, true);
}

/** A float32 sum this near zero has the sign of its rounding: it counts as zero, where the ReLU's slope is 0. One unit on either
 * side of it moves a small gradient by thousandths, so that otherwise no two orders of summation would agree. */
constexpr float signless = 6e-7f;

void TrainingPass::outputForward() {
  const int columns = int(columns_), patch = shape_.patch, outputColumns = int(columnsOf(shape_.outputs()));
  forEachGroup([&](const Tile& tile, int, int, int worker) {
    float* hidden = scratch_[size_t(worker)];
    float* output = hidden + trainingBlockPositions * columns;
    outputTile(tile, hidden, output);
    const Clip& clip = clips_[tile.clip];
    for (int r = 0; r < tile.count; r++, output += outputColumns) {
      const int64_t sample = (tile.start + r) * patch;
      if (shape_.inputMask)
        task_->kernels.mask(clip.prediction + sample, output, clip.audio + sample, clip.gain, patch);
      else std::memcpy(clip.prediction + sample, output, size_t(patch) * sizeof(float));
    }
  });
}

void TrainingPass::outputForwardBackward(double* lossSum, float* clipLosses) {
  const bool given = lossSum == nullptr;
  const TrainingKernels& kernels = task_->kernels;
  const int columns = int(columns_), C = int(C_), patch = shape_.patch, outputs = shape_.outputs();
  const int outputColumns = int(columnsOf(outputs));
  const float mean = 1 / std::sqrt(float(shape_.layers)), scale = float(1 / double(task_->samples));
  const int groups = int(groupStart_.size()) - 1;
  // Partial sums: [outputs × columns] last projection, [C × columns] skip projection, and their biases.
  const int64_t skipAt = int64_t(outputs) * columns, biasAt = skipAt + int64_t(C) * columns;
  for (int g = 0; g < groups; g++) {
    std::memset(partial_ + g * partialLayout_.size, 0, size_t(biasAt + columns + outputColumns) * sizeof(float));
  }
  forEachGroup([&](const Tile& tile, int number, int group, int worker) {
    float* hidden = scratch_[size_t(worker)];
    float* dHidden = hidden + trainingBlockPositions * columns;
    float* dSkip = dHidden + trainingBlockPositions * columns;
    float* output = dSkip + trainingBlockPositions * columns;
    float* masked = output + trainingBlockPositions * outputColumns;
    float* skip = row(skip_, tile.clip, tile.start);
    float* partial = partial_ + group * partialLayout_.size;
    const int rows = tile.count;
    outputTile(tile, hidden, output);

    const Clip& clip = clips_[tile.clip];
    double loss = 0;
    for (int r = 0; r < rows; r++) {
      const int64_t first = (tile.start + r) * patch;
      float* const outputRow = output + r * outputColumns;
      // The prediction, then the loss's gradient by it, in the same place.
      float* const prediction = shape_.inputMask ? masked : outputRow;
      if (shape_.inputMask && !given) kernels.mask(prediction, outputRow, clip.audio + first, clip.gain, patch);
      for (int j = 0; j < patch; j++) {
        const int64_t sample = first + j;
        if (given) {
          prediction[j] = clip.target[sample];
          continue;
        }
        const float error = prediction[j] - clip.target[sample];
        const float weight = clip.weight == nullptr ? 1.0f : clip.weight[sample];
        const float sign = float(error > 0) - float(error < 0);
        loss += weight * (task_->squared ? error * error : std::fabs(error));
        prediction[j] = weight * (task_->squared ? 2 * error : sign) * scale;
      }
      if (shape_.inputMask) kernels.maskBackward(outputRow, prediction, clip.audio + first, clip.gain, patch);
    }
    tileLosses_[size_t(number)] = loss;

    kernels.outer(partial, columns, output, outputColumns, outputs, hidden, columns, columns, rows, true);
    kernels.columnSums(partial + biasAt + columns, output, outputColumns, rows, outputColumns);
    const Segment fromOutput{output, outputColumns, outputs};
    kernels.product(dHidden, columns, rows, columns, &fromOutput, 1, dHidden_, false);
    for (int i = 0; i < rows * columns; i++) dHidden[i] = hidden[i] > signless ? dHidden[i] : 0.0f;
    kernels.outer(partial + skipAt, columns, dHidden, columns, C, skip, columns, columns, rows, true);
    kernels.columnSums(partial + biasAt, dHidden, columns, rows, columns);
    const Segment fromDHidden{dHidden, columns, C};
    kernels.product(dSkip, columns, rows, columns, &fromDHidden, 1, dSkip_, false);
    for (int i = 0; i < rows * columns; i++) skip[i] = dSkip[i] * mean;
  });

  float* g = task_->gradients;
  const ParameterOffsets& at = task_->places;
  for (int group = 0; group < groups; group++) {
    const float* partial = partial_ + group * partialLayout_.size;
    for (int j = 0; j < outputs; j++) {
      for (int c = 0; c < C; c++) g[at.output.weight + j * C + c] += partial[j * columns + c];
      g[at.output.bias + j] += partial[biasAt + columns + j];
    }
    for (int o = 0; o < C; o++) {
      for (int c = 0; c < C; c++) g[at.skip.weight + int64_t(o) * C + c] += partial[skipAt + int64_t(o) * columns + c];
      g[at.skip.bias + o] += partial[biasAt + o];
    }
  }
  if (given) return;
  std::vector<double> sums(size_t(count_), 0.0);
  for (size_t t = 0; t < tiles_.size(); t++) sums[size_t(tiles_[t].clip)] += tileLosses_[t];
  *lossSum = 0;
  for (int i = 0; i < count_; i++) {
    *lossSum += sums[size_t(i)];
    clipLosses[i] = float(sums[size_t(i)] / double(clips_[i].samples));
  }
}

void TrainingPass::layerBackward(int layer) {
  if (shape_.upsamplerPerLayer) upsampleForward(task_->places.layer[layer].upsampler);
  gateBackward(layer);
  convolutionBackward(layer);
  if (shape_.upsamplerPerLayer) upsampleBackward(task_->places.layer[layer].upsampler);
}

void TrainingPass::gateBackward(int layer) {
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const PartialLayout& part = partialLayout_;
  const WinogradTiling& blocks = tilingOf(layer);
  const int columns = int(columns_), wide = 2 * columns, C = int(C_), bands = shape_.bands;
  const bool last = layer == shape_.layers - 1, transposed = shape_.conditioner == Conditioner::transposed;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  const auto body = [&](const WinogradTile& tile, int number, int group, int worker) {
    const Scratch& scratch = tileScratch_[size_t(worker)];
    const WinogradRows at = rowsOf(tile, blocks.dilation);
    float* partial = partial_ + group * part.size;
    const bool more = number != blocks.groupStart[size_t(group)];
    const int rows = at.count;
    if (!more) std::memset(partial + part.sums, 0, size_t(wide + 2 * columns) * sizeof(float));
    const float* halves = scratch.halves;
    if (keep_ == Keep::gates) {
      halves = halves_[size_t(layer)] + tile.row * wide;
    } else {
      gates(layer, tile, at, scratch, scratch.halves);
    }
    gather(scratch.dSkip, skip_, tile, at, columns);
    if (!last) gather(scratch.dx, dx_, tile, at, columns);
    const Segment segments[2] = {{scratch.dSkip, columns, C}, {scratch.dx, columns, C}};
    kernels.product(scratch.dGated, columns, rows, columns, segments, last ? 1 : 2, w.dGated, false);
    float* dSums[4 * maxTileBlocks];
    pointers(dSums, dSums_, tile, at);
    kernels.winogradGateBackward({halves, scratch.dGated, tile.blocks, columns, shape_.tanhFirst, scratch.gated,
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
    inputTransform(scratch.narrow, columns, y_[size_t(layer)], tile, blocks.dilation);
    for (int k = 0; k < winogradInputs; k++) {
      kernels.outer(scratch.dPoints + k * C_ * wide, wide, scratch.narrow + k * narrowPlane, columns, C,
                    scratch.wide + k * widePlane, wide, wide, tile.blocks, more);
    }
    if (!transposed) return;
    gather(scratch.mel, melRows_, tile, at, melRows_.stride);
    gather(scratch.out, dSums_, tile, at, wide);
    kernels.outer(partial + part.conditioner, wide, scratch.mel, melRows_.stride, bands, scratch.out, wide, wide, rows,
                  more);
    const bool fresh = shape_.upsamplerPerLayer || last;
    if (!fresh) gather(scratch.dMel, dMelRows_, tile, at, dMelRows_.stride);
    const Segment segment{scratch.out, wide, wide};
    kernels.product(scratch.dMel, dMelRows_.stride, rows, int(dMelRows_.stride), &segment, 1, w.dConditioner, !fresh);
    for (int r = 0; r < rows; r++) {
      if (at.position[r] < 0) continue;
      std::memcpy(row(dMelRows_, tile.clip, at.position[r]), scratch.dMel + r * dMelRows_.stride,
                  size_t(dMelRows_.stride) * sizeof(float));
    }
  };
  const auto end = [&](int group, int worker) {
    const int64_t count = C_ * wide;
    kernels.winogradWeightGradient(partial_ + group * part.size + part.dilated, count,
                                   tileScratch_[size_t(worker)].dPoints, count, int(count));
  };
  forEachWinogradGroup(blocks, body, end, 0, [](int, int) {});
}

void TrainingPass::convolutionBackward(int layer) {
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const WinogradTiling& blocks = tilingOf(layer);
  const int columns = int(columns_), wide = 2 * columns;
  const ptrdiff_t narrowPlane = maxTileBlocks * columns_, widePlane = maxTileBlocks * 2 * columns_;
  const auto body = [&](const WinogradTile& tile, int number, int, int worker) {
    const Scratch& scratch = tileScratch_[size_t(worker)];
    const WinogradRows at = rowsOf(tile, blocks.dilation);
    inputTransform(scratch.wide, wide, dSums_, tile, blocks.dilation);
    for (int k = 0; k < winogradInputs; k++) {
      const Segment segment{scratch.wide + k * widePlane, wide, wide};
      kernels.product(scratch.narrow + k * narrowPlane, columns, tile.blocks, columns, &segment, 1,
                      w.dy + k * packedSize(Direction::backward, wide, columns), false);
    }
    float* dx[4 * maxTileBlocks];
    pointers(dx, dx_, tile, at);
    float* total = tileSums_ + int64_t(number) * columns;
    std::memset(total, 0, size_t(columns) * sizeof(float));
    kernels.winogradResidualBackward({scratch.narrow, narrowPlane, tile.blocks, columns, dx, total,
                                      layer == shape_.layers - 1, shape_.residualAfterStep,
                                      layer == 0 ? 1.0f : sqrtHalf});
  };
  // Frames of mel beside it.
  constexpr int framesATask = 16;
  const int64_t frames = shape_.conditioner == Conditioner::frameRate ? firstFrame_.back() : 0;
  forEachWinogradGroup(
      blocks, body, [](int, int) {}, int((frames + framesATask - 1) / framesATask),
      [&](int task, int) {
        foldMelGradient(layer, task * framesATask, int(std::min<int64_t>(frames, (task + 1) * framesATask)));
      });
}

/** Adds the groups' partial sums up, in order, and lays them out as the parameters are. */
void TrainingPass::reduceLayer(int layer) {
  const PartialLayout& part = partialLayout_;
  const LayerOffsets& at = task_->places.layer[layer];
  const int64_t C = C_, columns = columns_, wide = 2 * columns;
  const WinogradTiling& blocks = tilingOf(layer);
  const int groups = int(blocks.groupStart.size()) - 1;
  const bool last = layer == shape_.layers - 1;
  const int64_t bands = shape_.conditioner == Conditioner::transposed ? shape_.bands : 0;
  float* g = task_->gradients;
  const auto addUp = [&](float* to, int64_t from, int64_t width) {
    std::memcpy(to, partial_ + from, size_t(width) * sizeof(float));
    for (int group = 1; group < groups; group++) {
      const float* more = partial_ + group * part.size + from;
      for (int64_t i = 0; i < width; i++) to[i] += more[i];
    }
  };
  constexpr int rowsATask = 32;
  const int64_t rows = 5 * C + bands + 1;
  const int rowTasks = int((rows + rowsATask - 1) / rowsATask);
  task_->pool.forEach(rowTasks + 1, [&](int task, int worker) {
    if (task == rowTasks) {
      float* sums = dSteps_ + int64_t(layer) * count_ * columns;
      std::memset(sums, 0, size_t(count_ * columns) * sizeof(float));
      for (size_t t = 0; t < blocks.tiles.size(); t++) {
        for (int64_t c = 0; c < columns; c++) {
          sums[blocks.tiles[t].clip * columns + c] += tileSums_[int64_t(t) * columns + c];
        }
      }
      return;
    }
    float* sum = tileScratch_[size_t(worker)].out;
    for (int64_t r = int64_t(task) * rowsATask; r < std::min<int64_t>(rows, (task + 1) * rowsATask); r++) {
      if (r < 3 * C) {
        addUp(sum, part.dilated + r * wide, wide);
        const int64_t tap = r / C, channel = r % C;
        for (int64_t o = 0; o < 2 * C; o++) {
          g[at.dilated.weight + (o * C + channel) * 3 + tap] += sum[o < C ? o : o - C + columns];
        }
      } else if (r < 5 * C) {
        addUp(sum, part.output + (r - 3 * C) * columns, columns);
        for (int64_t c = 0; c < C; c++) g[at.output.weight + (r - 3 * C) * C + c] += sum[c];
      } else if (r < 5 * C + bands) {
        addUp(sum, part.conditioner + (r - 5 * C) * wide, wide);
        for (int64_t o = 0; o < 2 * C; o++) {
          g[at.conditioner.weight + o * bands + r - 5 * C] += sum[o < C ? o : o - C + columns];
        }
      } else {
        addUp(sum, part.sums, wide + 2 * columns);
        if (last) std::memcpy(skipBiasGradient_, sum + wide + columns, size_t(columns) * sizeof(float));
        for (int64_t o = 0; o < 2 * C; o++) {
          const float value = sum[o < C ? o : o - C + columns];
          g[at.dilated.bias + o] += value;
          if (shape_.conditioner != Conditioner::none) g[at.conditioner.bias + o] += value;
        }
        for (int64_t c = 0; c < C; c++) {
          if (!last) g[at.output.bias + c] += sum[wide + c];
          g[at.output.bias + C + c] += skipBiasGradient_[c];
        }
      }
    }
  });
}

void TrainingPass::inputBackward() {
  const TrainingKernels& kernels = task_->kernels;
  const int columns = int(columns_), C = int(C_), patch = shape_.patch;
  const int groups = int(groupStart_.size()) - 1;
  const int64_t biasAt = int64_t(patch) * columns;
  for (int g = 0; g < groups; g++) {
    std::memset(partial_ + g * partialLayout_.size, 0, size_t(biasAt + columns) * sizeof(float));
  }
  forEachGroup([&](const Tile& tile, int, int group, int worker) {
    float* input = scratch_[size_t(worker)];
    float* partial = partial_ + group * partialLayout_.size;
    const float* audio = clips_[tile.clip].audio + tile.start * patch;
    inputTile(kernels, input, audio, patch, tile.count, columns, inputWeight_, inputBias_);
    const float* dx = row(dx_, tile.clip, tile.start);
    for (int i = 0; i < tile.count * columns; i++) input[i] = input[i] > 0 ? dx[i] : 0.0f;
    kernels.outer(partial, columns, audio, patch, patch, input, columns, columns, tile.count, true);
    kernels.columnSums(partial + biasAt, input, columns, tile.count, columns);
  });
  float* g = task_->gradients;
  const ParameterOffset& at = task_->places.input;
  for (int group = 0; group < groups; group++) {
    const float* partial = partial_ + group * partialLayout_.size;
    for (int c = 0; c < C; c++) {
      for (int j = 0; j < patch; j++) g[at.weight + c * patch + j] += partial[j * columns + c];
      g[at.bias + c] += partial[biasAt + c];
    }
  }
}

}  // namespace diffwave
