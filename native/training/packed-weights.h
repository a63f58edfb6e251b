// The weights of a pass, packed for the matrix products of the forward and the backward pass.
#pragma once

#include <vector>

#include "batch-layout.h"

namespace diffwave {

class PackedWeights {
 public:
  struct Layer {
    float* dilated;                     // G · W_dilated: six sets of panels, one per element of the transform domain
    float* dy;                          // G · W_dilated with reversed taps, transposed: six sets of panels
    float *output, *dGated;             // W_output, and its transpose
    float *bias, *outputBias;           // of the gate's sums, and of the output projection
    float *conditioner, *dConditioner;  // W_mel, and its transpose
  };
  struct Encoder {
    float *weight, *bias, *dInput;
  };

  PackedWeights(const BatchLayout& layout, const TrainingKernels& kernels, Arena& arena);

  /** Packs the call's parameters. */
  void pack(const TrainingCall& call);

  /** Floats of packed panels. `steps` are those of `segments` segments of equal length. */
  int64_t packedSize(Direction direction, int64_t steps, int64_t columns, int segments = 1) const {
    const int64_t numbers = roundedUp(columns, kernels_.width) * roundedUp(steps / segments, kernels_.depth) * segments;
    return direction == Direction::forward ? numbers * kernels_.forwardBytes / 4 : numbers;
  }

  std::vector<Layer> layers;
  std::vector<Encoder> encoders;
  float *analysis, *synthesis, *dSignals, *dInputs;  // windowed front end; dInputs only if its windows are learned
  float *inputWeight, *inputBias, *skipWeight, *skipBias, *outputWeight, *outputBias, *dHidden, *dSkip;

 private:
  void packLayer(const TrainingCall& call, int layer);
  void packEncoder(const TrainingCall& call, int stage);
  void packEnds(const TrainingCall& call);
  void packWindows(const TrainingCall& call);
  /** Packs element(k, n) for k < steps and n < columns into panels. */
  template <class Element>
  void pack(Direction direction, float* to, int64_t steps, int64_t columns, const Element& element,
            int segments = 1) const;
  /**
   * Packs G · taps(k, n), a set of panels per element of the transform domain. taps returns three taps, or null for 0.
   */
  template <class Taps>
  void packTransformed(Direction direction, float* to, int64_t steps, int64_t columns, bool reversed,
                       const Taps& taps) const;

  const BatchLayout& layout_;
  const TrainingKernels& kernels_;
};

}  // namespace diffwave
