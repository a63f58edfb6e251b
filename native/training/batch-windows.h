// The windowed front end of a batch (native/windows.h), forward and backward. Windows overlap. Row p of their matrix is
// the clip's audio from sample p·S − D on, so rows of K numbers lie S apart, and no window is copied.
#pragma once

#include "../windows.h"
#include "packed-weights.h"

namespace diffwave {

class BatchWindows {
 public:
  /** Takes no memory if the network has patches instead of windows. */
  BatchWindows(const BatchLayout& layout, const PackedWeights& weights, Arena& arena);

  /** Copies the audio between margins of zeros, and computes what the first projection reads. */
  void encode(const TrainingCall& call);
  /** Rows that the first projection reads of a time block [positions × inputs], `inputStride()` apart. */
  const float* inputs(const TimeBlock& block) const {
    return layout_.row(envelope() ? inputs_ : signals_, block.clip, block.start);
  }
  ptrdiff_t inputStride() const { return envelope() ? inputs_.stride : signals_.stride; }

  /**
   * Computes a time block's pieces of audio from its rows of the output projection. y: scratch [rows × signalColumns].
   */
  void decode(const TrainingCall& call, const TimeBlock& block, const float* output, float* y) const;
  /** Adds up the samples of a time block [count · S], once all pieces that overlap them have been computed. */
  void overlapAdd(const TimeBlock& block, float* to) const;

  /** Place of ∂loss/∂prediction of a time block [count · S], before `divide`. */
  float* sampleGradients(const TimeBlock& block) const {
    return padded(dSamples_, block.clip) + shape_.margin() + block.start * shape_.stride;
  }
  /** Turns the gradient of a time block's samples into that of its pieces, in place. */
  void divide(const TimeBlock& block) const;
  /**
   * Replaces a time block's rows of the output projection by their gradient, once `divide` was called for all time
   * blocks. If the windows are learned, it also adds to partial sums of dSynthesis [K × signalColumns].
   * y: scratch [rows × signalColumns].
   */
  void decodeBackward(const TrainingCall& call, const TimeBlock& block, float* output, float* y, float* partial) const;
  /** Adds to partial sums of dAnalysis [K × signalColumns], from the first projection's gradient [rows × columns]. */
  void encodeBackward(const TrainingCall& call, const TimeBlock& block, const float* dInput, float* partial) const;
  /** Adds partial sums of a matrix [2N × K] to its gradient. */
  void reduce(float* gradient, const float* partial) const;

  /** 2N rounded up to whole columns. */
  int64_t signalColumns() const { return columnsOf(layout_.shape.signals()); }
  /** Floats of the partial sums of one matrix. */
  int64_t partialSize() const { return shape_.learned ? shape_.kernel * signalColumns() : 0; }

 private:
  bool envelope() const { return shape_.envelope; }
  const float* deviations(const TimeBlock& block, int row) const {
    const float* all = layout_.clips[block.clip].deviations;
    return envelope() ? all + (block.start + row) * shape_.bins : nullptr;
  }
  /** A clip's samples with D zeros on either side. The clips lie one after the other. */
  float* padded(float* all, int clip) const {
    return all + layout_.firstPosition[size_t(clip)] * shape_.stride + clip * int64_t(shape_.kernel - shape_.stride);
  }
  Segment windows(float* all, const TimeBlock& block) const {
    return {padded(all, block.clip) + block.start * shape_.stride, shape_.stride, shape_.kernel};
  }
  void output(const TrainingCall& call, const TimeBlock& block, const float* output, float* y) const;

  const BatchLayout& layout_;
  const PackedWeights& weights_;
  const WindowsShape shape_;
  const OverlapAdd overlapAdd_;
  float *audio_ = nullptr, *dSamples_ = nullptr;  // padded
  Rows signals_;                                  // X [positions × 2N]
  Rows dSignals_;                                 // gradient of X through the mask, if the windows are learned
  Rows inputs_;  // behind an envelope: inputs of the first projection [positions × 3N]
  Rows pieces_;  // [positions × K]
};

}  // namespace diffwave
