// The network's shape, and the place of each parameter. All parameters travel as one flat array of floats, in the order
// of src/model/parameters.ts (`parameterSpecs`). Gradients have the same order.
#pragma once

#include <cstdint>

#include "rounding.h"

namespace diffwave {

/** Slope of the leaky ReLU below 0: LEAKY_SLOPE of src/model/network.ts. */
constexpr double leakySlope = 0.4;
/** √½, the factor of a residual sum that keeps its variance. */
constexpr float sqrtHalf = 0.70710678118654752f;

/** How the mel reaches the layers: not at all, upsampled by transposed convolutions, or interpolated between frames. */
enum class Conditioner { none, transposed, frameRate };

/** Whether the transforms of kernels/frame-transform.h take so many samples. Sizes below 16 are not tested. */
constexpr bool isTransformSize(int size) { return size >= 16 && (size & (size - 1)) == 0; }

/** Overlapping windows of audio, as coefficients of a short Fourier transform (native/windows.h). */
struct WindowsShape {
  int kernel = 0;         // K, samples of a window; 0 for patches instead of windows
  int stride = 0;         // S, samples from one window to the next
  int bins = 0;           // N, number of bins from 0 Hz up
  bool learned = false;   // whether the two transforms are parameters
  bool envelope = false;  // whether the deviation of each bin at each position is known; it scales input and output

  /** Number of samples of a window before the first, and after the last, of its position. */
  int margin() const { return (kernel - stride) / 2; }
  /** Number of positions to either side whose windows overlap the samples of a position. */
  int reach() const { return kernel == 0 ? 0 : (margin() + stride - 1) / stride; }
};

/** A network's `config.json`, as src/model/network.ts describes it. */
struct NetworkShape {
  static constexpr int maxStrides = 6, maxEncoder = 8, maxLayers = 256;

  int channels = 0;
  int layers = 0;
  int dilationCycle = 1;
  int patch = 1;         // samples per position; with a windowed front end, its stride
  WindowsShape windows;  // instead of patches
  bool inputMask = false;  // whether the output is gain · f + sigmoid(l) ⊙ audio, with f and l from the last projection
  int embedding = 0;       // size of the sinusoidal step embedding, which the caller computes
  int hidden = 0;          // number of outputs of the two linear layers after it
  bool tanhFirst = false;          // whether the first half of the gate's channels goes through the tanh
  bool residualAfterStep = false;  // whether the residual sum takes x with the step embedding added
  Conditioner conditioner = Conditioner::none;
  int bands = 0;
  int hop = 0;  // samples per mel frame
  bool upsamplerPerLayer = false;
  int strides = 0;
  int stride[maxStrides] = {};
  int encoders = 0;
  int encoderChannels[maxEncoder] = {};
  int labels = 0;  // number of classes; 0 for a network without labels. Row `labels` of the table means "no label".

  int dilation(int layer) const { return 1 << (layer % dilationCycle); }
  bool windowed() const { return windows.kernel > 0; }
  /** Numbers of a position's audio at input and output: samples, or cosine and sine of each bin. */
  int signals() const { return windowed() ? 2 * windows.bins : patch; }
  /** Inputs of the first projection per position: the audio, and with an envelope one more per bin. */
  int inputs() const { return signals() + (windows.envelope ? windows.bins : 0); }
  /** Numbers of an input mask per position. The cosine and the sine of a bin share one. */
  int masks() const { return windowed() ? windows.bins : patch; }
  /** Outputs of the last projection per position: f, and with an input mask l after it. */
  int outputs() const { return signals() + (inputMask ? masks() : 0); }
  /** Number of channels that a layer's projection of the mel takes. */
  int conditionerChannels() const { return encoders > 0 ? encoderChannels[encoders - 1] : bands; }
};

/** Length and padding of an upsampler's kernel along time. */
inline int upsamplerKernel(int stride) { return stride % 2 == 0 ? 2 * stride : 2 * stride + 1; }
inline int upsamplerPadding(int stride) { return stride % 2 == 0 ? stride / 2 : (stride + 1) / 2; }

/** Where a weight and its bias start among the flat parameters. */
struct ParameterOffset {
  int64_t weight = 0, bias = 0;
};

/** Offsets and shapes of a layer's parameters. C: channels. */
struct LayerOffsets {
  ParameterOffset dilated;                              // [2C, C, 3]
  ParameterOffset step;                                 // [C, hidden]
  ParameterOffset upsampler[NetworkShape::maxStrides];  // [1, 1, 3, kernel]
  ParameterOffset conditioner;                          // [2C, conditionerChannels]
  ParameterOffset output;                               // [2C, C]: first half residual, second half skip
};

/** Offsets and shapes of all parameters. N: bins, K: samples of a window. */
struct ParameterOffsets {
  int64_t analysis = 0, synthesis = 0;  // [2N, K], if the windows are learned
  ParameterOffset input;                // [C, inputs]
  ParameterOffset embedding1, embedding2;
  int64_t labels = 0;  // [labels + 1, hidden]
  ParameterOffset upsampler[NetworkShape::maxStrides];
  ParameterOffset encoder[NetworkShape::maxEncoder];  // [out, in, 3]
  LayerOffsets layer[NetworkShape::maxLayers];
  ParameterOffset skip;    // [C, C]
  ParameterOffset output;  // [outputs, C]
  int64_t count = 0;

  explicit ParameterOffsets(const NetworkShape& shape);
};

inline ParameterOffsets::ParameterOffsets(const NetworkShape& s) {
  auto place = [this](int64_t weights, int64_t biases) {
    const ParameterOffset result{count, count + weights};
    count += weights + biases;
    return result;
  };
  const int64_t C = s.channels, hidden = s.hidden;
  if (s.windows.learned) {
    analysis = place(int64_t(s.signals()) * s.windows.kernel, 0).weight;
    synthesis = place(int64_t(s.signals()) * s.windows.kernel, 0).weight;
  }
  input = place(C * s.inputs(), C);
  embedding1 = place(hidden * s.embedding, hidden);
  embedding2 = place(hidden * hidden, hidden);
  if (s.labels > 0) labels = place((int64_t(s.labels) + 1) * hidden, 0).weight;
  auto upsamplers = [&](ParameterOffset* offsets) {
    for (int i = 0; i < s.strides; i++) offsets[i] = place(3 * upsamplerKernel(s.stride[i]), 1);
  };
  if (s.conditioner == Conditioner::transposed && !s.upsamplerPerLayer) upsamplers(upsampler);
  int64_t channels = s.bands;
  for (int i = 0; i < s.encoders; i++) {
    encoder[i] = place(s.encoderChannels[i] * channels * 3, s.encoderChannels[i]);
    channels = s.encoderChannels[i];
  }
  for (int i = 0; i < s.layers; i++) {
    layer[i].dilated = place(2 * C * C * 3, 2 * C);
    layer[i].step = place(C * hidden, C);
    if (s.conditioner != Conditioner::none) {
      if (s.conditioner == Conditioner::transposed && s.upsamplerPerLayer) upsamplers(layer[i].upsampler);
      layer[i].conditioner = place(2 * C * channels, 2 * C);
    }
    layer[i].output = place(2 * C * C, 2 * C);
  }
  skip = place(C * C, C);
  output = place(int64_t(s.outputs()) * C, s.outputs());
}

}  // namespace diffwave
