#include "training-pass.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace diffwave {

namespace {
constexpr float squareRootOfHalf = 0.70710678118654752f;
}

Training::Training(const NetworkShape& shape, Pool& pool, const TrainingKernels& kernels, size_t memoryLimit)
    : shape_(shape), pool_(pool), kernels_(kernels), limit_(memoryLimit) {}

Training::~Training() { std::free(memory_); }

size_t Training::memory(const TrainingBatch::Clip* clips, int count, bool storeGates) const {
  return TrainingPass(shape_, pool_.threads(), kernels_.width, clips, count, storeGates ? Keep::gates : Keep::inputs,
                      nullptr).bytes();
}

bool Training::reserve(size_t bytes) {
  if (bytes <= bytes_) return true;
  constexpr size_t hugePage = size_t(1) << 21;
  std::free(memory_);
  bytes_ = 0;
  memory_ = static_cast<float*>(std::aligned_alloc(hugePage, (bytes + hugePage - 1) / hugePage * hugePage));
  if (memory_ == nullptr) return false;
#ifdef MADV_HUGEPAGE
  madvise(memory_, bytes, MADV_HUGEPAGE);
#endif
  bytes_ = bytes;
  return true;
}

TrainingOutcome Training::predictNoise(const float* parameters, const TrainingBatch& batch,
                                       const std::atomic<bool>* cancelled) {
  const ParameterPlaces places(shape_);
  const TrainingTask task{shape_, places, pool_, kernels_, parameters, nullptr, cancelled, false, 1};
  for (int i = 0; i < batch.count; i++) {
    const auto pass = [&](float* block) {
      return TrainingPass(shape_, pool_.threads(), kernels_.width, batch.clips + i, 1, Keep::nothing, block);
    };
    const size_t needed = pass(nullptr).bytes();
    if (needed > limit_ || !reserve(needed)) return TrainingOutcome::outOfMemory;
    if (!pass(memory_).predict(task)) return TrainingOutcome::cancelled;
  }
  return TrainingOutcome::done;
}

TrainingOutcome Training::lossGradients(const float* parameters, const TrainingBatch& batch, float* gradients,
                                        double* loss, float* clipLosses, const std::atomic<bool>* cancelled) {
  const ParameterPlaces places(shape_);
  std::memset(gradients, 0, size_t(places.count) * sizeof(float));
  int64_t samples = 0;
  for (int i = 0; i < batch.count; i++) samples += batch.clips[i].samples;
  const TrainingTask task{shape_, places, pool_, kernels_, parameters, gradients, cancelled, batch.squared, samples};
  *loss = 0;
  for (int first = 0; first < batch.count;) {
    const TrainingBatch::Clip* clips = batch.clips + first;
    int count = batch.count - first;
    while (count > 1 && memory(clips, count, true) > limit_) count--;
    const bool storeGates = count > 1 || memory(clips, 1, true) <= limit_;
    const size_t needed = memory(clips, count, storeGates);
    if (needed > limit_) return TrainingOutcome::outOfMemory;
    if (!reserve(needed)) return TrainingOutcome::outOfMemory;
    TrainingPass pass(shape_, pool_.threads(), kernels_.width, clips, count, storeGates ? Keep::gates : Keep::inputs,
                      memory_);
    double sum = 0;
    if (!pass.run(task, &sum, clipLosses + first)) return TrainingOutcome::cancelled;
    *loss += sum;
    first += count;
  }
  *loss /= double(samples);
  return TrainingOutcome::done;
}

