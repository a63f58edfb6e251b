// One part of a batch on its way through training: its working memory, and the order of the steps.
#pragma once

#include "residual-stack.h"

namespace diffwave {

class TrainingPass {
 public:
  /** Lays the memory out in `block`. With a null block it only computes `bytes`. */
  TrainingPass(const NetworkShape& shape, int threads, const TrainingKernels& kernels, const TrainingBatch::Clip* clips,
               int count, Checkpointing checkpointing, float* block);

  uint64_t bytes() const { return bytes_; }

  /** Adds to the call's gradients. clipLosses [count] receives each clip's own mean. Returns false if cancelled. */
  bool run(const TrainingCall& call, double* lossSum, float* clipLosses);

  /** The two halves of `run` for losses that the caller computes: the predictions, and the way back from `target`. */
  bool runForward(const TrainingCall& call);
  bool runBackward(const TrainingCall& call);

 private:
  bool forward(const TrainingCall& call);
  bool backward(const TrainingCall& call);

  const BatchLayout layout_;
  Arena arena_;
  PackedWeights weights_;
  BatchWindows windows_;
  MelConditioning mel_;
  StepEmbedding steps_;
  ResidualStack stack_;
  const uint64_t bytes_;
};

}  // namespace diffwave
