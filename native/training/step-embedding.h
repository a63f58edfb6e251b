// The step embedding: sinusoids → linear → SiLU → linear → SiLU (+ label) → one projection per layer. It is computed
// once per clip.
#pragma once

#include "batch-layout.h"

namespace diffwave {

class StepEmbedding {
 public:
  StepEmbedding(const BatchLayout& layout, Arena& arena);

  void forward(const TrainingCall& call);
  /** Computes the gradients of the parameters from those of all layers' rows. */
  void backward(const TrainingCall& call);

  /** What a layer adds to its input, and the gradient of that: one row of `columns` per clip. */
  const float* rows(int layer) const { return steps_ + int64_t(layer) * layout_.count * layout_.columns; }
  float* gradients(int layer) const { return dSteps_ + int64_t(layer) * layout_.count * layout_.columns; }

 private:
  void linearsBackward(const TrainingCall& call, const std::vector<float>& dSilu1,
                       const std::vector<float>& dEmbedded2) const;

  const BatchLayout& layout_;
  float *steps_, *dSteps_;                                        // [layers × clips × columns]
  std::vector<float> embedded1_, embedded2_, silu1_, embedding_;  // [clips × hidden]
};

}  // namespace diffwave
