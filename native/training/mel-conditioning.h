// The mel of a batch, forward and backward: upsampled to the positions, or encoded and projected at the frame rate.
#pragma once

#include "packed-weights.h"

namespace diffwave {

class MelConditioning {
 public:
  MelConditioning(const BatchLayout& layout, const PackedWeights& weights, Arena& arena);

  /** Encodes and projects all frames, or upsamples them if all layers share the upsampler. */
  void forward(const TrainingCall& call);
  /** From the gradients of the projections, or of the upsampled mel, to those of the parameters. */
  void backward(const TrainingCall& call);

  /** Upsamples all clips to `melRows`, and takes the gradient `dMelRows` back to the upsampler's kernels. */
  void upsampleForward(const TrainingCall& call, const ParameterOffset* offsets);
  void upsampleBackward(const TrainingCall& call, const ParameterOffset* offsets);

  /** A layer's projections at the frame rate [frame rows × 2·columns]. */
  const float* projected(int layer) const { return projected_ + layer * layout_.frameRows() * 2 * layout_.columns; }
  /**
   * The adjoint of the interpolation for frames firstFrame … lastFrame − 1, counted over all clips: sums `dSums` over
   * the positions around each frame. Frame f takes part in the intervals f − 1 (rising) and f (falling).
   */
  void foldGradient(const TrainingCall& call, int layer, const Rows& dSums, int firstFrame, int lastFrame) const;

  /** Upsampled mel at the positions, [positions × bands in whole columns], and its gradient. */
  Rows melRows, dMelRows;

 private:
  void clearGuards(float* frames, int64_t stride) const;
  void loadMels() const;
  void encode(const TrainingCall& call, size_t stage) const;
  void encodeBackward(const TrainingCall& call, size_t stage) const;
  void projectBackward(const TrainingCall& call) const;

  const BatchLayout& layout_;
  const PackedWeights& weights_;
  std::vector<float*> frames_, dFrames_;  // mel, then each encoder stage's result [frame rows × columnsOf(channels)]
  std::vector<int64_t> channels_;         // of each of them
  std::vector<float*> dEncoderWeight_;    // [3 × in × columnsOf(out)]
  float *projected_ = nullptr, *dProjected_ = nullptr;  // [layers × frame rows × 2·columns]
  float* dProjectionWeight_ = nullptr;                  // [layers × channels × 2·columns]
};

}  // namespace diffwave