TrainingPass::TrainingPass(const NetworkShape& shape, int threads, int panelWidth, const Clip* clips, int count,
                           Keep keep, float* block)
    : shape_(shape),
      clips_(clips),
      count_(count),
      panelWidth_(panelWidth),
      keep_(keep),
      C_(shape.channels),
      columns_(columnsOf(shape.channels)) {
  firstPosition_.push_back(0);
  firstFrame_.push_back(0);
  for (int i = 0; i < count; i++) {
    positions_.push_back(clips[i].samples / shape.patch);
    firstPosition_.push_back(firstPosition_.back() + positions_.back());
    firstFrame_.push_back(firstFrame_.back() + (shape.conditioner == Conditioner::none ? 0 : clips[i].frames));
    for (int64_t start = 0; start < positions_.back(); start += trainingTile) {
      tiles_.push_back({i, start, int(std::min<int64_t>(trainingTile, positions_.back() - start))});
    }
  }
  const int tiles = int(tiles_.size()), groups = std::min(trainingGroups, tiles);
  for (int g = 0; g <= groups; g++) groupStart_.push_back(int(int64_t(tiles) * g / groups));
  tileLosses_.resize(size_t(tiles));

  Arena arena(block);
  const int64_t wide = 2 * columns_, patchColumns = columnsOf(shape.patch);
  int64_t largest = 1;
  const bool learns = keep != Keep::nothing;
  for (int l = 0; l < shape.layers; l++) largest = std::max<int64_t>(largest, shape.dilation(l));
  for (int l = 0; l < shape.layers; l++) {
    if (learns || l < 2) {
      y_.push_back(takeRows(arena, columns_, learns ? shape.dilation(l) : largest));
    } else {
      y_.push_back(y_[size_t(l) - 2]);
    }
    if (keep == Keep::gates) halves_.push_back(takeRows(arena, wide, 0));
  }
  skip_ = takeRows(arena, columns_, 0);
  if (learns) {
    dx_ = takeRows(arena, columns_, 0);
    dSums_ = takeRows(arena, wide + 16, largest);  // the odd stride spreads its rows over all cache sets
  }
  layoutConditioning(arena);

  const int64_t mel = shape.conditioner == Conditioner::transposed ? shape.bands : 0;
  auto& part = partialLayout_;
  part.dilated = 0;
  part.output = part.dilated + 3 * C_ * wide;
  part.conditioner = part.output + 2 * C_ * columns_;
  part.sums = part.conditioner + mel * wide;
  const int64_t ends = (shape.patch + C_) * columns_ + columns_ + patchColumns;
  part.size = std::max(part.sums + wide + 2 * columns_, ends);
  if (learns) partial_ = arena.take(groups * part.size);
  if (learns) tileSums_ = arena.take(tiles * columns_);
  scratchSize_ = trainingTile * (2 * wide + 3 * (columns_ + 16) + 2 * patchColumns);
  for (int i = 0; i < threads; i++) scratch_.push_back(arena.take(scratchSize_));

  for (int l = 0; l < shape.layers; l++) {
    LayerWeights w{};
    w.dilated = arena.take(packedSize(3 * C_ + mel, wide));
    w.output = arena.take(packedSize(C_, wide));
    if (learns) w.dGated = arena.take(packedSize(2 * C_, columns_));
    if (learns) w.dy = arena.take(packedSize(3 * wide, columns_));
    w.bias = arena.take(wide);
    w.outputBias = arena.take(wide);
    if (shape.conditioner != Conditioner::none) {
      const int64_t channels = shape.conditionerChannels();
      if (mel == 0) w.conditioner = arena.take(packedSize(channels, wide));
      if (learns) w.dConditioner = arena.take(packedSize(wide, columnsOf(channels)));
    }
    weights_.push_back(w);
  }
  inputWeight_ = arena.take(packedSize(shape.patch, columns_));
  inputBias_ = arena.take(columns_);
  skipWeight_ = arena.take(packedSize(C_, columns_));
  skipBias_ = arena.take(columns_);
  outputWeight_ = arena.take(packedSize(C_, patchColumns));
  outputBias_ = arena.take(patchColumns);
  dHidden_ = arena.take(packedSize(shape.patch, columns_));
  dSkip_ = arena.take(packedSize(C_, columns_));
  skipBiasGradient_ = arena.take(columns_);
  steps_ = arena.take(int64_t(shape.layers) * count * columns_);
  dSteps_ = arena.take(int64_t(shape.layers) * count * columns_);
  bytes_ = arena.bytes();
}

