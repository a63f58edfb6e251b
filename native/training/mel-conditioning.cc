#include "mel-conditioning.h"

#include <algorithm>
#include <cstring>

#include "../reference/plain.h"

namespace diffwave {

namespace {
/** Number of frame rows per task of the pool. */
constexpr int rowsPerTask = 24;
}  // namespace

MelConditioning::MelConditioning(const BatchLayout& layout, const PackedWeights& weights, Arena& arena)
    : layout_(layout), weights_(weights) {
  const NetworkShape& shape = layout.shape;
  if (shape.conditioner == Conditioner::transposed) {
    melRows = layout.takeRows(arena, columnsOf(shape.bands));
    dMelRows = layout.takeRows(arena, columnsOf(shape.bands));
  }
  if (shape.conditioner != Conditioner::frameRate) return;
  const int64_t rows = layout.frameRows(), wide = 2 * layout.columns;
  channels_.push_back(shape.bands);
  for (int i = 0; i < shape.encoders; i++) channels_.push_back(shape.encoderChannels[i]);
  for (int64_t channels : channels_) {
    frames_.push_back(arena.take(rows * columnsOf(channels)));
    dFrames_.push_back(arena.take(rows * columnsOf(channels)));
  }
  for (int i = 0; i < shape.encoders; i++) {
    dEncoderWeight_.push_back(arena.take(3 * channels_[size_t(i)] * columnsOf(channels_[size_t(i) + 1])));
  }
  projected_ = arena.take(shape.layers * rows * wide);
  dProjected_ = arena.take(shape.layers * rows * wide);
  dProjectionWeight_ = arena.take(shape.layers * channels_.back() * wide);
}

/** Clears the rows before, between and after the clips' frames. */
void MelConditioning::clearGuards(float* frames, int64_t stride) const {
  for (int64_t clip = 0; clip <= layout_.count; clip++) {
    std::memset(frames + (layout_.firstFrame[size_t(clip)] + clip) * stride, 0, size_t(stride) * sizeof(float));
  }
}

void MelConditioning::forward(const TrainingCall& call) {
  const NetworkShape& shape = layout_.shape;
  if (shape.conditioner == Conditioner::transposed && !shape.upsamplerPerLayer) {
    upsampleForward(call, call.offsets.upsampler);
  }
  if (shape.conditioner != Conditioner::frameRate) return;
  loadMels();
  for (size_t i = 0; i < weights_.encoders.size(); i++) encode(call, i);
  const int64_t wide = 2 * layout_.columns, channels = channels_.back(), rows = layout_.frameRows();
  std::memset(dProjected_, 0, size_t(shape.layers * rows * wide) * sizeof(float));
  call.pool.forEach(shape.layers, [&](int layer, int) {
    const Segment segment{frames_.back(), ptrdiff_t(columnsOf(channels)), int(channels)};
    call.kernels.forwardProduct(projected_ + layer * rows * wide, wide, int(rows), int(wide), &segment, 1,
                                weights_.layers[size_t(layer)].conditioner, false);
  });
}

/** Copies all mels [bands × frames] to frame rows [frames × bands]. */
void MelConditioning::loadMels() const {
  const int64_t bandColumns = columnsOf(layout_.shape.bands);
  std::memset(frames_[0], 0, size_t(layout_.frameRows() * bandColumns) * sizeof(float));
  for (int clip = 0; clip < layout_.count; clip++) {
    for (int64_t m = 0; m < layout_.shape.bands; m++) {
      for (int64_t f = 0; f < layout_.clips[clip].frames; f++) {
        frames_[0][layout_.frameRow(clip, f) * bandColumns + m] =
            layout_.clips[clip].mel[m * layout_.clips[clip].frames + f];
      }
    }
  }
}

int MelConditioning::frameTasks() const { return int(ceilDivide(layout_.frameRows() - 2, rowsPerTask)); }

MelConditioning::FrameRange MelConditioning::rangeOf(int task) const {
  const int64_t first = 1 + int64_t(task) * rowsPerTask;
  return {first, std::min(layout_.frameRows() - 1, first + rowsPerTask)};
}

/** Runs one convolution of the encoder over all frames: leaky(bias + Σ over three taps of W · frames). */
void MelConditioning::encode(const TrainingCall& call, size_t i) const {
  const int64_t in = columnsOf(channels_[i]), out = columnsOf(channels_[i + 1]);
  call.pool.forEach(frameTasks(), [&](int task, int) {
    const FrameRange rows = rangeOf(task);
    float* const to = frames_[i + 1] + rows.first * out;
    for (int r = 0; r < rows.count(); r++) {
      std::memcpy(to + r * out, weights_.encoders[i].bias, size_t(out) * sizeof(float));
    }
    Segment segments[3];
    for (int tap = -1; tap <= 1; tap++) {
      segments[tap + 1] = {frames_[i] + (rows.first + tap) * in, ptrdiff_t(in), int(channels_[i])};
    }
    call.kernels.forwardProduct(to, out, rows.count(), int(out), segments, 3, weights_.encoders[i].weight, true);
    for (int64_t k = 0; k < rows.count() * out; k++) to[k] = plain::leaky(to[k]);
  });
  clearGuards(frames_[i + 1], out);
}

void MelConditioning::foldGradient(const TrainingCall& call, int layer, const Rows& dSums, int firstFrame,
                                   int lastFrame) const {
  const int wide = int(2 * layout_.columns);
  for (int index = firstFrame; index < lastFrame; index++) {
    const int clip = int(std::upper_bound(layout_.firstFrame.begin(), layout_.firstFrame.end(), index) -
                         layout_.firstFrame.begin()) -
                     1;
    const int64_t frame = index - layout_.firstFrame[size_t(clip)], perFrame = layout_.shape.hop / layout_.shape.patch;
    float* to = dProjected_ + (layer * layout_.frameRows() + layout_.frameRow(clip, frame)) * wide;
    const auto interval = [&](int64_t f, bool low, bool high) {
      const int64_t start = (f - layout_.clips[clip].melOffset / layout_.shape.hop) * perFrame;
      const int64_t rows = std::min(perFrame, layout_.positions[size_t(clip)] - start);
      if (start < 0 || rows <= 0) return;
      call.kernels.interpolateBackward(low ? to : nullptr, high ? to : nullptr, layout_.row(dSums, clip, start),
                                       dSums.stride, int(rows), wide, 0, layout_.shape.patch, layout_.shape.hop);
    };
    interval(frame - 1, false, true);
    interval(frame, true, frame == layout_.clips[clip].frames - 1);  // the last frame holds to the clip's end
  }
}

void MelConditioning::backward(const TrainingCall& call) {
  const NetworkShape& shape = layout_.shape;
  if (shape.conditioner == Conditioner::transposed && !shape.upsamplerPerLayer) {
    upsampleBackward(call, call.offsets.upsampler);
  }
  if (shape.conditioner != Conditioner::frameRate) return;
  projectBackward(call);
  for (size_t i = weights_.encoders.size(); i-- > 0;) encodeBackward(call, i);
}

/** Computes the gradient of each layer's projection, and the sum over layers of the gradient of its input. */
void MelConditioning::projectBackward(const TrainingCall& call) const {
  const int layers = layout_.shape.layers, inputTasks = weights_.encoders.empty() ? 0 : frameTasks();
  call.pool.forEach(layers + inputTasks, [&](int task, int) {
    if (task < layers) projectionWeightBackward(call, task);
    else projectionInputBackward(call, task - layers);
  });
}

/** dW = dProjected · framesᵀ of one layer. */
void MelConditioning::projectionWeightBackward(const TrainingCall& call, int layer) const {
  const int64_t wide = 2 * layout_.columns, channels = channels_.back(), rows = layout_.frameRows();
  float* const sum = dProjectionWeight_ + layer * channels * wide;
  std::memset(sum, 0, size_t(channels * wide) * sizeof(float));
  call.kernels.outer(sum, wide, frames_.back(), columnsOf(channels), int(channels), dProjected_ + layer * rows * wide,
                     wide, int(wide), int(rows), true);
  float* const to = call.gradients + call.offsets.layer[layer].conditioner.weight;
  for (int64_t o = 0; o < 2 * layout_.C; o++) {
    for (int64_t m = 0; m < channels; m++) to[o * channels + m] += sum[m * wide + layout_.columnOf(o)];
  }
}

/** dFrames = Σ over layers of Wᵀ · dProjected, for the frames of one task. */
void MelConditioning::projectionInputBackward(const TrainingCall& call, int task) const {
  const int64_t wide = 2 * layout_.columns, stride = columnsOf(channels_.back());
  const FrameRange rows = rangeOf(task);
  for (int layer = 0; layer < layout_.shape.layers; layer++) {
    const Segment segment{dProjected_ + (layer * layout_.frameRows() + rows.first) * wide, ptrdiff_t(wide), int(wide)};
    call.kernels.product(dFrames_.back() + rows.first * stride, stride, rows.count(), int(stride), &segment, 1,
                         weights_.layers[size_t(layer)].dConditioner, layer > 0);
  }
}

/** Computes the gradients of one encoder convolution's weight, bias and, except for the first stage, input. */
void MelConditioning::encodeBackward(const TrainingCall& call, size_t i) const {
  const int64_t outChannels = channels_[i + 1], out = columnsOf(outChannels);
  float* const d = dFrames_[i + 1];
  for (int64_t k = 0; k < layout_.frameRows() * out; k++) d[k] *= plain::leakyDerivative(frames_[i + 1][k]);
  clearGuards(d, out);
  constexpr int taps = 3;
  call.pool.forEach(taps + (i > 0 ? frameTasks() : 0), [&](int task, int) {
    if (task < taps) encoderWeightBackward(call, i, task);
    else encoderInputBackward(call, i, task - taps);
  });
  float* const toBias = call.gradients + call.offsets.encoder[i].bias;
  for (int64_t r = 1; r < layout_.frameRows() - 1; r++) {
    for (int64_t o = 0; o < outChannels; o++) toBias[o] += d[r * out + o];
  }
}

/** dW of one tap = Σ over frames of d[frame] · input[frame + tap − 1]ᵀ. */
void MelConditioning::encoderWeightBackward(const TrainingCall& call, size_t i, int tap) const {
  const int64_t inChannels = channels_[i], in = columnsOf(inChannels), out = columnsOf(channels_[i + 1]);
  float* const sum = dEncoderWeight_[i] + tap * inChannels * out;
  std::memset(sum, 0, size_t(inChannels * out) * sizeof(float));
  call.kernels.outer(sum, out, frames_[i] + tap * in, in, int(inChannels), dFrames_[i + 1] + out, out, int(out),
                     int(layout_.frameRows() - 2), true);
  float* const to = call.gradients + call.offsets.encoder[i].weight + tap;
  for (int64_t o = 0; o < channels_[i + 1]; o++) {
    for (int64_t m = 0; m < inChannels; m++) to[(o * inChannels + m) * 3] += sum[m * out + o];
  }
}

/** dInput[frame] = Σ over taps of Wᵀ · d[frame − tap], for the frames of one task. */
void MelConditioning::encoderInputBackward(const TrainingCall& call, size_t i, int task) const {
  const int64_t in = columnsOf(channels_[i]), out = columnsOf(channels_[i + 1]);
  const FrameRange rows = rangeOf(task);
  Segment segments[3];
  for (int tap = -1; tap <= 1; tap++) {
    segments[tap + 1] = {dFrames_[i + 1] + (rows.first - tap) * out, ptrdiff_t(out), int(channels_[i + 1])};
  }
  call.kernels.product(dFrames_[i] + rows.first * in, in, rows.count(), int(in), segments, 3,
                       weights_.encoders[i].dInput, false);
}

/** Computes the result of each stage of one clip's upsampler, [bands × frames of that stage]. */
static std::vector<std::vector<float>> upsampleClip(const NetworkShape& shape, const float* w,
                                                    const ParameterOffset* offsets, const TrainingBatch::Clip& clip) {
  std::vector<std::vector<float>> results;
  const float* in = clip.mel;
  int64_t frames = clip.frames;
  for (int i = 0; i < shape.strides; i++) {
    const int stride = shape.stride[i];
    results.emplace_back(vectorSize(shape.bands * frames * stride));
    plain::upsample(results.back().data(), in, w + offsets[i].weight, w[offsets[i].bias], shape.bands, frames, stride,
                    upsamplerKernel(stride), upsamplerPadding(stride));
    in = results.back().data();
    frames *= stride;
  }
  return results;
}

void MelConditioning::upsampleForward(const TrainingCall& call, const ParameterOffset* offsets) {
  const int64_t bands = layout_.shape.bands;
  call.pool.forEach(layout_.count, [&](int clip, int) {
    const auto results = upsampleClip(layout_.shape, call.parameters, offsets, layout_.clips[clip]);
    const float* mel = results.back().data();
    const int64_t length = layout_.clips[clip].frames * layout_.shape.hop;
    for (int64_t p = 0; p < layout_.positions[size_t(clip)]; p++) {
      float* to = layout_.row(melRows, clip, p);
      for (int64_t m = 0; m < bands; m++)
        to[m] = mel[m * length + layout_.clips[clip].melOffset + p * layout_.shape.patch];
    }
  });
}

void MelConditioning::upsampleBackward(const TrainingCall& call, const ParameterOffset* offsets) {
  const int64_t bands = layout_.shape.bands;
  // Each clip's own gradients are computed first, then added in order.
  std::vector<std::vector<float>> own(size_t(layout_.count) * size_t(layout_.shape.strides));
  call.pool.forEach(layout_.count, [&](int clip, int) {
    const auto results = upsampleClip(layout_.shape, call.parameters, offsets, layout_.clips[clip]);
    int64_t length = layout_.clips[clip].frames * layout_.shape.hop;
    std::vector<float> d(vectorSize(bands * length));
    for (int64_t p = 0; p < layout_.positions[size_t(clip)]; p++) {
      const float* from = layout_.row(dMelRows, clip, p);
      for (int64_t m = 0; m < bands; m++)
        d[size_t(m * length + layout_.clips[clip].melOffset + p * layout_.shape.patch)] = from[m];
    }
    for (int i = layout_.shape.strides - 1; i >= 0; i--) {
      const int stride = layout_.shape.stride[i], kernel = upsamplerKernel(stride);
      length /= stride;
      auto& gradients = own[size_t(clip * layout_.shape.strides + i)];
      gradients.assign(size_t(3 * kernel + 1), 0);
      std::vector<float> dIn(i > 0 ? vectorSize(bands * length) : 0);
      plain::upsampleBackward(
          i > 0 ? dIn.data() : nullptr, gradients.data(), gradients.data() + 3 * kernel, d.data(),
          results[size_t(i)].data(), i > 0 ? results[size_t(i) - 1].data() : layout_.clips[clip].mel,
          call.parameters + offsets[i].weight, layout_.shape.bands, length, stride, kernel, upsamplerPadding(stride));
      d = std::move(dIn);
    }
  });
  for (int clip = 0; clip < layout_.count; clip++) {
    for (int i = 0; i < layout_.shape.strides; i++) {
      const auto& gradients = own[size_t(clip * layout_.shape.strides + i)];
      for (size_t k = 0; k + 1 < gradients.size(); k++) call.gradients[offsets[i].weight + int64_t(k)] += gradients[k];
      call.gradients[offsets[i].bias] += gradients.back();
    }
  }
}

}  // namespace diffwave
