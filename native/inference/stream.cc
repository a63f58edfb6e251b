#include "stream.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "../winograd.h"

namespace diffwave {

namespace {

/** Time of a layer in Winograd blocks relative to a direct one (measured: docs/log/forward-pass.md). */
constexpr double winogradCost = 0.72;
/** Number of rows of the register blocks of most instruction sets. */
constexpr int registerRows = 6;

/**
 * Finds the layer at which two threads divide the network, so that each has half of the multiplications outside the
 * network's end.
 */
int findSecondStage(const ForwardWeights& weights, int threads) {
  const NetworkShape& s = weights.shape;
  // With an upsampler per layer, nothing is cached that two stages could read.
  if (threads != 2 || s.layers < 2 || s.upsamplerPerLayer) return 0;
  // Multiplications per position and channel.
  const auto cost = [&](int layer) {
    const double direct = 8.0 * s.channels + (s.conditioner == Conditioner::transposed ? 2.0 * s.bands : 0);
    return weights.layers[size_t(layer)].winograd ? winogradCost * direct : direct;
  };
  const bool multiplied = s.windowed() && !weights.transformsWindows();
  const double first = s.inputs() + (multiplied ? double(s.signals()) * s.windows.kernel / s.channels : 0);
  double all = first, before = first + cost(0);
  for (int i = 0; i < s.layers; i++) all += cost(i);
  int layer = 1;
  while (layer + 1 < s.layers && before + cost(layer) / 2 < all / 2) before += cost(layer++);
  return layer;
}

/**
 * Number of Winograd blocks of a task. Threads that share `blocks` of them get about the same number of tasks of the
 * same size, in whole register blocks.
 */
int blocksPerTask(int64_t blocks, int threads) {
  const int64_t tasks = roundedUp(ceilDivide(blocks, winogradBlocksPerTask), threads);
  return int(std::min<int64_t>(roundedUp(ceilDivide(blocks, tasks), registerRows), winogradBlocksPerTask));
}

/** Largest number of positions by which a layer lags behind the one before. */
int64_t lag(const ForwardWeights& weights, int layer) {
  const int64_t dilation = weights.shape.dilation(layer);
  return weights.layers[size_t(layer)].winograd ? (winogradOutputs + 1) * dilation - 1 : dilation;
}

int64_t sumOfLags(const ForwardWeights& weights) {
  int64_t sum = 0;
  for (int i = 0; i < weights.shape.layers; i++) sum += lag(weights, i);
  return sum;
}
}  // namespace

Stream::Stream(std::shared_ptr<const ForwardWeights> weights, Pool& pool, const float* sinusoids, const float* gains,
               int passes, int label)
    : weights_(std::move(weights)),
      pool_(pool),
      secondStage_(findSecondStage(*weights_, pool.threads())),
      schedules_(pool.threads(), secondStage_ > 0),
      schedulesAlone_(1, false),
      advancePositions_(std::max(schedules_.maxPositions(), schedulesAlone_.maxPositions())),
      latency_(sumOfLags(*weights_)),
      conditioner_(*weights_, pool, passes, latency_, advancePositions_),
      envelope_(weights_->shape.windows) {
  passes_.reserve(size_t(passes));
  for (int i = 0; i < passes; i++) {
    passes_.emplace_back(*weights_, sinusoids + int64_t(i) * weights_->shape.embedding, gains[i], label);
  }
  const int widest = ConditionerState::widestRow(*weights_);
  kernelScratch_ = std::max(weights_->kernels.scratchSize(weights_->padded, widest),
                            weights_->kernels.windowScratchSize(weights_->transform.kernel));
  for (int i = 0; i < pool.threads(); i++) {
    // The last rows hold the results of `finish`, or the inputs that `encode` has scaled.
    const int own = weights_->padded + widest + (weights_->shape.windowed() ? weights_->paddedSignals() : 0);
    scratch_.push_back(allocate(kernelScratch_ + int64_t(timeBlockPositions) * own));
  }
}

void Stream::openPass(Pass& pass, int64_t length) {
  const NetworkShape& s = weights_->shape;
  auto ring = [&](int64_t wanted) {
    const int64_t capacity = std::min(wanted, length);
    // A block of product steps that is longer than a row reads on into the next row, and past the last row. It
    // multiplies those numbers by zero, so they must be finite.
    constexpr int64_t pastTheEnd = 16;
    pass.memory.push_back(allocate(capacity * weights_->padded + pastTheEnd));
    Buffer& memory = pass.memory.back();
    if (weights_->padded % weights_->kernels.depth != 0)
      memset(memory.data(), 0, size_t(memory.size()) * sizeof(float));
    return Ring{memory.data(), capacity, weights_->padded};
  };
  // One advance waits between the two stages, and one before the network's end.
  const int64_t between = secondStage_ > 0 ? advancePositions_ : 0;
  for (int i = 0; i < s.layers; i++) {
    pass.inputs.push_back(
        ring(s.dilation(i) + lag(*weights_, i) + advancePositions_ + (i == secondStage_ ? between : 0)));
  }
  pass.skip = ring(latency_ + 3 * advancePositions_ + between);
  if (s.inputMask || s.windowed()) {
    pass.audio = {nullptr, pass.skip.capacity, s.windowed() ? weights_->paddedSignals() : s.patch};
    pass.memory.push_back(allocate(pass.audio.capacity * pass.audio.stride));
    pass.audio.rows = pass.memory.back().data();
  }
  if (s.windowed()) {
    pass.windows = std::make_unique<WindowedAudio>(*weights_, pass.skip.capacity + 2 * s.windows.reach());
  }
  pass.done.resize(size_t(s.layers));
}

bool Stream::accepts(int index, int64_t samples, bool last) const {
  if (index < 0 || index >= passes()) return false;
  const Pass& pass = passes_[size_t(index)];
  const NetworkShape& s = weights_->shape;
  if (pass.length != INT64_MAX || samples < 0 || samples % s.patch != 0) return false;
  const int64_t end = pass.received() + samples / s.patch;
  if (last && end == 0) return false;
  if (s.windows.envelope && end > envelope_.end()) return false;
  if (s.conditioner == Conditioner::none) return true;
  return end <= std::min(conditioner_.ready(), conditioner_.frames() * (s.hop / s.patch));
}

/** Finds the positions that a layer can compute once the one before has reached `available`: one advance at most. */
Stream::Range Stream::next(const Pass& pass, int layer, int64_t available) const {
  const int64_t begin = pass.done[size_t(layer)], dilation = weights_->shape.dilation(layer);
  int64_t complete = available;
  if (available != pass.length) {
    complete = available - dilation;
    if (weights_->layers[size_t(layer)].winograd) complete -= complete % (winogradOutputs * dilation);
  }
  return {begin, std::min(complete, begin + pass.schedule.positions)};
}

/** Plans the next advance, given `count` more positions of audio. */
void Stream::plan(const Pass& pass, int64_t count) {
  const int layers = weights_->shape.layers;
  advance_.fed = {pass.fed, pass.fed + count};
  advance_.layers.resize(size_t(layers));
  advance_.first = advance_.second = false;
  for (int i = 0; i < layers; i++) {
    // The second stage takes what the first stage computed in the advance before.
    const int64_t available = i == 0                                      ? advance_.fed.end
                              : pass.schedule.stages && i == secondStage_ ? pass.done[size_t(i) - 1]
                                                                          : advance_.layers[size_t(i) - 1].end;
    Range range = next(pass, i, available);
    if (range.empty()) range.end = range.begin;
    else (i < secondStage_ ? advance_.first : advance_.second) = true;
    advance_.layers[size_t(i)] = range;
  }
  advance_.emitted = {pass.emitted, pass.done.back()};
}

/** Runs one layer over its part of the advance, on one worker or on all. */
void Stream::runLayer(Pass& pass, int index, int worker, const std::atomic<bool>* cancelled) {
  const auto [begin, end] = advance_.layers[size_t(index)];
  if (end == begin) return;
  const NetworkShape& s = weights_->shape;
  const ForwardWeights::Layer& weights = weights_->layers[size_t(index)];
  LayerTask layer{};
  layer.channels = s.channels;
  layer.paddedChannels = weights_->padded;
  layer.dilation = s.dilation(index);
  layer.length = pass.length;
  layer.input = readOnly(pass.inputs[size_t(index)]);
  if (index + 1 < s.layers) layer.output = pass.inputs[size_t(index) + 1];
  layer.skip = pass.skip;
  layer.firstLayer = index == 0;
  layer.gateWeights = weights.gate.data();
  layer.gateBias = weights.gateBias.data();
  layer.outputWeights = weights.output.data();
  layer.outputBias = pass.step.outputBias.data() + int64_t(index) * 2 * weights_->padded;
  layer.nextStep = pass.step.embedding.data() + int64_t(index + 1) * weights_->padded;
  conditioner_.source(index, begin, end, layer);
  layer.begin = begin;
  layer.end = end;
  const int64_t blocks = winogradBlockCount(end - begin, layer.dilation);
  const int64_t count = weights.winograd ? blocks : end - begin;
  const int size = weights.winograd ? blocksPerTask(blocks, worker == allWorkers ? pool_.threads() : 1)
                                    : weights_->kernels.layerPositions;
  share(ceilDivide(count, size), worker, [&, begin = begin](int block, int by) {
    if (cancelled->load(std::memory_order_relaxed)) return;
    const int64_t from = int64_t(block) * size, to = std::min(from + size, count);
    LayerTask task = layer;
    task.scratch = scratch_[size_t(by)].data();
    if (weights.winograd) {
      task.winogradBegin = from;
      task.winogradEnd = to;
      weights_->kernels.winogradLayer(task);
    } else {
      task.begin = begin + from;
      task.end = begin + to;
      weights_->kernels.layer(task);
    }
  });
}

void Stream::runAdvance(Pass& pass, const float* audio, float* prediction, const std::atomic<bool>* cancelled) {
  const int layers = weights_->shape.layers,
            ends = int(ceilDivide(advance_.emitted.end - advance_.emitted.begin, timeBlockPositions));
  bool staged = pass.schedule.stages && advance_.first && advance_.second;
  for (int i = 0; staged && i < layers; i++) {
    const auto [begin, end] = advance_.layers[size_t(i)];
    staged = end == begin || conditioner_.cache(i, begin, end);
  }
  if (staged) {
    // Each worker begins with its stage. The worker that is ready first takes the network's end.
    const int count = 2 + ends, second = pool_.firstTask(1, count);
    pool_.forEach(count, [&](int task, int worker) {
      if (task == 0) {
        feed(pass, audio, worker);
        for (int i = 0; i < secondStage_; i++) runLayer(pass, i, worker, cancelled);
      } else if (task == second) {
        for (int i = secondStage_; i < layers; i++) runLayer(pass, i, worker, cancelled);
      } else {
        finish(pass, prediction, task < second ? task - 1 : task - 2, worker);
      }
    });
  } else {
    feed(pass, audio, allWorkers);
    for (int i = 0; i < layers; i++) runLayer(pass, i, allWorkers, cancelled);
    pool_.forEach(ends, [&](int block, int worker) { finish(pass, prediction, block, worker); });
  }
  pass.fed = advance_.fed.end;
  for (int i = 0; i < layers; i++) pass.done[size_t(i)] = advance_.layers[size_t(i)].end;
  pass.emitted = advance_.emitted.end;
}

StreamOutcome Stream::predict(int index, const float* audio, int64_t samples, bool last, float* prediction,
                              int64_t* written, const std::atomic<bool>* cancelled) {
  const NetworkShape& s = weights_->shape;
  Pass& pass = passes_[size_t(index)];
  if (pass.inputs.empty()) openPass(pass, last ? std::max<int64_t>(samples / s.patch, 1) : conditioner_.end());
  int64_t left = samples / s.patch;
  if (s.windowed()) {
    pass.windows->receive(audio, samples, last);
    left = pass.windows->complete() - pass.fed;
  }
  // Behind windows, a call may feed no position to the layers.
  const int64_t positions = left;
  const bool alone = pool_.alone() || pool_.threads() == 1;
  const ScheduleList& schedules = alone ? schedulesAlone_ : schedules_;
  const int choice = weights_->scheduleTimes.choose(schedules, alone, positions);
  pass.schedule = schedules.items[choice];
  const auto start = std::chrono::steady_clock::now();
  int64_t computed = 0;
  *written = 0;
  for (;;) {
    const int64_t count = std::min(left, pass.schedule.positions);
    if (last && count == left && pass.length == INT64_MAX) pass.length = pass.fed + count;
    plan(pass, count);
    if (count == 0 && !advance_.first && !advance_.second && advance_.emitted.empty()) break;
    for (const Range& range : advance_.layers) computed += range.end - range.begin;
    runAdvance(pass, audio, prediction, cancelled);
    if (cancelled->load(std::memory_order_relaxed)) return StreamOutcome::cancelled;
    audio += count * s.patch;
    left -= count;
    const int64_t emitted = pass.windows ? pass.windows->decode(pass.emitted, pass.length, prediction)
                                         : (advance_.emitted.end - advance_.emitted.begin) * s.patch;
    prediction += emitted;
    *written += emitted;
  }
  if (computed > 0) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    weights_->scheduleTimes.record(choice, alone, positions, taken.count() / double(computed));
  }
  if (pass.windows) pass.windows->release(pass.fed);
  if (pass.emitted == pass.length) {
    pass.memory.clear();
    pass.windows.reset();
    pass.inputs.assign(1, Ring{});
  }
  releaseMel();
  return StreamOutcome::done;
}

/** Frees the mel's frames, and the part of the envelope, that all passes are beyond. */
void Stream::releaseMel() {
  int64_t slowest = INT64_MAX;
  for (const Pass& pass : passes_) {
    if (pass.emitted < pass.length) slowest = std::min<int64_t>(slowest, pass.done.empty() ? 0 : pass.done.back());
  }
  if (slowest == INT64_MAX) return;
  conditioner_.release(slowest);
  envelope_.release(slowest);
}

}  // namespace diffwave
