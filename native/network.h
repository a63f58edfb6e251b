// The network's shape and where each parameter lies. All parameters travel as one flat float array in the order of
// src/model/parameters.ts (`parameterSpecs`); gradients come back in the same order.
#pragma once

#include <cstdint>

namespace diffwave {

/** A size in whole units. */
inline int64_t roundedUp(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }

enum class Conditioner { none, transposed, frameRate };

/** A network's `config.json`, as src/model/config.ts has it. */
struct NetworkShape {
  static constexpr int maxStrides = 6, maxEncoder = 8, maxLayers = 256;

  int channels = 0;
  int layers = 0;
  int dilationCycle = 1;
  int patch = 1;
  bool inputMask = false;  // what the network gives is gain · f + sigmoid(l) ⊙ audio, f and l being its outputs
  /** Numbers in the sinusoidal embedding (given by the caller), and outputs of the two linear layers after it. */
  int embedding = 0;
  int hidden = 0;
  bool tanhFirst = false;          // gate: the first half of the dilated convolution is the tanh
  bool residualAfterStep = false;  // the residual sum takes x with the step embedding added
  Conditioner conditioner = Conditioner::none;
  int bands = 0;
  int hop = 0;  // samples a mel frame
  bool upsamplerPerLayer = false;
  int strides = 0;
  int stride[maxStrides] = {};
  int encoders = 0;
  int encoderChannels[maxEncoder] = {};
  int labels = 0;  // classes; 0: the network takes no label. Row `labels` of the table stands for “no label”.

  int dilation(int layer) const { return 1 << (layer % dilationCycle); }
  /** Numbers the output projection gives a position: f, and with a mask l after it. */
  int outputs() const { return inputMask ? 2 * patch : patch; }
  /** Channels that a layer's conditioner projection takes. */
  int conditionerChannels() const { return encoders > 0 ? encoderChannels[encoders - 1] : bands; }
};

/** Length and padding of an upsampler's kernel along time. */
inline int upsamplerKernel(int stride) { return stride % 2 == 0 ? 2 * stride : 2 * stride + 1; }
inline int upsamplerPadding(int stride) { return stride % 2 == 0 ? stride / 2 : (stride + 1) / 2; }

/** Where a weight and its bias start in the flat parameters. */
struct Place {
  int64_t weight = 0, bias = 0;
};

struct LayerPlaces {
  Place dilated;      // [2C, C, 3]
  Place step;         // [C, hidden]
  Place upsampler[NetworkShape::maxStrides];  // [1, 1, 3, kernel]
  Place conditioner;  // [2C, conditionerChannels]
  Place output;       // [2C, C]: first half residual, second half skip
};

/** Offsets of every parameter. */
struct ParameterPlaces {
  Place input;  // [C, patch]
  Place embedding1, embedding2;
  int64_t labels = 0;  // [labels + 1, hidden]
  Place upsampler[NetworkShape::maxStrides];
  Place encoder[NetworkShape::maxEncoder];  // [out, in, 3]
  LayerPlaces layer[NetworkShape::maxLayers];
  Place skip;    // [C, C]
  Place output;  // [outputs, C]
  int64_t count = 0;

  explicit ParameterPlaces(const NetworkShape& shape);
};

inline ParameterPlaces::ParameterPlaces(const NetworkShape& s) {
  auto place = [this](int64_t weights, int64_t biases) {
    const Place result{count, count + weights};
    count += weights + biases;
    return result;
  };
  const int64_t C = s.channels, hidden = s.hidden;
  input = place(C * s.patch, C);
  embedding1 = place(hidden * s.embedding, hidden);
  embedding2 = place(hidden * hidden, hidden);
  if (s.labels > 0) labels = place((s.labels + 1) * hidden, 0).weight;
  auto upsamplers = [&](Place* places) {
    for (int i = 0; i < s.strides; i++) places[i] = place(3 * upsamplerKernel(s.stride[i]), 1);
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
  output = place(s.outputs() * C, s.outputs());
}

}  // namespace diffwave
