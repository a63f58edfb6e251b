// The windowed front end of a batch (native/windows.h), forward and backward. Windows overlap: row p of their matrix is
// the clip's audio from sample p·S − D on, so that rows of K numbers lie S apart, and no window is ever copied.
#pragma once

#include "../windows.h"
#include "packed-weights.h"

namespace diffwave {

class BatchWindows {
 public:
  /** Takes no memory if the network has patches. */
  BatchWindows(const BatchLayout& layout, const PackedWeights& weights, Arena& arena);

  /** Copies the audio between margins of zeros, and computes what the first projection reads. */
  void encode(const TrainingCall& call);
  /** Rows [positions × inputs] of a time block, `inputStride()` apart: what the first projection reads. */
  const float* inputs(const TimeBlock& block) const {
    return layout_.row(envelope() ? inputs_ : signals_, block.clip, block.start);
  }
  ptrdiff_t inputStride() const { return envelope() ? inputs_.stride : signals_.stride; }

  /** From a time block's outputs to its pieces of audio. y: scratch [rows × signalColumns]. */
  void decode(const TrainingCall& call, const TimeBlock& block, const float* output, float* y) const;
  /** Samples of a time block, once there are all pieces around it: to [count · S]. */
  void overlapAdd(const TimeBlock& block, float* to) const;

  /** Where ∂loss/∂prediction of a time block goes, [count · S], before `divide`. */
  float* sampleGradients(const TimeBlock& block) const {
    return padded(dSamples_, block.clip) + shape_.margin() + block.start * shape_.stride;
  }
  /** The gradient of a time block's pieces, from that of its samples, in place. */
  void divide(const TimeBlock& block) const;
  /**
   * From the gradient of the samples to that of a time block's outputs, in their place, once `divide` was called for
   * all; and to partial sums of dSynthesis [K × signalColumns], if learned. y: as above.
   */
  void decodeBackward(const TrainingCall& call, const TimeBlock& block, float* output, float* y, float* partial) const;
  /** From the gradient [rows × columns] of the first projection to partial sums of dAnalysis [K × signalColumns]. */
  void encodeBackward(const TrainingCall& call, const TimeBlock& block, const float* dInput, float* partial) const;
  /** Adds partial sums of a matrix [2N × K] to its gradient. */
  void reduce(float* gradient, const float* partial) const;

  /** 2N in whole columns, and floats that partial sums of one matrix take. */
  int64_t signalColumns() const { return columnsOf(layout_.shape.signals()); }
  int64_t partialSize() const { return shape_.learned ? shape_.kernel * signalColumns() : 0; }

 private:
  bool envelope() const { return shape_.envelope; }
  const float* deviations(const TimeBlock& block, int row) const {
    const float* all = layout_.clips[block.clip].deviations;
    return envelope() ? all + (block.start + row) * shape_.bins : nullptr;
  }
  /** A clip's samples with D zeros on either side, of all clips one after the other. */
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
  Rows dSignals_;                                 // its gradient by way of the mask, if learned
  Rows inputs_;                                   // [positions × 3N], behind an envelope
  Rows pieces_;                                   // [positions × K]
};

}  // namespace diffwave
