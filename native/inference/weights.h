// A network's parameters, packed in the order in which the forward kernels read them.
#pragma once

#include <vector>

#include "../kernels/tasks.h"
#include "../memory.h"
#include "../pool.h"
#include "schedule.h"

namespace diffwave {

struct ForwardWeights {
  /** @param parameters flat: what is read later is copied. The pool packs a layer per task. Throws std::bad_alloc. */
  ForwardWeights(const NetworkShape& shape, const float* parameters, const ForwardKernels& kernels, Pool& pool);

  struct Layer {
    bool winograd;          // runs in the Winograd domain (native/winograd.h)
    Buffer gate, gateBias;  // the upsampled mel's channels, then three taps, or six transformed weights
    Buffer conditioner;     // projects the mel at the frame rate, in the order of the gate's panels
    Buffer output, outputBias;
  };

  /** What one diffusion step adds, one row per layer. */
  struct Step {
    /** @param sinusoids [embedding]; @param label its row of the label table */
    Step(const ForwardWeights& weights, const float* sinusoids, int label);
    std::vector<float> embedding;   // [(layers + 1) × padded]: zeros after the last layer
    std::vector<float> outputBias;  // [layers × 2 · padded], packed
  };

  /** A parameter that is not packed: of the step embedding, the labels, an upsampler, or a bias. */
  const float* parameter(int64_t place) const { return parameters.data() + place; }
  /** Floats of a row of coefficients, whole vectors. */
  int paddedSignals() const { return kernels.paddedChannels(shape.signals()); }

  const NetworkShape shape;
  const ForwardKernels& kernels;
  const ParameterOffsets offsets;
  /** The flat parameters, without what is packed: of that memory, nothing was touched. */
  Buffer parameters;
  int padded;       // channels rounded up to whole vectors
  int melChannels;  // inputs of a layer's conditioner projection; 0 without a mel
  /** Behind windows: to their coefficients, and back to pieces of audio. The bias is zero, for both. */
  Buffer analysis, synthesis, noBias;
  Buffer input, inputBias;
  std::vector<Layer> layers;
  Buffer skip, skipBias;  // 1/√layers included
  Buffer output, outputBias;
  std::vector<Buffer> encoder, encoderBias;
  /** What streams of these weights have measured. */
  mutable ScheduleTimes scheduleTimes;

 private:
  void allocateLayer(Layer& layer, int index);
  void packLayer(int index, const float* parameters);
  void keep(const float* parameters, int64_t begin, int64_t end);
  void packWindows(const float* parameters);
};

/** Memory for `size` floats. Throws std::bad_alloc. */
Buffer allocate(int64_t size);

}  // namespace diffwave
