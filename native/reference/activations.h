// What the parts of the reference share: the network, and a clip's activations and their gradients. P: positions,
// F: frames, C: channels, N: bins, K: samples of a window.
#pragma once

#include <vector>

#include "../windows.h"
#include "reference.h"

namespace diffwave {
namespace plain {

template <class Scalar>
struct Network {
  Network(const NetworkShape& shape, const Scalar* parameters)
      : shape(shape), offsets(shape), parameters(parameters), fourier(shape.windows) {}

  int64_t positions(const ReferenceClip<Scalar>& clip) const { return int64_t(clip.audio.size()) / shape.patch; }
  /** The windows' two matrices [2N × K], learned or those of the Fourier transform. */
  const Scalar* analysis() const {
    return shape.windows.learned ? parameters + offsets.analysis : fourier.analysis.data();
  }
  const Scalar* synthesis() const {
    return shape.windows.learned ? parameters + offsets.synthesis : fourier.synthesis.data();
  }

  const NetworkShape& shape;
  const ParameterOffsets offsets;
  const Scalar* const parameters;

 private:
  const FourierWindows<Scalar> fourier;
};

/** Activations of one clip that the backward pass needs. */
template <class Scalar>
struct Activations {
  using Array = std::vector<Scalar>;
  struct Layer {
    Array x, y;                    // [C × P] without and with the step embedding
    std::vector<Array> upsampled;  // the layer's own upsampler: per stride [bands × frames of that stage]
    Array mel;                     // [bands × P] the upsampled mel at the positions
    Array sigmoidHalf, tanhHalf;   // [C × P] activated halves of the gate
    Array gated;                   // [C × P] their product
  };

  Array embedded1, embedded2;  // [hidden] before SiLU
  Array silu1, embedding;      // [hidden] after SiLU; the embedding includes the label
  Array signals;  // [signals × P]: sample p·patch + j is channel j of position p. Behind windows: coefficients
  Array inputs;   // [inputs × P]: the signals; behind an envelope divided by it, and with its logarithms
  Array input;    // [C × P] after ReLU
  std::vector<Array> upsampled;  // shared upsampler: per stride [bands × frames of that stage]
  std::vector<Array> encoded;    // per convolution of the encoder [channels × F], after leaky ReLU
  std::vector<Layer> layers;
  Array skip;        // [C × P] Σ skips / √layers
  Array hidden;      // [C × P] after skip projection and ReLU
  Array mask;        // [masks × P], if the network masks its input
  Array masked;      // [signals × P] the output, in samples or coefficients
  Array prediction;  // [samples]

  /** The mel at the frame rate as the layers project it: the result of the encoder, if there is one. */
  const Array& frames(const ReferenceClip<Scalar>& clip) const { return encoded.empty() ? clip.mel : encoded.back(); }
};

/** Gradients of a clip's activations, which the parts of the backward pass hand on to each other. */
template <class Scalar>
struct Gradients {
  using Array = std::vector<Scalar>;
  Array skip;       // [C × P]
  Array signals;    // [signals × P] gradient of learned windows' coefficients, through the mask
  Array x;          // [C × P] gradient of the present layer's result; nothing reads the last layer's result
  Array embedding;  // [hidden]
  Array mel;        // [bands × P] gradient of the shared upsampled mel
  Array frames;     // [channels × F] gradient of what the layers project at the frame rate
};

}  // namespace plain
}  // namespace diffwave
