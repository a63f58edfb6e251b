// The mel of a batch, forward and backward. It is upsampled to the positions, or encoded and projected at the frame
// rate.
#pragma once

#include "packed-weights.h"

namespace diffwave {

class MelConditioning {
 public:
  MelConditioning(const BatchLayout& layout, const PackedWeights& weights, Arena& arena);

  /** Encodes and projects all frames, or upsamples them if all layers share the upsampler. */
  void forward(const TrainingCall& call);
  /** Computes the gradients of the parameters from those of the projections, or of the upsampled mel. */
  void backward(const TrainingCall& call);

  /** Upsample all clips to `melRows`, and take the gradient `dMelRows` back to the upsampler's kernels. */
  void upsampleForward(const TrainingCall& call, const ParameterOffset* offsets);
  void upsampleBackward(const TrainingCall& call, const ParameterOffset* offsets);

  /** A layer's projections at the frame rate [frame rows × 2·columns]. */
  const float* projected(int layer) const { return projected_ + layer * layout_.frameRows() * 2 * layout_.columns; }
  /**
   * The adjoint of the interpolation, for frames firstFrame … lastFrame − 1 counted over all clips: sums `dSums` over
   * the positions around each frame. Frame f has a rising weight in the interval after frame f − 1, and a falling
   * weight in the interval after itself.
   */
  void foldGradient(const TrainingCall& call, int layer, const Rows& dSums, int firstFrame, int lastFrame) const;

  /** The upsampled mel at the positions and its gradient, [positions × bands in whole columns]. */
  Rows melRows, dMelRows;

 private:
  void clearGuards(float* frames, int64_t stride) const;
  void loadMels() const;
  void encode(const TrainingCall& call, size_t stage) const;
  void encodeBackward(const TrainingCall& call, size_t stage) const;
  void encoderWeightBackward(const TrainingCall& call, size_t stage, int tap) const;
  void encoderInputBackward(const TrainingCall& call, size_t stage, int task) const;
  void projectBackward(const TrainingCall& call) const;
  void projectionWeightBackward(const TrainingCall& call, int layer) const;
  void projectionInputBackward(const TrainingCall& call, int task) const;

  /** Frame rows [first, last) of one task. */
  struct FrameRange {
    int64_t first, last;
    int count() const { return int(last - first); }
  };
  /** Number of tasks that share all frame rows but the first and the last, which are zeros. */
  int frameTasks() const;
  FrameRange rangeOf(int task) const;

  const BatchLayout& layout_;
  const PackedWeights& weights_;
  std::vector<float*> frames_, dFrames_;  // mel, then result of each encoder stage [frame rows × columnsOf(channels)]
  std::vector<int64_t> channels_;         // number of channels of each of them
  std::vector<float*> dEncoderWeight_;    // per stage [3 × in × columnsOf(out)]
  float *projected_ = nullptr, *dProjected_ = nullptr;  // [layers × frame rows × 2·columns]
  float* dProjectionWeight_ = nullptr;                  // [layers × channels × 2·columns]
};

}  // namespace diffwave
