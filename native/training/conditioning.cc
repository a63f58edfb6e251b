// The step embedding and the mel, forward and backward: what runs once a clip or once a frame.
#include <algorithm>
#include <cstring>

#include "../reference/plain.h"
#include "pass.h"

namespace diffwave {

namespace {
constexpr int rowsATask = 24;

int tasksOf(int64_t rows) { return int((rows + rowsATask - 1) / rowsATask); }
}  // namespace

void TrainingPass::layoutConditioning(Arena& arena) {
  if (shape_.conditioner == Conditioner::transposed) {
    melRows_ = takeRows(arena, columnsOf(shape_.bands));
    dMelRows_ = takeRows(arena, columnsOf(shape_.bands));
  }
  if (shape_.conditioner != Conditioner::frameRate) return;
  frameRows_ = firstFrame_.back() + count_ + 1;
  frameChannels_.push_back(shape_.bands);
  for (int i = 0; i < shape_.encoders; i++) frameChannels_.push_back(shape_.encoderChannels[i]);
  for (int64_t channels : frameChannels_) {
    frames_.push_back(arena.take(frameRows_ * columnsOf(channels)));
    dFrames_.push_back(arena.take(frameRows_ * columnsOf(channels)));
  }
  for (int i = 0; i < shape_.encoders; i++) {
    const int64_t in = frameChannels_[size_t(i)], out = frameChannels_[size_t(i) + 1];
    encoderWeight_.push_back(arena.take(packedSize(Direction::forward, 3 * in, columnsOf(out), 3)));
    encoderBias_.push_back(arena.take(columnsOf(out)));
    dEncoder_.push_back(arena.take(packedSize(Direction::backward, 3 * out, columnsOf(in), 3)));
    dEncoderWeight_.push_back(arena.take(3 * in * columnsOf(out)));
  }
  projected_ = arena.take(shape_.layers * frameRows_ * 2 * columns_);
  dProjected_ = arena.take(shape_.layers * frameRows_ * 2 * columns_);
  conditionerGradient_ = arena.take(shape_.layers * frameChannels_.back() * 2 * columns_);
}

void TrainingPass::packConditioning() {
  const float* w = task_->parameters;
  for (int i = 0; i < int(encoderWeight_.size()); i++) {
    const int64_t in = frameChannels_[size_t(i)], out = frameChannels_[size_t(i) + 1];
    const ParameterOffset& at = task_->places.encoder[i];
    // k: tap, channel.
    pack(
        Direction::forward, encoderWeight_[size_t(i)], 3 * in, columnsOf(out),
        [&](int64_t k, int64_t n) { return n < out ? w[at.weight + (n * in + k % in) * 3 + k / in] : 0.0f; }, 3);
    pack(
        Direction::backward, dEncoder_[size_t(i)], 3 * out, columnsOf(in),
        [&](int64_t k, int64_t n) { return n < in ? w[at.weight + (k % out * in + n) * 3 + k / out] : 0.0f; }, 3);
    for (int64_t n = 0; n < columnsOf(out); n++) encoderBias_[size_t(i)][n] = n < out ? w[at.bias + n] : 0;
  }
}

void TrainingPass::embeddingForward() {
  const float* w = task_->parameters;
  const ParameterOffsets& at = task_->places;
  const int64_t hidden = shape_.hidden;
  for (auto* array : {&embedded1_, &embedded2_, &silu1_, &embedding_}) array->assign(size_t(count_ * hidden), 0);
  task_->pool.forEach(count_, [&](int clip, int) {
    const int64_t from = clip * hidden;
    plain::linear(&embedded1_[size_t(from)], clips_[clip].sinusoids, w + at.embedding1.weight, w + at.embedding1.bias,
                  hidden, shape_.embedding);
    for (int64_t i = from; i < from + hidden; i++) silu1_[size_t(i)] = plain::silu(embedded1_[size_t(i)]);
    plain::linear(&embedded2_[size_t(from)], &silu1_[size_t(from)], w + at.embedding2.weight, w + at.embedding2.bias,
                  hidden, hidden);
    for (int64_t i = from; i < from + hidden; i++) embedding_[size_t(i)] = plain::silu(embedded2_[size_t(i)]);
    if (shape_.labels > 0) {
      const int64_t label = clips_[clip].label < 0 ? shape_.labels : clips_[clip].label;
      for (int64_t i = 0; i < hidden; i++) embedding_[size_t(from + i)] += w[at.labels + label * hidden + i];
    }
  });
  task_->pool.forEach(shape_.layers, [&](int layer, int) {
    const ParameterOffset& step = at.layer[layer].step;
    for (int clip = 0; clip < count_; clip++) {
      float* to = steps_ + (int64_t(layer) * count_ + clip) * columns_;
      std::memset(to, 0, size_t(columns_) * sizeof(float));
      plain::linear(to, &embedding_[size_t(clip * hidden)], w + step.weight, w + step.bias, C_, hidden);
    }
  });
}

void TrainingPass::embeddingBackward() {
  const float* w = task_->parameters;
  float* g = task_->gradients;
  const ParameterOffsets& at = task_->places;
  const int64_t hidden = shape_.hidden;
  std::vector<float> dEmbedding(size_t(count_ * hidden)), dSilu(size_t(count_ * hidden));
  task_->pool.forEach(shape_.layers + count_, [&](int task, int) {
    if (task < shape_.layers) {
      const ParameterOffset& step = at.layer[task].step;
      for (int clip = 0; clip < count_; clip++) {
        plain::linearToWeights(g + step.weight, g + step.bias, dSteps_ + (int64_t(task) * count_ + clip) * columns_,
                               &embedding_[size_t(clip * hidden)], C_, hidden);
      }
      return;
    }
    const int clip = task - shape_.layers;
    const size_t from = size_t(clip * hidden);
    for (int layer = 0; layer < shape_.layers; layer++) {
      plain::linearToInput(&dEmbedding[from], dSteps_ + (int64_t(layer) * count_ + clip) * columns_,
                           w + at.layer[layer].step.weight, C_, hidden);
    }
  });
  if (shape_.labels > 0) {
    for (int clip = 0; clip < count_; clip++) {
      const int64_t label = clips_[clip].label < 0 ? shape_.labels : clips_[clip].label;
      for (int64_t i = 0; i < hidden; i++) g[at.labels + label * hidden + i] += dEmbedding[size_t(clip * hidden + i)];
    }
  }
  for (size_t i = 0; i < dEmbedding.size(); i++) dEmbedding[i] *= plain::siluDerivative(embedded2_[i]);
  task_->pool.forEach(count_, [&](int clip, int) {
    const size_t from = size_t(clip * hidden);
    plain::linearToInput(&dSilu[from], &dEmbedding[from], w + at.embedding2.weight, hidden, hidden);
    for (size_t i = from; i < from + size_t(hidden); i++) dSilu[i] *= plain::siluDerivative(embedded1_[i]);
  });
  const int tasks = tasksOf(hidden);
  task_->pool.forEach(2 * tasks, [&](int task, int) {
    const bool second = task >= tasks;
    const int64_t from = (second ? task - tasks : task) * rowsATask, rows = std::min<int64_t>(rowsATask, hidden - from);
    const ParameterOffset& place = second ? at.embedding2 : at.embedding1;
    const int64_t inputs = second ? hidden : shape_.embedding;
    const std::vector<float>& d = second ? dEmbedding : dSilu;
    for (int clip = 0; clip < count_; clip++) {
      plain::linearToWeights(g + place.weight + from * inputs, g + place.bias + from, &d[size_t(clip * hidden + from)],
                             second ? &silu1_[size_t(clip * hidden)] : clips_[clip].sinusoids, rows, inputs);
    }
  });
}

/** Sets the rows of zeros before, between and after the clips' frames. */
void TrainingPass::clearFrameGuards(float* frames, int64_t stride) const {
  for (int64_t clip = 0; clip <= count_; clip++) {
    std::memset(frames + (firstFrame_[size_t(clip)] + clip) * stride, 0, size_t(stride) * sizeof(float));
  }
}

void TrainingPass::melForward() {
  if (shape_.conditioner == Conditioner::transposed && !shape_.upsamplerPerLayer) {
    upsampleForward(task_->places.upsampler);
  }
  if (shape_.conditioner != Conditioner::frameRate) return;
  const TrainingKernels& kernels = task_->kernels;
  const int64_t bandColumns = columnsOf(shape_.bands);
  std::memset(frames_[0], 0, size_t(frameRows_ * bandColumns) * sizeof(float));
  for (int clip = 0; clip < count_; clip++) {
    for (int64_t m = 0; m < shape_.bands; m++) {
      for (int64_t f = 0; f < clips_[clip].frames; f++) {
        frames_[0][frameRow(clip, f) * bandColumns + m] = clips_[clip].mel[m * clips_[clip].frames + f];
      }
    }
  }
  const int tasks = tasksOf(frameRows_ - 2);
  for (size_t i = 0; i < encoderWeight_.size(); i++) {
    const int64_t in = columnsOf(frameChannels_[i]), out = columnsOf(frameChannels_[i + 1]);
    task_->pool.forEach(tasks, [&](int task, int) {
      const int64_t first = 1 + int64_t(task) * rowsATask, last = std::min(frameRows_ - 1, first + rowsATask);
      float* to = frames_[i + 1] + first * out;
      for (int64_t r = 0; r < last - first; r++)
        std::memcpy(to + r * out, encoderBias_[i], size_t(out) * sizeof(float));
      Segment segments[3];
      for (int tap = -1; tap <= 1; tap++) {
        segments[tap + 1] = {frames_[i] + (first + tap) * in, ptrdiff_t(in), int(frameChannels_[i])};
      }
      kernels.forwardProduct(to, out, int(last - first), int(out), segments, 3, encoderWeight_[i], true);
      for (int64_t k = 0; k < (last - first) * out; k++) to[k] = plain::leaky(to[k]);
    });
    clearFrameGuards(frames_[i + 1], out);
  }
  const int64_t channels = frameChannels_.back();
  if (dProjected_ != nullptr)
    std::memset(dProjected_, 0, size_t(shape_.layers * frameRows_ * 2 * columns_) * sizeof(float));
  task_->pool.forEach(shape_.layers, [&](int layer, int) {
    const Segment segment{frames_.back(), ptrdiff_t(columnsOf(channels)), int(channels)};
    kernels.forwardProduct(projected_ + layer * frameRows_ * 2 * columns_, 2 * columns_, int(frameRows_),
                           int(2 * columns_), &segment, 1, weights_[size_t(layer)].conditioner, false);
  });
}

/** Sums dSums over the positions around frames firstFrame … lastFrame − 1 (counted over all clips): the adjoint of the
 * interpolation. Frame f takes part in the stretches f − 1 (rising) and f (falling). */
void TrainingPass::foldMelGradient(int layer, int firstFrame, int lastFrame) {
  const int wide = int(2 * columns_);
  for (int index = firstFrame; index < lastFrame; index++) {
    const int clip = int(std::upper_bound(firstFrame_.begin(), firstFrame_.end(), index) - firstFrame_.begin()) - 1;
    const int64_t frame = index - firstFrame_[size_t(clip)], perFrame = shape_.hop / shape_.patch;
    float* to = dProjected_ + (layer * frameRows_ + frameRow(clip, frame)) * wide;
    const auto stretch = [&](int64_t f, bool low, bool high) {
      const int64_t start = (f - clips_[clip].melOffset / shape_.hop) * perFrame;
      const int64_t rows = std::min(perFrame, positions_[size_t(clip)] - start);
      if (start < 0 || rows <= 0) return;
      task_->kernels.interpolateBackward(low ? to : nullptr, high ? to : nullptr, row(dSums_, clip, start),
                                         dSums_.stride, int(rows), wide, 0, shape_.patch, shape_.hop);
    };
    stretch(frame - 1, false, true);
    stretch(frame, true, frame == clips_[clip].frames - 1);  // past the last frame the mel is held
  }
}

void TrainingPass::melBackward() {
  if (shape_.conditioner == Conditioner::transposed && !shape_.upsamplerPerLayer) {
    upsampleBackward(task_->places.upsampler);
  }
  if (shape_.conditioner != Conditioner::frameRate) return;
  const TrainingKernels& kernels = task_->kernels;
  float* g = task_->gradients;
  const int64_t C = C_, wide = 2 * columns_, channels = frameChannels_.back(), stride = columnsOf(channels);
  const int tasks = tasksOf(frameRows_ - 2);

  // Each layer's projection, and all layers' gradients of its input.
  task_->pool.forEach(shape_.layers + tasks, [&](int task, int) {
    if (task < shape_.layers) {
      float* sum = conditionerGradient_ + task * channels * wide;
      std::memset(sum, 0, size_t(channels * wide) * sizeof(float));
      kernels.outer(sum, wide, frames_.back(), stride, int(channels), dProjected_ + task * frameRows_ * wide, wide,
                    int(wide), int(frameRows_), true);
      const int64_t at = task_->places.layer[task].conditioner.weight;
      for (int64_t o = 0; o < 2 * C; o++) {
        for (int64_t m = 0; m < channels; m++) {
          g[at + o * channels + m] += sum[m * wide + (o < C ? o : o - C + columns_)];
        }
      }
      return;
    }
    if (encoderWeight_.empty()) return;
    const int64_t first = 1 + int64_t(task - shape_.layers) * rowsATask,
                  last = std::min(frameRows_ - 1, first + rowsATask);
    for (int layer = 0; layer < shape_.layers; layer++) {
      const Segment segment{dProjected_ + (layer * frameRows_ + first) * wide, ptrdiff_t(wide), int(wide)};
      kernels.product(dFrames_.back() + first * stride, stride, int(last - first), int(stride), &segment, 1,
                      weights_[size_t(layer)].dConditioner, layer > 0);
    }
  });

  for (size_t i = encoderWeight_.size(); i-- > 0;) {
    const int64_t inChannels = frameChannels_[i], outChannels = frameChannels_[i + 1];
    const int64_t in = columnsOf(inChannels), out = columnsOf(outChannels);
    float* d = dFrames_[i + 1];
    for (int64_t k = 0; k < frameRows_ * out; k++) d[k] *= plain::leakyDerivative(frames_[i + 1][k]);
    clearFrameGuards(d, out);
    const ParameterOffset& at = task_->places.encoder[i];
    task_->pool.forEach(3 + (i > 0 ? tasks : 0), [&](int task, int) {
      if (task < 3) {
        float* sum = dEncoderWeight_[i] + task * inChannels * out;
        std::memset(sum, 0, size_t(inChannels * out) * sizeof(float));
        kernels.outer(sum, out, frames_[i] + task * in, in, int(inChannels), d + out, out, int(out),
                      int(frameRows_ - 2), true);
        for (int64_t o = 0; o < outChannels; o++) {
          for (int64_t m = 0; m < inChannels; m++) g[at.weight + (o * inChannels + m) * 3 + task] += sum[m * out + o];
        }
        return;
      }
      const int64_t first = 1 + int64_t(task - 3) * rowsATask, last = std::min(frameRows_ - 1, first + rowsATask);
      Segment segments[3];
      for (int tap = -1; tap <= 1; tap++) {
        segments[tap + 1] = {d + (first - tap) * out, ptrdiff_t(out), int(outChannels)};
      }
      kernels.product(dFrames_[i] + first * in, in, int(last - first), int(in), segments, 3, dEncoder_[i], false);
    });
    for (int64_t r = 1; r < frameRows_ - 1; r++) {
      for (int64_t o = 0; o < outChannels; o++) g[at.bias + o] += d[r * out + o];
    }
  }
}

/** All results of one clip's upsampler, [bands × frames so far] each. */
static std::vector<std::vector<float>> upsampleClip(const NetworkShape& shape, const float* w,
                                                    const ParameterOffset* places, const TrainingBatch::Clip& clip) {
  std::vector<std::vector<float>> results;
  const float* in = clip.mel;
  int64_t frames = clip.frames;
  for (int i = 0; i < shape.strides; i++) {
    const int stride = shape.stride[i];
    results.emplace_back(size_t(shape.bands * frames * stride));
    plain::upsample(results.back().data(), in, w + places[i].weight, w[places[i].bias], shape.bands, frames, stride,
                    upsamplerKernel(stride), upsamplerPadding(stride));
    in = results.back().data();
    frames *= stride;
  }
  return results;
}

void TrainingPass::upsampleForward(const ParameterOffset* places) {
  const int64_t bands = shape_.bands;
  task_->pool.forEach(count_, [&](int clip, int) {
    const auto results = upsampleClip(shape_, task_->parameters, places, clips_[clip]);
    const float* mel = results.back().data();
    const int64_t length = clips_[clip].frames * shape_.hop;
    for (int64_t p = 0; p < positions_[size_t(clip)]; p++) {
      float* to = row(melRows_, clip, p);
      for (int64_t m = 0; m < bands; m++) to[m] = mel[m * length + clips_[clip].melOffset + p * shape_.patch];
    }
  });
}

void TrainingPass::upsampleBackward(const ParameterOffset* places) {
  const int64_t bands = shape_.bands;
  // Each clip's own gradients first, then added in order.
  std::vector<std::vector<float>> own(size_t(count_) * size_t(shape_.strides));
  task_->pool.forEach(count_, [&](int clip, int) {
    const auto results = upsampleClip(shape_, task_->parameters, places, clips_[clip]);
    int64_t length = clips_[clip].frames * shape_.hop;
    std::vector<float> d(size_t(bands * length));
    for (int64_t p = 0; p < positions_[size_t(clip)]; p++) {
      const float* from = row(dMelRows_, clip, p);
      for (int64_t m = 0; m < bands; m++) d[size_t(m * length + clips_[clip].melOffset + p * shape_.patch)] = from[m];
    }
    for (int i = shape_.strides - 1; i >= 0; i--) {
      const int stride = shape_.stride[i], kernel = upsamplerKernel(stride);
      length /= stride;
      auto& gradients = own[size_t(clip * shape_.strides + i)];
      gradients.assign(size_t(3 * kernel + 1), 0);
      std::vector<float> dIn(i > 0 ? size_t(bands * length) : 0);
      plain::upsampleBackward(i > 0 ? dIn.data() : nullptr, gradients.data(), gradients.data() + 3 * kernel, d.data(),
                              results[size_t(i)].data(), i > 0 ? results[size_t(i) - 1].data() : clips_[clip].mel,
                              task_->parameters + places[i].weight, shape_.bands, length, stride, kernel,
                              upsamplerPadding(stride));
      d = std::move(dIn);
    }
  });
  for (int clip = 0; clip < count_; clip++) {
    for (int i = 0; i < shape_.strides; i++) {
      const auto& gradients = own[size_t(clip * shape_.strides + i)];
      for (size_t k = 0; k + 1 < gradients.size(); k++) task_->gradients[places[i].weight + int64_t(k)] += gradients[k];
      task_->gradients[places[i].bias] += gradients.back();
    }
  }
}

}  // namespace diffwave
