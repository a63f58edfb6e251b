// Divides a batch into parts that fit the memory, and runs one pass per part.
#include "training.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pass.h"

namespace diffwave {

Training::Training(const NetworkShape& shape, Pool& pool, const TrainingKernels& kernels, uint64_t memoryLimit)
    : shape_(shape), pool_(pool), kernels_(kernels), limit_(memoryLimit) {}

Training::~Training() = default;

uint64_t Training::memory(const TrainingBatch::Clip* clips, int count, Checkpointing checkpointing) const {
  return TrainingPass(shape_, pool_.threads(), kernels_, clips, count, checkpointing, nullptr).bytes();
}

bool Training::reserve(uint64_t bytes) {
  if (bytes <= uint64_t(memory_.size()) * sizeof(float)) return true;
  if (bytes > PTRDIFF_MAX) return false;  // 32-bit platforms: beyond the address space
  memory_ = Buffer();                     // frees the old block first, because both together may not fit
  Buffer fresh(int64_t((bytes + sizeof(float) - 1) / sizeof(float)));
  if (!fresh.ok()) return false;
  memory_ = std::move(fresh);
  return true;
}

std::unique_ptr<TrainingPass> Training::prepare(const TrainingBatch::Clip* clips, int count) {
  const bool gatesFit = memory(clips, count, Checkpointing::storeGates) <= limit_;
  const Checkpointing checkpointing = gatesFit ? Checkpointing::storeGates : Checkpointing::recomputeGates;
  const uint64_t needed = memory(clips, count, checkpointing);
  if (needed > limit_ || !reserve(needed)) return nullptr;
  return std::make_unique<TrainingPass>(shape_, pool_.threads(), kernels_, clips, count, checkpointing, memory_.data());
}

TrainingCall Training::callOf(const ParameterOffsets& offsets, const float* parameters, float* gradients, bool squared,
                              int64_t samples, const std::atomic<bool>* cancelled) {
  const bool learned = shape_.windows.learned;
  if (!learned && fourier_ == nullptr) fourier_ = std::make_unique<FourierWindows<float>>(shape_.windows);
  return {offsets,
          pool_,
          kernels_,
          parameters,
          learned ? parameters + offsets.analysis : fourier_->analysis.data(),
          learned ? parameters + offsets.synthesis : fourier_->synthesis.data(),
          gradients,
          cancelled,
          squared,
          samples};
}

TrainingOutcome Training::lossGradients(const float* parameters, const TrainingBatch& batch, float* gradients,
                                        double* loss, float* clipLosses, const std::atomic<bool>* cancelled) {
  const ParameterOffsets offsets(shape_);
  pass_.reset();  // its memory is used again
  std::memset(gradients, 0, size_t(offsets.count) * sizeof(float));
  int64_t samples = 0;
  for (int i = 0; i < batch.count; i++) samples += batch.clips[i].samples;
  const TrainingCall call = callOf(offsets, parameters, gradients, batch.squared, samples, cancelled);
  *loss = 0;
  for (int first = 0; first < batch.count;) {
    const TrainingBatch::Clip* clips = batch.clips + first;
    int count = batch.count - first;
    while (count > 1 && memory(clips, count, Checkpointing::storeGates) > limit_) count--;
    const auto pass = prepare(clips, count);
    if (pass == nullptr) return TrainingOutcome::outOfMemory;
    double sum = 0;
    if (!pass->run(call, &sum, clipLosses + first)) return TrainingOutcome::cancelled;
    *loss += sum;
    first += count;
  }
  *loss /= double(samples);
  return TrainingOutcome::done;
}

TrainingOutcome Training::forward(const float* parameters, const TrainingBatch& batch,
                                  const std::atomic<bool>* cancelled) {
  const ParameterOffsets offsets(shape_);
  pass_.reset();
  clips_.assign(batch.clips, batch.clips + batch.count);
  auto pass = prepare(clips_.data(), batch.count);
  if (pass == nullptr) return TrainingOutcome::outOfMemory;
  const TrainingCall call = callOf(offsets, parameters, nullptr, false, 1, cancelled);
  if (!pass->runForward(call)) return TrainingOutcome::cancelled;
  pass_ = std::move(pass);
  return TrainingOutcome::done;
}

bool Training::awaits(const TrainingBatch& batch) const {
  if (pass_ == nullptr || size_t(batch.count) != clips_.size()) return false;
  for (int i = 0; i < batch.count; i++) {
    const TrainingBatch::Clip &a = batch.clips[i], &b = clips_[size_t(i)];
    if (a.samples != b.samples || a.frames != b.frames || a.melOffset != b.melOffset || a.label != b.label)
      return false;
  }
  return true;
}

TrainingOutcome Training::backward(const float* parameters, const TrainingBatch& batch, float* gradients,
                                   const std::atomic<bool>* cancelled) {
  const ParameterOffsets offsets(shape_);
  const auto pass = std::move(pass_);  // whatever comes of it, a pass can go back only once
  std::memset(gradients, 0, size_t(offsets.count) * sizeof(float));
  std::copy(batch.clips, batch.clips + batch.count, clips_.begin());
  const TrainingCall call = callOf(offsets, parameters, gradients, false, 1, cancelled);
  return pass->runBackward(call) ? TrainingOutcome::done : TrainingOutcome::cancelled;
}

}  // namespace diffwave
