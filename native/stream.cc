#include "stream.h"

#include <cstring>

#include "winograd.h"

namespace diffwave {

namespace {
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t tiles(int64_t size, int tile = tilePositions) { return (size + tile - 1) / tile; }

/** Positions in a block: whole tiles and whole groups of every layer in quads, for every thread. */
int64_t blockPositions(int threads) {
  constexpr int64_t unit = 3 * quadOutputs * quadDilation;
  static_assert(unit % tilePositions == 0 && unit % (quadOutputs * tileQuads) == 0, "a block is whole tiles");
  // A thread's share of a block's rows stays in its second-level cache; the fewer blocks, the less threads wait for one another.
  if (threads == 1) return 2 * unit;
  return threads <= 8 ? 4 * unit : unit * int64_t(threads) / 2;
}

/** The most that a layer lags behind the one before, in positions. */
int64_t lag(const NetworkShape& shape, const ForwardKernels& kernels, int layer) {
  const int64_t dilation = shape.dilation(layer);
  return dilation <= kernels.mostQuadDilation ? (quadOutputs + 1) * dilation - 1 : dilation;
}

int64_t sumOfLags(const NetworkShape& shape, const ForwardKernels& kernels) {
  int64_t sum = 0;
  for (int i = 0; i < shape.layers; i++) sum += lag(shape, kernels, i);
  return sum;
}
}  // namespace

Stream::Stream(std::shared_ptr<const ForwardWeights> weights, Pool& pool, const float* sinusoids, int passes, int label)
    : weights_(std::move(weights)),
      pool_(pool),
      block_(blockPositions(pool.threads())),
      latency_(sumOfLags(weights_->shape, weights_->kernels)),
      conditioner_(*weights_, pool, passes, latency_, block_) {
  passes_.reserve(size_t(passes));
  for (int i = 0; i < passes; i++) {
    passes_.emplace_back(*weights_, sinusoids + int64_t(i) * weights_->shape.embedding, label);
  }
  const int widest = ConditionerState::widestRow(*weights_);
  for (int i = 0; i < pool.threads(); i++) {
    // The last rows hold what the head makes of a tile.
    scratch_.push_back(allocate(weights_->kernels.scratchSize(weights_->padded, widest) +
                                tilePositions * (weights_->padded + widest)));
  }
}

void Stream::openPass(Pass& pass) {
  const NetworkShape& s = weights_->shape;
  auto ring = [&](int64_t capacity) {
    // A step of a product that a row does not fill reads on in the next row, past the last one too, and takes it times zero:
    // it must be a number.
    constexpr int64_t pastTheEnd = 16;
    pass.memory.push_back(allocate(capacity * weights_->padded + pastTheEnd));
    Buffer& memory = pass.memory.back();
    if (weights_->padded % weights_->kernels.depth != 0) memset(memory.data(), 0, size_t(memory.size()) * sizeof(float));
    return Ring{memory.data(), capacity, weights_->padded};
  };
  for (int i = 0; i < s.layers; i++) pass.inputs.push_back(ring(s.dilation(i) + lag(s, weights_->kernels, i) + block_));
  pass.skip = ring(latency_ + 2 * block_);
  if (s.inputMask) {
    pass.audio = {nullptr, pass.skip.capacity, s.patch};
    pass.memory.push_back(allocate(pass.audio.capacity * s.patch));
    pass.audio.rows = pass.memory.back().data();
  }
  pass.done.resize(size_t(s.layers));
}

bool Stream::accepts(int index, int64_t samples, bool last) const {
  if (index < 0 || index >= passes()) return false;
  const Pass& pass = passes_[size_t(index)];
  const NetworkShape& s = weights_->shape;
  if (pass.length != INT64_MAX || samples < 0 || samples % s.patch != 0) return false;
  const int64_t end = pass.fed + samples / s.patch;
  if (last && end == 0) return false;
  if (s.conditioner == Conditioner::none) return true;
  return end <= smaller(conditioner_.ready(), conditioner_.frames() * (s.hop / s.patch));
}

void Stream::feed(Pass& pass, const float* audio, int64_t count) {
  const NetworkShape& s = weights_->shape;
  pool_.forEach(int(tiles(count)), [&](int tile, int worker) {
    RowsTask task{};
    task.begin = pass.fed + int64_t(tile) * tilePositions;
    task.end = smaller(task.begin + tilePositions, pass.fed + count);
    task.input = {const_cast<float*>(audio), INT64_MAX, s.patch};
    task.inputShift = pass.fed;
    task.steps = s.patch;
    task.columns = weights_->padded;
    task.weights = weights_->input.data();
    task.panelRows = s.patch;
    task.bias = weights_->inputBias.data();
    task.offset = pass.step.embedding.data();
    task.activation = Activation::relu;
    task.output = pass.inputs[0];
    task.scratch = scratch_[size_t(worker)].data();
    weights_->kernels.rows(task);
    weights_->kernels.arrangeRows(task.output, task.begin, task.end, weights_->padded);
    for (int64_t p = task.begin; s.inputMask && p < task.end; p++) {
      memcpy(pass.audio.at(p), task.input.at(p - pass.fed), size_t(s.patch) * sizeof(float));
    }
  });
  pass.fed += count;
}

/** One block at most of each layer; whether any layer moved. */
bool Stream::runLayers(Pass& pass, const std::atomic<bool>* cancelled) {
  const NetworkShape& s = weights_->shape;
  bool moved = false;
  for (int i = 0; i < s.layers; i++) {
    const int64_t available = i == 0 ? pass.fed : pass.done[size_t(i) - 1];
    const int64_t begin = pass.done[size_t(i)];
    const int64_t dilation = s.dilation(i);
    const ForwardWeights::Layer& weights = weights_->layers[size_t(i)];
    int64_t complete = available;
    if (available != pass.length) {
      complete = available - dilation;
      if (weights.quads) complete -= complete % (quadOutputs * dilation);
    }
    const int64_t end = smaller(complete, begin + block_);
    if (end <= begin) continue;
    moved = true;
    LayerTask layer{};
    layer.channels = s.channels;
    layer.paddedChannels = weights_->padded;
    layer.dilation = s.dilation(i);
    layer.length = pass.length;
    layer.input = pass.inputs[size_t(i)];
    if (i + 1 < s.layers) layer.output = pass.inputs[size_t(i) + 1];
    layer.skip = pass.skip;
    layer.firstLayer = i == 0;
    layer.gateWeights = weights.gate.data();
    layer.gateBias = weights.gateBias.data();
    layer.outputWeights = weights.output.data();
    layer.outputBias = pass.step.outputBias.data() + int64_t(i) * 2 * weights_->padded;
    layer.nextStep = pass.step.embedding.data() + int64_t(i + 1) * weights_->padded;
    conditioner_.source(i, begin, end, layer);
    layer.begin = begin;
    layer.end = end;
    // A last group that the clip's end cuts has a quad for each of its first positions.
    const int64_t group = quadOutputs * dilation, cut = (end - begin) % group;
    const int64_t quads = (end - begin) / group * dilation + smaller(cut, dilation);
    const int64_t count = weights.quads ? quads : end - begin;
    const int size = weights.quads ? tileQuads : weights_->kernels.tile;
    pool_.forEach(int(tiles(count, size)), [&](int tile, int worker) {
      if (cancelled->load(std::memory_order_relaxed)) return;
      const int64_t from = int64_t(tile) * size, to = smaller(from + size, count);
      LayerTask task = layer;
      task.scratch = scratch_[size_t(worker)].data();
      if (weights.quads) {
        task.quadBegin = from;
        task.quadEnd = to;
        weights_->kernels.layerInQuads(task);
      } else {
        task.begin = begin + from;
        task.end = begin + to;
        weights_->kernels.layer(task);
      }
    });
    pass.done[size_t(i)] = end;
  }
  return moved;
}

/** The skips that are complete: projected, ReLU, projected to samples, and the audio added through its mask. */
void Stream::finish(Pass& pass, float* noise) {
  const NetworkShape& s = weights_->shape;
  const int64_t begin = pass.given, end = pass.done.back();
  const int columns = weights_->kernels.paddedChannels(s.outputs());
  const int64_t kernelScratch = weights_->kernels.scratchSize(weights_->padded, ConditionerState::widestRow(*weights_));
  pool_.forEach(int(tiles(end - begin)), [&](int tile, int worker) {
    float* const scratch = scratch_[size_t(worker)].data();
    float* const hidden = scratch + kernelScratch;
    float* const output = hidden + tilePositions * weights_->padded;
    RowsTask task{};
    task.begin = begin + int64_t(tile) * tilePositions;
    task.end = smaller(task.begin + tilePositions, end);
    task.input = pass.skip;
    task.steps = task.panelRows = s.channels;
    task.columns = weights_->padded;
    task.weights = weights_->skip.data();
    task.bias = weights_->skipBias.data();
    task.activation = Activation::relu;
    task.output = {hidden, tilePositions, weights_->padded};
    task.scratch = scratch;
    weights_->kernels.rows(task);
    task.input = task.output;
    task.columns = columns;
    task.weights = weights_->output.data();
    task.bias = weights_->outputBias.data();
    task.activation = Activation::none;
    task.output = {output, tilePositions, columns};
    weights_->kernels.rows(task);
    for (int64_t p = task.begin; p < task.end; p++) {
      float* const to = noise + (p - begin) * s.patch;
      if (s.inputMask) weights_->kernels.mask(to, task.output.at(p), pass.audio.at(p), s.patch);
      else memcpy(to, task.output.at(p), size_t(s.patch) * sizeof(float));
    }
  });
  pass.given = end;
}

StreamOutcome Stream::predict(int index, const float* audio, int64_t samples, bool last, float* noise, int64_t* written,
                              const std::atomic<bool>* cancelled) {
  const NetworkShape& s = weights_->shape;
  Pass& pass = passes_[size_t(index)];
  if (pass.inputs.empty()) openPass(pass);
  int64_t left = samples / s.patch;
  *written = 0;
  for (bool moved = true; moved || left > 0;) {
    const int64_t count = smaller(left, block_);
    if (last && count == left && pass.length == INT64_MAX) pass.length = pass.fed + count;
    if (count > 0) feed(pass, audio, count);
    audio += count * s.patch;
    left -= count;
    moved = runLayers(pass, cancelled);
    if (cancelled->load(std::memory_order_relaxed)) return StreamOutcome::cancelled;
    if (pass.done.back() > pass.given) {
      const int64_t given = (pass.done.back() - pass.given) * s.patch;
      finish(pass, noise);
      noise += given;
      *written += given;
    }
  }
  if (pass.given == pass.length) {
    pass.memory.clear();
    pass.inputs.assign(1, Ring{});
  }
  return StreamOutcome::done;
}

}  // namespace diffwave
