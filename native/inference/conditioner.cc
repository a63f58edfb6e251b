#include "conditioner.h"

#include <cstring>

namespace diffwave {

namespace {
/** Rows kept for the passes behind the first, in bytes: no more, however many passes there are. */
constexpr int64_t keptLimit = int64_t(400) << 20;

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
}  // namespace

void ConditionerState::Kept::open(int64_t capacity, int stride) {
  memory = allocate(capacity * stride);
  ring = {memory.data(), capacity, stride};
}

void ConditionerState::Kept::extend(int64_t newEnd) {
  end = newEnd;
  begin = larger(begin, end - ring.capacity);
}

int ConditionerState::widestRow(const ForwardWeights& w) {
  int64_t widest = larger(w.kernels.melStride(w.shape.bands > 0 ? w.shape.bands : 1), w.shape.patch);
  int channels = w.shape.bands;
  for (int i = 0; i < w.shape.encoders; i++) {
    widest = larger(widest, larger(3 * channels, w.kernels.paddedChannels(w.shape.encoderChannels[i])));
    channels = w.shape.encoderChannels[i];
  }
  return int(larger(widest, w.kernels.paddedChannels(w.shape.outputs())));
}

ConditionerState::ConditionerState(const ForwardWeights& w, Pool& pool, int passes, int64_t latency, int64_t block)
    : weights_(w), pool_(pool), block_(block) {
  const NetworkShape& s = w.shape;
  if (s.conditioner == Conditioner::none) {
    ended_ = true;
    return;
  }
  const int projected = 2 * w.padded;
  const int64_t positions = passes * latency + maxChunkPositions + 2 * block;
  if (s.conditioner == Conditioner::transposed) {
    melStride_ = w.kernels.melStride(s.bands);
    if (!s.upsamplerPerLayer) shared_.open(larger(smaller(positions, keptLimit / (melStride_ * 4)), 2 * block), melStride_);
    again_ = allocate(block * melStride_);
    for (int i = 0; i < pool.threads(); i++) scratch_.push_back(allocate(2 * (timeBlockPositions * s.patch + 64) * melStride_));
  } else {
    melStride_ = s.bands;
    encoded_.resize(size_t(s.encoders));
    encodedRows_.resize(size_t(s.encoders));
    again_ = allocate((block / (s.hop / s.patch) + 3) * projected);
    scratch_.resize(size_t(pool.threads()));
  }
  const int widest = widestRow(w);
  const int64_t kernels = w.kernels.scratchSize(w.padded, widest);
  for (Buffer& buffer : scratch_) {
    if (buffer.size() < kernels) buffer = allocate(kernels);
  }
  if (s.conditioner == Conditioner::frameRate) {
    const int64_t rate = s.hop / s.patch;
    const int64_t limit = keptLimit / (int64_t(s.layers) * projected * 4);
    projections_.resize(size_t(s.layers));
    for (Kept& kept : projections_) kept.open(larger(smaller(positions / rate + 4, limit), block / rate + 4), projected);
  }
}

void ConditionerState::push(const float* mel, int64_t frames, bool last) {
  const NetworkShape& s = weights_.shape;
  const int margin = s.conditioner == Conditioner::transposed ? weights_.kernels.melMargin() : 0;
  mel_.resize(size_t((frames_ + frames) * melStride_));
  for (int64_t f = 0; f < frames; f++) {
    float* row = mel_.data() + (frames_ + f) * melStride_ + margin;
    for (int b = 0; b < s.bands; b++) row[b] = mel[b * frames + f];
  }
  frames_ += frames;
  ended_ = last;
  if (s.conditioner == Conditioner::frameRate) encode();
}

int64_t ConditionerState::ready() const {
  const NetworkShape& s = weights_.shape;
  if (ended_) return INT64_MAX;
  const int context = s.conditioner == Conditioner::transposed ? s.strides + 1 : s.encoders + 1;
  return larger(0, frames_ - context) * (s.hop / s.patch);
}

/** Runs the encoder's convolutions over the frames that have become final at each stage. */
void ConditionerState::encode() {
  const NetworkShape& s = weights_.shape;
  const float* input = mel_.data();
  int64_t inputRows = frames_;
  int channels = s.bands, inputStride = s.bands;
  for (int i = 0; i < s.encoders; i++) {
    const int columns = weights_.kernels.paddedChannels(s.encoderChannels[i]);
    const int64_t begin = encodedRows_[size_t(i)], end = ended_ ? frames_ : larger(begin, inputRows - 1);
    std::vector<float>& output = encoded_[size_t(i)];
    output.resize(size_t(end * columns));
    std::vector<float> gathered(size_t(3) * size_t(channels));
    for (int64_t row = begin; row < end; row++) {
      for (int t = 0; t < 3; t++) {
        const int64_t from = row + t - 1;
        float* to = gathered.data() + t * channels;
        if (from >= 0 && from < inputRows) {
          memcpy(to, input + from * inputStride, size_t(channels) * sizeof(float));
        } else {
          memset(to, 0, size_t(channels) * sizeof(float));
        }
      }
      RowsTask task{};
      task.begin = row;
      task.end = row + 1;
      task.input = {gathered.data(), INT64_MAX, 3 * channels};
      task.inputShift = row;
      task.steps = 3 * channels;
      task.columns = columns;
      task.weights = weights_.encoder[size_t(i)].data();
      task.panelRows = 3 * channels;
      task.bias = weights_.encoderBias[size_t(i)].data();
      task.activation = Activation::leaky;
      task.output = {output.data(), INT64_MAX, columns};
      task.scratch = scratch_[0].data();
      weights_.kernels.rows(task);
    }
    encodedRows_[size_t(i)] = end;
    input = output.data();
    inputRows = end;
    channels = s.encoderChannels[i];
    inputStride = columns;
  }
}

/** One tile of positions [begin, end) through all upsampling stages. */
void ConditionerState::upsampleTile(const ParameterOffset* places, int64_t begin, int64_t end, const Ring& into, int worker) {
  const NetworkShape& s = weights_.shape;
  int64_t first[NetworkShape::maxStrides + 1], last[NetworkShape::maxStrides + 1], length[NetworkShape::maxStrides + 1];
  length[0] = frames_;
  for (int i = 0; i < s.strides; i++) length[i + 1] = length[i] * s.stride[i];
  first[s.strides] = begin * s.patch;
  last[s.strides] = (end - 1) * s.patch;
  for (int i = s.strides - 1; i >= 0; i--) {
    const int stride = s.stride[i], kernel = upsamplerKernel(stride), padding = upsamplerPadding(stride);
    first[i] = larger(0, (first[i + 1] + padding - kernel + stride) / stride);
    if (first[i + 1] + padding - kernel + 1 < 0) first[i] = 0;
    last[i] = smaller(length[i] - 1, (last[i + 1] + padding) / stride);
  }
  const float* input = mel_.data() + first[0] * melStride_;
  float* const halves = scratch_[size_t(worker)].data();
  const int64_t half = scratch_[size_t(worker)].size() / 2;
  for (int i = 0; i < s.strides; i++) {
    const bool final = i == s.strides - 1;
    UpsampleTask task{};
    task.input = input;
    task.inputFirst = first[i];
    task.inputLength = length[i];
    task.rowStride = melStride_;
    task.bands = s.bands;
    task.stride = s.stride[i];
    task.kernel = upsamplerKernel(s.stride[i]);
    task.padding = upsamplerPadding(s.stride[i]);
    task.weights = weights_.parameter(places[i].weight);
    task.bias = *weights_.parameter(places[i].bias);
    task.first = first[i + 1];
    task.step = final ? s.patch : 1;
    task.rows = int(final ? end - begin : last[i + 1] - first[i + 1] + 1);
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

void ConditionerState::upsampleRows(int layer, int64_t begin, int64_t end, const Ring& into) {
  const ParameterOffset* places =
      weights_.shape.upsamplerPerLayer ? weights_.places.layer[layer].upsampler : weights_.places.upsampler;
  pool_.forEach(int((end - begin + timeBlockPositions - 1) / timeBlockPositions), [&](int tile, int worker) {
    const int64_t from = begin + int64_t(tile) * timeBlockPositions;
    const int64_t to = smaller(from + timeBlockPositions, end);
    upsampleTile(places, from, to, into, worker);
    Ring mel = into;
    mel.rows += weights_.kernels.melMargin();
    weights_.kernels.arrangeRows(mel, from, to, weights_.melChannels);
  });
}

bool ConditionerState::keep(int layer, int64_t begin, int64_t end) {
  const NetworkShape& s = weights_.shape;
  if (s.conditioner == Conditioner::none) return true;
  if (s.conditioner == Conditioner::frameRate) {
    const Frames frames = framesOf(begin, end);
    Kept& kept = projections_[size_t(layer)];
    if (!kept.reaches(frames.begin)) return false;
    if (frames.end > kept.end) {
      const int64_t missing = kept.end;
      kept.extend(frames.end);
      project(layer, missing, frames.end, encodedRows(), kept.ring);
    }
    return true;
  }
  if (s.upsamplerPerLayer || !shared_.reaches(begin)) return false;
  if (end > shared_.end) {
    const int64_t missing = shared_.end;
    shared_.extend(end);
    upsampleRows(layer, missing, end, shared_.ring);
  }
  return true;
}

/** Rows of the upsampled mel for positions [begin, end): kept ones, or computed for this call. */
Ring ConditionerState::upsampled(int layer, int64_t begin, int64_t end) {
  if (keep(layer, begin, end)) return shared_.ring;
  const Ring ring{again_.data(), block_, melStride_};
  upsampleRows(layer, begin, end, ring);
  return ring;
}

/** Projections with biases, rows [begin, end). */
void ConditionerState::project(int layer, int64_t begin, int64_t end, const Ring& input, const Ring& into) {
  pool_.forEach(int((end - begin + timeBlockPositions - 1) / timeBlockPositions), [&](int tile, int worker) {
    RowsTask task{};
    task.begin = begin + int64_t(tile) * timeBlockPositions;
    task.end = smaller(task.begin + timeBlockPositions, end);
    task.input = input;
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
  const int64_t period = weights_.shape.hop / weights_.shape.patch, last = lastFrame();
  return {smaller(begin / period, last), smaller((end - 1) / period + 1, last) + 1};
}

/** What the projections at the rate of frames take: the encoder's last rows, or the mel's. */
Ring ConditionerState::encodedRows() const {
  const NetworkShape& s = weights_.shape;
  if (s.encoders == 0) return {const_cast<float*>(mel_.data()), INT64_MAX, melStride_};
  return {const_cast<float*>(encoded_.back().data()), INT64_MAX,
          weights_.kernels.paddedChannels(s.encoderChannels[s.encoders - 1])};
}

void ConditionerState::source(int layer, int64_t begin, int64_t end, LayerTask& task) {
  const NetworkShape& s = weights_.shape;
  task.melChannels = 0;
  task.conditioning = Conditioning::none;
  if (s.conditioner == Conditioner::none) return;
  if (s.conditioner == Conditioner::frameRate) {
    task.conditioning = Conditioning::interpolated;
    task.framePeriod = s.hop / s.patch;
    task.lastFrame = lastFrame();
    if (keep(layer, begin, end)) {
      task.mel = projections_[size_t(layer)].ring;
      return;
    }
    const Frames frames = framesOf(begin, end);
    task.mel = {again_.data(), again_.size() / (2 * weights_.padded), 2 * weights_.padded};
    project(layer, frames.begin, frames.end, encodedRows(), task.mel);
    return;
  }
  task.conditioning = Conditioning::projected;
  task.melChannels = weights_.melChannels;
  task.mel = upsampled(layer, begin, end);
  task.mel.rows += weights_.kernels.melMargin();
}

}  // namespace diffwave
