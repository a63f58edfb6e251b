// A network's parameters in the order in which the forward kernels read them.
#pragma once

#include <vector>

#include "../kernels/tasks.h"
#include "../memory.h"

namespace diffwave {

struct ForwardWeights {
  /** @param parameters flat, copied. Throws std::bad_alloc. */
  ForwardWeights(const NetworkShape& shape, const float* parameters, const ForwardKernels& kernels);

  struct Layer {
    bool winograd;             // runs four positions at a time (native/winograd.h)
    Buffer gate, gateBias;  // the upsampled mel's channels, then three taps, or six points
    Buffer conditioner;     // what projects the mel at the rate of frames, in the order of the gate's panels
    Buffer output, outputBias;
  };

  /** What one diffusion step adds: a row a layer. */
  struct Step {
    /** @param sinusoids [embedding]; @param label its row of the label table */
    Step(const ForwardWeights& weights, const float* sinusoids, int label);
    std::vector<float> embedding;   // [layers + 1, padded]: after the last layer, zeros
    std::vector<float> outputBias;  // [layers, 2 · padded], packed
  };

  const float* parameter(int64_t place) const { return parameters.data() + place; }

  const NetworkShape shape;
  const ForwardKernels& kernels;
  const ParameterOffsets places;
  std::vector<float> parameters;
  int padded;       // channels in whole vectors
  int melChannels;  // what a layer's conditioner projection takes; 0 without a mel
  Buffer input, inputBias;
  std::vector<Layer> layers;
  Buffer skip, skipBias;  // 1/√layers included
  Buffer output, outputBias;
  std::vector<Buffer> encoder, encoderBias;
};

/** Memory for `size` floats. Throws std::bad_alloc. */
Buffer allocate(int64_t size);

}  // namespace diffwave
