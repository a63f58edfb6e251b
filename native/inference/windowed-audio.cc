#include "windowed-audio.h"

#include <algorithm>

namespace diffwave {

void Envelope::push(const float* deviations, int64_t positions) {
  const int64_t first = rows_.end();
  rows_.append(positions);
  for (int64_t p = 0; p < positions; p++, deviations += bins_) {
    float* const row = rows_.row(first + p);
    for (int k = 0; k < bins_; k++) {
      row[k] = deviations[k];
      row[bins_ + k] = scaledLogarithm(deviations[k]);
    }
  }
}

WindowedAudio::WindowedAudio(const ForwardWeights& weights, int64_t capacity)
    : shape_(weights.shape.windows), overlapAdd_(shape_), samples_(size_t(shape_.margin())) {
  const int stride = weights.kernels.paddedChannels(shape_.kernel);
  memory_ = allocate(capacity * stride);
  pieces_ = {memory_.data(), capacity, stride};
}

void WindowedAudio::receive(const float* audio, int64_t samples, bool last) {
  samples_.insert(samples_.end(), audio, audio + samples);
  received_ += samples / shape_.stride;
  if (last) samples_.resize(samples_.size() + size_t(shape_.margin()));
  complete_ = last ? received_ : std::max<int64_t>(received_ - shape_.reach(), 0);
}

void WindowedAudio::release(int64_t position) {
  const int64_t count = position * shape_.stride - start_;
  if (count <= 0) return;
  samples_.erase(samples_.begin(), samples_.begin() + count);
  start_ += count;
}

int64_t WindowedAudio::decode(int64_t made, int64_t length, float* to) {
  const int64_t first = decoded_, last = made == length ? made : made - shape_.reach();
  for (; decoded_ < last; decoded_++, to += shape_.stride) {
    overlapAdd_.run(to, decoded_, length, [&](int64_t p) { return pieces_.at(p); });
  }
  return (decoded_ - first) * shape_.stride;
}

}  // namespace diffwave
