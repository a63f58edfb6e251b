#include "batch-windows.h"

#include <cstring>

namespace diffwave {

BatchWindows::BatchWindows(const BatchLayout& layout, const PackedWeights& weights, Arena& arena)
    : layout_(layout), weights_(weights), shape_(layout.shape.windows), overlapAdd_(shape_) {
  if (shape_.kernel == 0) return;
  const int64_t samples = layout.firstPosition.back() * shape_.stride;
  const int64_t padded = samples + layout.count * int64_t(shape_.kernel - shape_.stride);
  audio_ = arena.take(padded);
  dSamples_ = arena.take(padded);
  signals_ = layout.takeRows(arena, signalColumns());
  if (shape_.learned) dSignals_ = layout.takeRows(arena, signalColumns());
  if (envelope()) inputs_ = layout.takeRows(arena, columnsOf(layout.shape.inputs()));
  pieces_ = layout.takeRows(arena, columnsOf(shape_.kernel));
}

void BatchWindows::encode(const TrainingCall& call) {
  const size_t margin = size_t(shape_.margin()) * sizeof(float);
  for (int clip = 0; clip < layout_.count; clip++) {
    const int64_t samples = layout_.clips[clip].samples;
    for (float* all : {audio_, dSamples_}) {
      float* const at = padded(all, clip);
      std::memset(at, 0, margin);
      std::memset(at + shape_.margin() + samples, 0, margin);
    }
    std::memcpy(padded(audio_, clip) + shape_.margin(), layout_.clips[clip].audio, size_t(samples) * sizeof(float));
  }
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int) {
    float* x = layout_.row(signals_, block.clip, block.start);
    const Segment segment = windows(audio_, block);
    call.kernels.forwardProduct(x, signals_.stride, block.count, int(signals_.stride), &segment, 1, weights_.analysis,
                                false);
    if (!envelope()) return;
    std::vector<float> logarithms(size_t(shape_.bins), 0.0f);
    float* to = layout_.row(inputs_, block.clip, block.start);
    for (int r = 0; r < block.count; r++, x += signals_.stride, to += inputs_.stride) {
      const float* const e = deviations(block, r);
      for (int k = 0; k < shape_.bins; k++) logarithms[size_t(k)] = scaledLogarithm(e[k]);
      call.kernels.windowsInput(to, x, e, logarithms.data(), shape_.bins);
    }
  });
}

/** Y [rows × 2N] of a time block, from its rows of the output projection. */
void BatchWindows::output(const TrainingCall& call, const TimeBlock& block, const float* output, float* y) const {
  const float* x = layout_.row(signals_, block.clip, block.start);
  for (int r = 0; r < block.count; r++, x += signals_.stride, output += columnsOf(layout_.shape.outputs())) {
    call.kernels.windowsOutput(y + r * signalColumns(), output, layout_.shape.inputMask ? x : nullptr,
                               deviations(block, r), layout_.clips[block.clip].gain, shape_.bins);
  }
}

void BatchWindows::decode(const TrainingCall& call, const TimeBlock& block, const float* outputs, float* y) const {
  output(call, block, outputs, y);
  const Segment segment{y, signalColumns(), layout_.shape.signals()};
  call.kernels.forwardProduct(layout_.row(pieces_, block.clip, block.start), pieces_.stride, block.count,
                              int(pieces_.stride), &segment, 1, weights_.synthesis, false);
}

void BatchWindows::overlapAdd(const TimeBlock& block, float* to) const {
  const int64_t end = layout_.positions[size_t(block.clip)];
  for (int r = 0; r < block.count; r++, to += shape_.stride) {
    overlapAdd_.run(to, block.start + r, end, [&](int64_t p) { return layout_.row(pieces_, block.clip, p); });
  }
}

void BatchWindows::divide(const TimeBlock& block) const {
  float* d = sampleGradients(block);
  for (int r = 0; r < block.count; r++, d += shape_.stride) {
    overlapAdd_.divide(d, block.start + r, layout_.positions[size_t(block.clip)]);
  }
}

void BatchWindows::decodeBackward(const TrainingCall& call, const TimeBlock& block, float* outputs, float* y,
                                  float* partial) const {
  const TrainingKernels& kernels = call.kernels;
  const int width = int(signalColumns());
  const Segment segment = windows(dSamples_, block);
  if (shape_.learned) {
    output(call, block, outputs, y);
    kernels.outer(partial, width, segment.a, segment.stride, shape_.kernel, y, width, width, block.count, true);
  }
  kernels.product(y, width, block.count, width, &segment, 1, weights_.dSignals, false);
  const float* x = layout_.row(signals_, block.clip, block.start);
  for (int r = 0; r < block.count; r++, x += signals_.stride, outputs += columnsOf(layout_.shape.outputs())) {
    kernels.windowsOutputBackward(outputs, y + r * width, layout_.shape.inputMask ? x : nullptr, deviations(block, r),
                                  layout_.clips[block.clip].gain, shape_.bins);
    if (shape_.learned) {
      std::memcpy(layout_.row(dSignals_, block.clip, block.start + r), y + r * width, size_t(width) * sizeof(float));
    }
  }
}

void BatchWindows::encodeBackward(const TrainingCall& call, const TimeBlock& block, const float* dInput,
                                  float* partial) const {
  const int width = int(signalColumns());
  float* const d = layout_.row(dSignals_, block.clip, block.start);
  const Segment fromInput{dInput, ptrdiff_t(layout_.columns), int(layout_.C)};
  call.kernels.product(d, width, block.count, width, &fromInput, 1, weights_.dInputs, true);
  const Segment segment = windows(audio_, block);
  call.kernels.outer(partial, width, segment.a, segment.stride, shape_.kernel, d, width, width, block.count, true);
}

void BatchWindows::reduce(float* gradient, const float* partial) const {
  for (int64_t k = 0; k < layout_.shape.signals(); k++) {
    for (int64_t n = 0; n < shape_.kernel; n++) {
      gradient[k * shape_.kernel + n] += partial[n * signalColumns() + k];
    }
  }
}

}  // namespace diffwave
