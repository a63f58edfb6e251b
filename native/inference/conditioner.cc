#include "conditioner.h"

#include <algorithm>
#include <cstring>

namespace diffwave {

namespace {
/** Largest number of bytes of rows that are cached for the passes behind the first, however many passes there are. */
constexpr int64_t maxCachedBytes = int64_t(400) << 20;
/**
 * Rows that the stages of the upsampler read besides those above their output rows. A stage of stride 1 reads two more.
 * The others read three more than half of their output rows.
 */
constexpr int64_t upsamplerContext = 64;
static_assert(upsamplerContext > 3 * NetworkShape::maxStrides, "the context of all stages");

/** Largest number of rows of a cache of rows of `stride` floats for each of `layers` layers. */
int64_t maxCachedRows(int64_t stride, int64_t layers) {
  return maxCachedBytes / (stride * layers * int64_t(sizeof(float)));
}

/**
 * Largest number of frames between which a range of positions is interpolated. Both ends of the range may lie inside a
 * frame, and each position has a frame before and after it.
 */
int64_t framesAround(int64_t positions, int64_t positionsPerFrame) { return positions / positionsPerFrame + 3; }
}  // namespace

void ConditionerState::RowCache::open(int64_t capacity, int stride, int margin) {
  memory = allocate(capacity * stride + margin);
  ring = {memory.data(), capacity, stride};
}

void ConditionerState::RowCache::extend(int64_t newEnd) {
  end = newEnd;
  begin = std::max(begin, end - ring.capacity);
}

int ConditionerState::widestRow(const ForwardWeights& w) {
  const NetworkShape& s = w.shape;
  const auto padded = [&](int channels) { return w.kernels.paddedChannels(channels); };
  int widest = std::max({w.kernels.melStride(std::max(s.bands, 1)), s.inputs(), padded(s.outputs())});
  if (s.windowed()) widest = std::max({widest, w.paddedSignals(), padded(s.windows.kernel)});
  int channels = s.bands;
  for (int i = 0; i < s.encoders; i++) {
    widest = std::max({widest, 3 * channels, padded(s.encoderChannels[i])});
    channels = s.encoderChannels[i];
  }
  return widest;
}

ConditionerState::ConditionerState(const ForwardWeights& w, Pool& pool, int passes, int64_t latency, int64_t block)
    : weights_(w), pool_(pool), block_(block) {
  const NetworkShape& s = w.shape;
  if (s.conditioner == Conditioner::none) {
    ended_ = true;
    return;
  }
  const int projected = 2 * w.padded;
  // From the position that the last pass reads to the position that the first pass is fed.
  const int64_t positions = passes * latency + maxChunkPositions + 2 * block;
  if (s.conditioner == Conditioner::transposed) {
    melStride_ = w.kernels.melStride(s.bands);
    cacheCapacity_ = std::max(std::min(positions, maxCachedRows(melStride_, 1)), 2 * block);
    recomputed_ = allocate(block * melStride_ + w.kernels.melMargin());
    for (int i = 0; i < pool.threads(); i++) {
      scratch_.push_back(allocate(2 * (int64_t(timeBlockPositions) * s.patch + upsamplerContext) * melStride_));
    }
  } else {
    const int64_t period = positionsPerFrame();
    melStride_ = s.bands;
    cacheCapacity_ = std::max(std::min(framesAround(positions, period), maxCachedRows(projected, s.layers)),
                              framesAround(block, period));
    projections_.resize(size_t(s.layers));
    encoded_.resize(size_t(s.encoders));
    for (int i = 0; i < s.encoders; i++) {
      encoded_[size_t(i)].open(w.kernels.paddedChannels(s.encoderChannels[i]));
    }
    recomputed_ = allocate(framesAround(block, period) * projected);
    scratch_.resize(size_t(pool.threads()));
  }
  mel_.open(melStride_);
  const int64_t kernels = w.kernels.scratchSize(w.padded, widestRow(w));
  for (Buffer& buffer : scratch_) {
    if (buffer.size() < kernels) buffer = allocate(kernels);
  }
}

void ConditionerState::push(const float* mel, int64_t frames, bool last) {
  const NetworkShape& s = weights_.shape;
  const int margin = s.conditioner == Conditioner::transposed ? weights_.kernels.melMargin() : 0;
  const int64_t first = mel_.end();
  mel_.append(frames);
  for (int64_t f = 0; f < frames; f++) {
    float* row = mel_.row(first + f) + margin;
    for (int b = 0; b < s.bands; b++) row[b] = mel[b * frames + f];
  }
  ended_ = last;
  if (s.conditioner == Conditioner::frameRate) encode();
}

int64_t ConditionerState::ready() const {
  const NetworkShape& s = weights_.shape;
  if (ended_) return INT64_MAX;
  const int context = s.conditioner == Conditioner::transposed ? s.strides + 1 : s.encoders + 1;
  return std::max<int64_t>(0, frames() - context) * positionsPerFrame();
}

int64_t ConditionerState::end() const {
  const bool known = ended_ && weights_.shape.conditioner != Conditioner::none;
  return known ? frames() * positionsPerFrame() : INT64_MAX;
}

/** Runs the encoder's convolutions over the frames that have become final at each stage. */
void ConditionerState::encode() {
  const RowWindow* input = &mel_;
  int channels = weights_.shape.bands;
  for (int i = 0; i < weights_.shape.encoders; i++) {
    RowWindow& output = encoded_[size_t(i)];
    const int64_t begin = output.end(), end = ended_ ? frames() : std::max(begin, input->end() - 1);
    output.append(end - begin);
    std::vector<float> gathered(size_t(3) * size_t(channels));
    for (int64_t row = begin; row < end; row++) encodeRow(i, *input, row, gathered);
    input = &output;
    channels = weights_.shape.encoderChannels[i];
  }
}

/**
 * Computes one row of a stage: leaky(bias + Σ over three frames of W · input), with zeros outside the clip.
 * gathered [3 × channels] is scratch.
 */
void ConditionerState::encodeRow(int stage, const RowWindow& input, int64_t row, std::vector<float>& gathered) {
  const int channels = int(gathered.size() / 3);
  for (int t = 0; t < 3; t++) {
    const int64_t from = row + t - 1;
    float* to = gathered.data() + t * channels;
    if (from >= 0 && from < input.end()) {
      memcpy(to, input.row(from), size_t(channels) * sizeof(float));
    } else {
      memset(to, 0, size_t(channels) * sizeof(float));
    }
  }
  const int columns = weights_.kernels.paddedChannels(weights_.shape.encoderChannels[stage]);
  RowsTask task{};
  task.begin = row;
  task.end = row + 1;
  task.input = {gathered.data(), INT64_MAX, 3 * channels};
  task.inputShift = row;
  task.steps = 3 * channels;
  task.columns = columns;
  task.weights = weights_.encoder[size_t(stage)].data();
  task.panelRows = 3 * channels;
  task.bias = weights_.encoderBias[size_t(stage)].data();
  task.activation = Activation::leaky;
  task.output = {encoded_[size_t(stage)].row(row), 1, columns};
  task.scratch = scratch_[0].data();
  weights_.kernels.rows(task);
}

ConditionerState::Frames ConditionerState::upsampleInput(int stride, int64_t first, int64_t last) {
  const int kernel = upsamplerKernel(stride), padding = upsamplerPadding(stride);
  const int64_t before = first + padding - kernel + 1;
  return {before < 0 ? 0 : (before + stride - 1) / stride, (last + padding) / stride};
}

ConditionerState::UpsamplerRows ConditionerState::upsamplerRows(int64_t begin, int64_t end) const {
  const NetworkShape& s = weights_.shape;
  UpsamplerRows rows;
  rows.length[0] = frames();
  for (int i = 0; i < s.strides; i++) rows.length[i + 1] = rows.length[i] * s.stride[i];
  rows.first[s.strides] = begin * s.patch;
  rows.last[s.strides] = (end - 1) * s.patch;
  for (int i = s.strides - 1; i >= 0; i--) {
    const Frames input = upsampleInput(s.stride[i], rows.first[i + 1], rows.last[i + 1]);
    rows.first[i] = input.begin;
    rows.last[i] = std::min(rows.length[i] - 1, input.end);
  }
  return rows;
}

/** Runs one time block, positions [begin, end), through all upsampling stages. */
void ConditionerState::upsampleBlock(const ParameterOffset* offsets, int64_t begin, int64_t end, const Ring& into,
                                     int worker) {
  const NetworkShape& s = weights_.shape;
  const UpsamplerRows rows = upsamplerRows(begin, end);
  const float* input = mel_.row(rows.first[0]);
  float* const halves = scratch_[size_t(worker)].data();
  const int64_t half = scratch_[size_t(worker)].size() / 2;
  for (int i = 0; i < s.strides; i++) {
    const bool final = i == s.strides - 1;
    UpsampleTask task{};
    task.input = input;
    task.inputFirst = rows.first[i];
    task.inputLength = rows.length[i];
    task.rowStride = melStride_;
    task.bands = s.bands;
    task.stride = s.stride[i];
    task.kernel = upsamplerKernel(s.stride[i]);
    task.padding = upsamplerPadding(s.stride[i]);
    task.weights = weights_.parameter(offsets[i].weight);
    task.bias = *weights_.parameter(offsets[i].bias);
    task.first = rows.first[i + 1];
    task.step = final ? s.patch : 1;
    task.rows = int(final ? end - begin : rows.last[i + 1] - rows.first[i + 1] + 1);
    if (!final) {
      task.output = halves + (i % 2) * half;
      weights_.kernels.upsample(task);
      input = task.output;
    } else if (into.contiguous(begin, task.rows)) {
      task.output = into.at(begin);
      weights_.kernels.upsample(task);
    } else {
      for (int64_t p = begin; p < end; p++) {
        task.first = p * s.patch;
        task.rows = 1;
        task.output = into.at(p);
        weights_.kernels.upsample(task);
      }
    }
  }
}

void ConditionerState::upsampleRows(const ParameterOffset* offsets, int64_t begin, int64_t end, const Ring& into) {
  pool_.forEach(int(ceilDivide(end - begin, timeBlockPositions)), [&](int block, int worker) {
    const int64_t from = begin + int64_t(block) * timeBlockPositions;
    const int64_t to = std::min(from + timeBlockPositions, end);
    upsampleBlock(offsets, from, to, into, worker);
    Ring mel = into;
    mel.rows += weights_.kernels.melMargin();
    weights_.kernels.arrangeRows(mel, from, to, weights_.melChannels);
  });
}

bool ConditionerState::cache(int layer, int64_t begin, int64_t end) {
  const NetworkShape& s = weights_.shape;
  if (s.conditioner == Conditioner::none) return true;
  if (s.conditioner == Conditioner::frameRate) return cacheProjections(layer, framesOf(begin, end));
  return !s.upsamplerPerLayer && cacheUpsampled(begin, end);
}

bool ConditionerState::cacheProjections(int layer, Frames needed) {
  RowCache& rows = projections_[size_t(layer)];
  if (!rows.memory.ok()) {
    rows.open(ended_ ? std::min(cacheCapacity_, frames()) : cacheCapacity_, 2 * weights_.padded, 0);
  }
  if (!rows.covers(needed.begin)) return false;
  if (needed.end > rows.end) {
    const int64_t missing = rows.end;
    rows.extend(needed.end);
    project(layer, missing, needed.end, rows.ring);
  }
  return true;
}

bool ConditionerState::cacheUpsampled(int64_t begin, int64_t end) {
  if (!shared_.memory.ok()) {
    // Kernels copy whole rows that start after the margin, so the last row is read by that much past its end.
    shared_.open(std::min(cacheCapacity_, this->end()), melStride_, weights_.kernels.melMargin());
  }
  if (!shared_.covers(begin)) return false;
  if (end > shared_.end) {
    const int64_t missing = shared_.end;
    shared_.extend(end);
    upsampleRows(weights_.offsets.upsampler, missing, end, shared_.ring);
  }
  return true;
}

/** Returns rows of the upsampled mel for positions [begin, end): cached, or computed for this call. */
Ring ConditionerState::upsampled(int layer, int64_t begin, int64_t end) {
  if (cache(layer, begin, end)) return shared_.ring;
  const Ring ring{recomputed_.data(), block_, melStride_};
  const bool perLayer = weights_.shape.upsamplerPerLayer;
  upsampleRows(perLayer ? weights_.offsets.layer[layer].upsampler : weights_.offsets.upsampler, begin, end, ring);
  return ring;
}

/** Computes a layer's projections with biases at the frame rate, rows [begin, end). */
void ConditionerState::project(int layer, int64_t begin, int64_t end, const Ring& into) {
  const RowWindow& input = encodedRows();
  pool_.forEach(int(ceilDivide(end - begin, timeBlockPositions)), [&](int block, int worker) {
    RowsTask task{};
    task.begin = begin + int64_t(block) * timeBlockPositions;
    task.end = std::min(task.begin + timeBlockPositions, end);
    task.input = input.ring();
    task.inputShift = input.first();
    task.steps = weights_.melChannels;
    task.columns = 2 * weights_.padded;
    task.weights = weights_.layers[size_t(layer)].conditioner.data();
    task.panelRows = weights_.melChannels;
    task.bias = weights_.layers[size_t(layer)].gateBias.data();
    task.activation = Activation::none;
    task.output = into;
    task.scratch = scratch_[size_t(worker)].data();
    weights_.kernels.rows(task);
  });
}

ConditionerState::Frames ConditionerState::framesOf(int64_t begin, int64_t end) const {
  const int64_t period = positionsPerFrame(), last = lastFrame();
  return {std::min(begin / period, last), std::min((end - 1) / period + 1, last) + 1};
}

void ConditionerState::source(int layer, int64_t begin, int64_t end, LayerTask& task) {
  const NetworkShape& s = weights_.shape;
  task.melChannels = 0;
  task.conditioning = Conditioning::none;
  if (s.conditioner == Conditioner::none) return;
  if (s.conditioner == Conditioner::frameRate) {
    task.conditioning = Conditioning::interpolated;
    task.framePeriod = positionsPerFrame();
    task.lastFrame = lastFrame();
    if (cache(layer, begin, end)) {
      task.mel = readOnly(projections_[size_t(layer)].ring);
      return;
    }
    const Frames frames = framesOf(begin, end);
    const Ring ring{recomputed_.data(), recomputed_.size() / (2 * weights_.padded), 2 * weights_.padded};
    project(layer, frames.begin, frames.end, ring);
    task.mel = readOnly(ring);
    return;
  }
  task.conditioning = Conditioning::projected;
  task.melChannels = weights_.melChannels;
  task.mel = readOnly(upsampled(layer, begin, end));
  task.mel.rows += weights_.kernels.melMargin();
}

void ConditionerState::release(int64_t position) {
  const NetworkShape& s = weights_.shape;
  if (s.conditioner == Conditioner::none) return;
  if (s.conditioner == Conditioner::transposed) {
    int64_t first = position * s.patch;
    for (int i = s.strides - 1; i >= 0; i--) first = upsampleInput(s.stride[i], first, first).begin;
    mel_.dropBefore(first);
    return;
  }
  // The projections read the last stage. Each other stage is read by the next one, which reads one row back.
  const int64_t projected = position / positionsPerFrame();
  RowWindow* input = &mel_;
  for (RowWindow& output : encoded_) {
    input->dropBefore(output.end() - 1);
    input = &output;
  }
  // After the mel's end its last frame holds, so that frame stays.
  input->dropBefore(std::min(projected, input->end() - 1));
}

}  // namespace diffwave