void TrainingPass::clearGuards(const Rows& rows) const {
  for (int64_t clip = 0; clip <= count_; clip++) {
    float* from = rows.data + (firstPosition_[size_t(clip)] + clip * rows.guard) * rows.stride;
    std::memset(from, 0, size_t(rows.guard * rows.stride) * sizeof(float));
  }
}

/** Element n of a [wide] axis lies in half n / columns at channel n mod columns. */
void TrainingPass::packLayer(int layer) {
  const float* w = task_->parameters;
  const LayerPlaces& at = task_->places.layer[layer];
  LayerWeights& to = weights_[size_t(layer)];
  const int64_t C = C_, columns = columns_, wide = 2 * columns_, channels = shape_.conditionerChannels();
  const auto halfRow = [C, columns](int64_t n) { return n % columns < C ? n / columns * C + n % columns : -1; };
  const bool transposed = shape_.conditioner == Conditioner::transposed;

  // k: tap, channel (then band); n: the gate's halves.
  pack(to.dilated, 3 * C + (transposed ? channels : 0), wide, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(n);
    if (o < 0) return 0.0f;
    if (k >= 3 * C) return w[at.conditioner.weight + o * channels + k - 3 * C];
    return w[at.dilated.weight + (o * C + k % C) * 3 + k / C];
  });
  // n: skip first, then residual, so that the last layer can leave the residual out.
  pack(to.output, C, wide, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(n);
    return o < 0 ? 0.0f : w[at.output.weight + (o < C ? o + C : o - C) * C + k];
  });
  if (keep_ != Keep::nothing) {
    const bool last = layer == shape_.layers - 1;
    pack(to.dGated, last ? C : 2 * C, columns, [&](int64_t k, int64_t n) {
      return n >= C ? 0.0f : w[at.output.weight + (k < C ? k + C : k - C) * C + n];
    });
    pack(to.dy, 3 * wide, columns, [&](int64_t k, int64_t n) {
      const int64_t o = halfRow(k % wide);
      return o < 0 || n >= C ? 0.0f : w[at.dilated.weight + (o * C + n) * 3 + k / wide];
    });
  }
  for (int64_t n = 0; n < wide; n++) {
    const int64_t o = halfRow(n);
    to.bias[n] = o < 0 ? 0 : w[at.dilated.bias + o];
    if (o >= 0 && shape_.conditioner != Conditioner::none) to.bias[n] += w[at.conditioner.bias + o];
    to.outputBias[n] = o < 0 ? 0 : w[at.output.bias + (o < C ? o + C : o - C)];
  }
  if (to.conditioner != nullptr) {
    pack(to.conditioner, channels, wide, [&](int64_t k, int64_t n) {
      const int64_t o = halfRow(n);
      return o < 0 ? 0.0f : w[at.conditioner.weight + o * channels + k];
    });
  }
  if (to.dConditioner != nullptr) {
    pack(to.dConditioner, wide, columnsOf(channels), [&](int64_t k, int64_t n) {
      const int64_t o = halfRow(k);
      return o < 0 || n >= channels ? 0.0f : w[at.conditioner.weight + o * channels + n];
    });
  }
}

void TrainingPass::packEnds() {
  const float* w = task_->parameters;
  const ParameterPlaces& at = task_->places;
  const int64_t C = C_, patch = shape_.patch, patchColumns = columnsOf(patch);
  pack(inputWeight_, patch, columns_,
       [&](int64_t k, int64_t n) { return n < C ? w[at.input.weight + n * patch + k] : 0.0f; });
  pack(skipWeight_, C, columns_, [&](int64_t k, int64_t n) { return n < C ? w[at.skip.weight + n * C + k] : 0.0f; });
  pack(dSkip_, C, columns_, [&](int64_t k, int64_t n) { return n < C ? w[at.skip.weight + k * C + n] : 0.0f; });
  pack(outputWeight_, C, patchColumns,
       [&](int64_t k, int64_t n) { return n < patch ? w[at.output.weight + n * C + k] : 0.0f; });
  pack(dHidden_, patch, columns_, [&](int64_t k, int64_t n) { return n < C ? w[at.output.weight + k * C + n] : 0.0f; });
  for (int64_t n = 0; n < columns_; n++) {
    inputBias_[n] = n < C ? w[at.input.bias + n] : 0;
    skipBias_[n] = n < C ? w[at.skip.bias + n] : 0;
  }
  for (int64_t n = 0; n < patchColumns; n++) outputBias_[n] = n < patch ? w[at.output.bias + n] : 0;
}

bool TrainingPass::forward() {
  for (const Rows& rows : y_) clearGuards(rows);
  task_->pool.forEach(shape_.layers + 1, [&](int l, int) { l == shape_.layers ? packEnds() : packLayer(l); });
  packConditioning();
  embeddingForward();
  melForward();
  inputForward();
  for (int l = 0; l < shape_.layers && !cancelled(); l++) layerForward(l);
  return !cancelled();
}

bool TrainingPass::predict(const TrainingTask& task) {
  task_ = &task;
  if (!forward()) return false;
  outputForward();
  return !cancelled();
}

bool TrainingPass::run(const TrainingTask& task, double* lossSum, float* clipLosses) {
  task_ = &task;
  clearGuards(dSums_);
  if (!forward()) return false;
  outputForwardBackward(lossSum, clipLosses);
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

/** relu(bias + Σ_j weight · audio) of one tile [count × columns]. */
static void inputTile(const TrainingKernels& kernels, float* out, const float* audio, int patch, int count, int columns,
                      const float* weight, const float* bias) {
  for (int r = 0; r < count; r++) std::memcpy(out + r * columns, bias, size_t(columns) * sizeof(float));
  const Segment segment{audio, patch, patch};
  kernels.product(out, columns, count, columns, &segment, 1, weight, true);
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

void TrainingPass::gates(int layer, const Tile& tile, float* halves, float* gated) {
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const int wide = int(2 * columns_);
  const int64_t dilation = shape_.dilation(layer);
  if (shape_.conditioner == Conditioner::frameRate) {
    const int64_t frames = clips_[tile.clip].frames;
    const float* projected = projected_ + layer * frameRows_ * wide;
    for (int done = 0; done < tile.count;) {
      const int64_t sample = clips_[tile.clip].melOffset + (tile.start + done) * shape_.patch, frame = sample / shape_.hop;
      const int64_t next = std::min(frame + 1, frames - 1);
      const int offset = int(sample % shape_.hop);
      const int run = std::min(tile.count - done, (shape_.hop - offset) / shape_.patch);
      kernels.interpolate(halves + done * wide, run, wide, w.bias, projected + frameRow(tile.clip, frame) * wide,
                          projected + frameRow(tile.clip, next) * wide, offset, shape_.patch, shape_.hop);
      done += run;
    }
  } else {
    for (int r = 0; r < tile.count; r++) std::memcpy(halves + r * wide, w.bias, size_t(wide) * sizeof(float));
  }
  const Rows& y = y_[size_t(layer)];
  Segment segments[4];
  int count = 0;
  for (int tap = -1; tap <= 1; tap++) {
    segments[count++] = {row(y, tile.clip, tile.start + tap * dilation), y.stride, int(C_)};
  }
  if (shape_.conditioner == Conditioner::transposed) {
    segments[count++] = {row(melRows_, tile.clip, tile.start), melRows_.stride, shape_.bands};
  }
  kernels.product(halves, wide, tile.count, wide, segments, count, w.dilated, true);
  kernels.gateForward(halves, gated, columns_ + 16, tile.count, int(columns_), shape_.tanhFirst);
}

void TrainingPass::layerForward(int layer) {
  if (shape_.upsamplerPerLayer) upsampleForward(task_->places.layer[layer].upsampler);
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const int columns = int(columns_), wide = 2 * columns;
  const bool last = layer == shape_.layers - 1;
  const std::vector<float> zeros(size_t(columns), 0.0f);
  forEachGroup([&](const Tile& tile, int, int, int worker) {
    float* out = scratch_[size_t(worker)];
    float* halves = keep_ == Keep::gates ? row(halves_[size_t(layer)], tile.clip, tile.start) : out + trainingTile * wide;
    float* gated = out + 2 * trainingTile * wide;
    gates(layer, tile, halves, gated);
    for (int r = 0; r < tile.count; r++) std::memcpy(out + r * wide, w.outputBias, size_t(wide) * sizeof(float));
    const Segment segment{gated, columns + 16, int(C_)};
    kernels.product(out, wide, tile.count, last ? columns : wide, &segment, 1, w.output, true);
    const float* step = steps_ + (int64_t(layer) * count_ + tile.clip) * columns;
    kernels.residual(row(skip_, tile.clip, tile.start),
                     last ? nullptr : row(y_[size_t(layer) + 1], tile.clip, tile.start),
                     row(y_[size_t(layer)], tile.clip, tile.start), out,
                     shape_.residualAfterStep ? zeros.data() : step, last ? nullptr : step + count_ * columns,
                     tile.count, columns);
  });
}

void TrainingPass::outputTile(const Tile& tile, float* hidden, float* noise) {
  const TrainingKernels& kernels = task_->kernels;
  const int columns = int(columns_), C = int(C_), patchColumns = int(columnsOf(shape_.patch)), rows = tile.count;
  const float mean = 1 / std::sqrt(float(shape_.layers));
  float* skip = row(skip_, tile.clip, tile.start);
  for (int i = 0; i < rows * columns; i++) skip[i] *= mean;
  for (int r = 0; r < rows; r++) std::memcpy(hidden + r * columns, skipBias_, size_t(columns) * sizeof(float));
  const Segment fromSkip{skip, columns, C};
  kernels.product(hidden, columns, rows, columns, &fromSkip, 1, skipWeight_, true);
  for (int i = 0; i < rows * columns; i++) hidden[i] = std::max(hidden[i], 0.0f);
  for (int r = 0; r < rows; r++) {
    std::memcpy(noise + r * patchColumns, outputBias_, size_t(patchColumns) * sizeof(float));
  }
  const Segment fromHidden{hidden, columns, C};
  kernels.product(noise, patchColumns, rows, patchColumns, &fromHidden, 1, outputWeight_, true);
}

void TrainingPass::outputForward() {
  const int patch = shape_.patch, patchColumns = int(columnsOf(patch));
  forEachGroup([&](const Tile& tile, int, int, int worker) {
    float* hidden = scratch_[size_t(worker)];
    float* noise = hidden + trainingTile * columns_;
    outputTile(tile, hidden, noise);
    for (int r = 0; r < tile.count; r++) {
      for (int j = 0; j < patch; j++) {
        clips_[tile.clip].noise[(tile.start + r) * patch + j] = noise[r * patchColumns + j];
      }
    }
  });
}

void TrainingPass::outputForwardBackward(double* lossSum, float* clipLosses) {
  const TrainingKernels& kernels = task_->kernels;
  const int columns = int(columns_), C = int(C_), patch = shape_.patch, patchColumns = int(columnsOf(patch));
  const float mean = 1 / std::sqrt(float(shape_.layers)), scale = float(1 / double(task_->samples));
  const int groups = int(groupStart_.size()) - 1;
  // Partial sums: [patch × columns] last projection, [C × columns] skip projection, and their biases.
  const int64_t skipAt = int64_t(patch) * columns, biasAt = skipAt + int64_t(C) * columns;
  for (int g = 0; g < groups; g++) {
    std::memset(partial_ + g * partialLayout_.size, 0, size_t(biasAt + columns + patchColumns) * sizeof(float));
  }
  forEachGroup([&](const Tile& tile, int number, int group, int worker) {
    float* hidden = scratch_[size_t(worker)];
    float* dHidden = hidden + trainingTile * columns;
    float* dSkip = dHidden + trainingTile * columns;
    float* noise = dSkip + trainingTile * columns;
    float* skip = row(skip_, tile.clip, tile.start);
    float* partial = partial_ + group * partialLayout_.size;
    const int rows = tile.count;
    outputTile(tile, hidden, noise);

    const Clip& clip = clips_[tile.clip];
    double loss = 0;
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < patch; j++) {
        const int64_t sample = (tile.start + r) * patch + j;
        const float error = noise[r * patchColumns + j] - clip.target[sample];
        const float weight = clip.weight == nullptr ? 1.0f : clip.weight[sample];
        const float sign = float(error > 0) - float(error < 0);
        loss += weight * (task_->squared ? error * error : std::fabs(error));
        noise[r * patchColumns + j] = weight * (task_->squared ? 2 * error : sign) * scale;
      }
    }
    tileLosses_[size_t(number)] = loss;

    kernels.outer(partial, columns, noise, patchColumns, patch, hidden, columns, columns, rows);
    kernels.columnSums(partial + biasAt + columns, noise, patchColumns, rows, patchColumns);
    const Segment fromNoise{noise, patchColumns, patch};
    kernels.product(dHidden, columns, rows, columns, &fromNoise, 1, dHidden_, false);
    for (int i = 0; i < rows * columns; i++) dHidden[i] = hidden[i] > 0 ? dHidden[i] : 0.0f;
    kernels.outer(partial + skipAt, columns, dHidden, columns, C, skip, columns, columns, rows);
    kernels.columnSums(partial + biasAt, dHidden, columns, rows, columns);
    const Segment fromDHidden{dHidden, columns, C};
    kernels.product(dSkip, columns, rows, columns, &fromDHidden, 1, dSkip_, false);
    for (int i = 0; i < rows * columns; i++) skip[i] = dSkip[i] * mean;
  });

  float* g = task_->gradients;
  const ParameterPlaces& at = task_->places;
  for (int group = 0; group < groups; group++) {
    const float* partial = partial_ + group * partialLayout_.size;
    for (int j = 0; j < patch; j++) {
      for (int c = 0; c < C; c++) g[at.output.weight + j * C + c] += partial[j * columns + c];
      g[at.output.bias + j] += partial[biasAt + columns + j];
    }
    for (int o = 0; o < C; o++) {
      for (int c = 0; c < C; c++) g[at.skip.weight + int64_t(o) * C + c] += partial[skipAt + int64_t(o) * columns + c];
      g[at.skip.bias + o] += partial[biasAt + o];
    }
  }
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
  const TrainingKernels& kernels = task_->kernels;
  const LayerWeights& w = weights_[size_t(layer)];
  const PartialLayout& part = partialLayout_;
  const int columns = int(columns_), wide = 2 * columns, C = int(C_);
  const bool last = layer == shape_.layers - 1, transposed = shape_.conditioner == Conditioner::transposed;
  const int64_t dilation = shape_.dilation(layer);
  const int melColumns = transposed ? int(columnsOf(shape_.bands)) : 0;

  // Back through output projection and gate: dSums of every position.
  forEachGroup([&](const Tile& tile, int number, int group, int worker) {
    float* partial = partial_ + group * part.size;
    if (number == groupStart_[size_t(group)]) std::memset(partial, 0, size_t(part.size) * sizeof(float));
    float* scratch = scratch_[size_t(worker)];
    float* gated = scratch + 2 * trainingTile * wide;
    float* dGated = gated + trainingTile * (columns + 16);
    const int rows = tile.count;
    const float* halves;
    if (keep_ == Keep::gates) {
      halves = row(halves_[size_t(layer)], tile.clip, tile.start);
    } else {
      gates(layer, tile, scratch, gated);
      halves = scratch;
    }
    const float* dSkip = row(skip_, tile.clip, tile.start);
    const float* dx = row(dx_, tile.clip, tile.start);
    const Segment segments[2] = {{dSkip, columns, C}, {dx, columns, C}};
    kernels.product(dGated, columns, rows, columns, segments, last ? 1 : 2, w.dGated, false);
    float* dSums = row(dSums_, tile.clip, tile.start);
    kernels.gateBackward(dSums, dSums_.stride, gated, columns + 16, partial + part.sums, halves, dGated, rows, columns,
                         shape_.tanhFirst);
    if (!last) {
      kernels.outer(partial + part.output, columns, dx, columns, C, gated, columns + 16, columns, rows);
      kernels.columnSums(partial + part.sums + wide, dx, columns, rows, columns);
    } else {
      kernels.columnSums(partial + part.sums + wide + columns, dSkip, columns, rows, columns);
    }
    kernels.outer(partial + part.output + C_ * columns, columns, dSkip, columns, C, gated, columns + 16, columns, rows);
    if (transposed) {
      kernels.outer(partial + part.conditioner, wide, row(melRows_, tile.clip, tile.start), melRows_.stride,
                    shape_.bands, dSums, dSums_.stride, wide, rows);
      const Segment segment{dSums, dSums_.stride, wide};
      kernels.product(row(dMelRows_, tile.clip, tile.start), dMelRows_.stride, rows, melColumns, &segment, 1,
                      w.dConditioner, !shape_.upsamplerPerLayer && !last);
    }
  });

  // Back through the dilated convolution, whose gradients come from three positions; frames of mel beside it.
  constexpr int framesATask = 16;
  const int64_t frames = shape_.conditioner == Conditioner::frameRate ? firstFrame_.back() : 0;
  forEachGroup(
      [&](const Tile& tile, int number, int group, int worker) {
        float* partial = partial_ + group * part.size;
        float* dy = scratch_[size_t(worker)];
        const int rows = tile.count;
        Segment segments[3];
        for (int tap = -1; tap <= 1; tap++) {
          segments[tap + 1] = {row(dSums_, tile.clip, tile.start - tap * dilation), dSums_.stride, wide};
        }
        kernels.product(dy, columns, rows, columns, segments, 3, w.dy, false);
        float* total = tileSums_ + int64_t(number) * columns;
        std::memset(total, 0, size_t(columns) * sizeof(float));
        kernels.combine(row(dx_, tile.clip, tile.start), dy, total, rows, columns, last, shape_.residualAfterStep,
                        layer == 0 ? 1.0f : squareRootOfHalf);
        for (int tap = -1; tap <= 1; tap++) {
          kernels.outer(partial + part.dilated + (tap + 1) * C_ * wide, wide,
                        row(y_[size_t(layer)], tile.clip, tile.start + tap * dilation), columns, C,
                        row(dSums_, tile.clip, tile.start), dSums_.stride, wide, rows);
        }
      },
      int((frames + framesATask - 1) / framesATask), [&](int task, int) {
        foldMelGradient(layer, task * framesATask, int(std::min<int64_t>(frames, (task + 1) * framesATask)));
      });
  if (shape_.upsamplerPerLayer) upsampleBackward(task_->places.layer[layer].upsampler);
}

/** Adds the groups' partial sums up, in order, and lays them out as the parameters are. */
void TrainingPass::reduceLayer(int layer) {
  const PartialLayout& part = partialLayout_;
  const LayerPlaces& at = task_->places.layer[layer];
  const int64_t C = C_, columns = columns_, wide = 2 * columns;
  const int groups = int(groupStart_.size()) - 1;
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
      for (size_t t = 0; t < tiles_.size(); t++) {
        for (int64_t c = 0; c < columns; c++) {
          sums[tiles_[t].clip * columns + c] += tileSums_[int64_t(t) * columns + c];
        }
      }
      return;
    }
    float* sum = scratch_[size_t(worker)];
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
    kernels.outer(partial, columns, audio, patch, patch, input, columns, columns, tile.count);
    kernels.columnSums(partial + biasAt, input, columns, tile.count, columns);
  });
  float* g = task_->gradients;
  const Place& at = task_->places.input;
  for (int group = 0; group < groups; group++) {
    const float* partial = partial_ + group * partialLayout_.size;
    for (int c = 0; c < C; c++) {
      for (int j = 0; j < patch; j++) g[at.weight + c * patch + j] += partial[j * columns + c];
      g[at.bias + c] += partial[biasAt + c];
    }
  }
}

}  // namespace diffwave
