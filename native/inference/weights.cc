#include "weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "../windows.h"
#include "../winograd.h"

namespace diffwave {

Buffer allocate(int64_t size) {
  Buffer buffer(size);
  if (!buffer.ok()) throw std::bad_alloc();
  return buffer;
}

ForwardWeights::ForwardWeights(const NetworkShape& s, const float* from, const ForwardKernels& k, Pool& pool,
                               bool winograd)
    : shape(s), kernels(k), offsets(s), parameters(allocate(offsets.count)), padded(k.paddedChannels(s.channels)) {
  const int C = s.channels;
  melChannels = s.conditioner == Conditioner::none ? 0 : s.conditionerChannels();

  // Packs a plain matrix [columns × steps] and its bias.
  auto matrix = [&](Buffer& packed, Buffer& bias, ParameterOffset place, int columns, int steps, int taps) {
    packed = allocate(k.packedSize(columns, false, int64_t(steps) * taps));
    for (int t = 0; t < taps; t++) {
      k.pack(packed.data(), from + place.weight + t, columns, int64_t(steps) * taps, steps, taps, int64_t(steps) * taps,
             int64_t(t) * steps, false, false);
    }
    bias = allocate(k.packedSize(columns, false, 1));
    k.packBias(bias.data(), from + place.bias, columns, false, false);
  };

  layers.resize(size_t(s.layers));
  for (int i = 0; i < s.layers; i++) {
    Layer& layer = layers[size_t(i)];
    layer.winograd = winograd && s.dilation(i) <= k.maxWinogradDilation;
    allocateLayer(layer);
  }
  pool.forEach(s.layers, [&](int i, int) { packLayer(i, from); });
  keep(from, offsets.embedding1.weight, offsets.layer[0].dilated.weight);
  if (s.windowed()) packWindows(from);
  matrix(input, inputBias, offsets.input, C, s.inputs(), 1);
  matrix(skip, skipBias, offsets.skip, C, C, 1);
  const float scale = 1.0f / std::sqrt(float(s.layers));
  for (int64_t i = 0; i < skip.size(); i++) skip.data()[i] *= scale;
  matrix(output, outputBias, offsets.output, s.outputs(), C, 1);
  encoder.resize(size_t(s.encoders));
  encoderBias.resize(size_t(s.encoders));
  int channels = s.bands;
  for (int i = 0; i < s.encoders; i++) {
    matrix(encoder[size_t(i)], encoderBias[size_t(i)], offsets.encoder[i], s.encoderChannels[i], channels, 3);
    channels = s.encoderChannels[i];
  }
}

/** Rows of a layer's gate panels: the upsampled mel's channels, then three taps, or six transformed weights. */
static int64_t panelRows(const ForwardWeights& w, const ForwardWeights::Layer& layer) {
  const int64_t mel = w.shape.conditioner == Conditioner::transposed ? roundedUp(w.melChannels, w.kernels.depth) : 0;
  return mel + (layer.winograd ? winogradInputs : 3) * roundedUp(w.shape.channels, w.kernels.depth);
}

/** Allocates a layer's panels and biases. */
void ForwardWeights::allocateLayer(Layer& layer) {
  const int C = shape.channels;
  layer.gate = allocate(kernels.layerPackedSize(2 * C, panelRows(*this, layer)));
  if (shape.conditioner == Conditioner::frameRate) {
    layer.conditioner = allocate(kernels.packedSize(2 * C, true, melChannels));
  }
  layer.gateBias = allocate(2 * padded);
  layer.output = allocate(kernels.layerPackedSize(2 * C, roundedUp(C, kernels.depth)));
}

/** Packs a layer, and copies those of its parameters that each diffusion step needs. */
void ForwardWeights::packLayer(int index, const float* from) {
  const int C = shape.channels;
  const ForwardKernels& k = kernels;
  const bool tanhFirst = shape.tanhFirst;
  const Layer& layer = layers[size_t(index)];
  const LayerOffsets& place = offsets.layer[index];
  const bool projected = shape.conditioner == Conditioner::transposed;
  const int64_t own = roundedUp(C, k.depth), rows = panelRows(*this, layer);
  const int64_t melRows = projected ? roundedUp(melChannels, k.depth) : 0;
  if (projected) {
    k.packLayer(layer.gate.data(), from + place.conditioner.weight, 2 * C, melChannels, melChannels, 1, rows, 0, true,
                tanhFirst);
  }
  if (shape.conditioner == Conditioner::frameRate) {
    k.pack(layer.conditioner.data(), from + place.conditioner.weight, 2 * C, melChannels, melChannels, 1, melChannels,
           0, true, tanhFirst);
  }
  std::vector<float> transformed(layer.winograd ? size_t(2) * C * C : 0);
  for (int p = 0; layer.winograd && p < winogradInputs; p++) {
    const float* taps = from + place.dilated.weight;
    for (size_t n = 0; n < transformed.size(); n++, taps += 3) {
      double sum = 0;
      for (int t = 0; t < 3; t++) sum += double(kernelTransform[p][t]) * taps[t];
      transformed[n] = float(sum);
    }
    k.packLayer(layer.gate.data(), transformed.data(), 2 * C, C, C, 1, rows, melRows + p * own, true, tanhFirst);
  }
  for (int t = 0; !layer.winograd && t < 3; t++) {
    k.packLayer(layer.gate.data(), from + place.dilated.weight + t, 2 * C, 3 * int64_t(C), C, 3, rows,
                melRows + t * own, true, tanhFirst);
  }
  std::vector<float> bias(size_t(2) * C);
  for (int n = 0; n < 2 * C; n++) {
    bias[size_t(n)] = from[place.dilated.bias + n] + (melChannels > 0 ? from[place.conditioner.bias + n] : 0.0f);
  }
  k.packBias(layer.gateBias.data(), bias.data(), 2 * C, true, tanhFirst);
  k.packLayer(layer.output.data(), from + place.output.weight, 2 * C, C, C, 1, own, 0, true, false);
  keep(from, place.step.weight, melChannels > 0 ? place.conditioner.weight : place.output.weight);
  keep(from, place.output.bias, place.output.bias + 2 * C);
}

/** Copies the flat parameters [begin, end). */
void ForwardWeights::keep(const float* from, int64_t begin, int64_t end) {
  std::copy(from + begin, from + end, parameters.data() + begin);
}

/** Packs the windows' matrices, learned or those of the Fourier transform (native/windows.h). */
void ForwardWeights::packWindows(const float* from) {
  const int signals = shape.signals(), K = shape.windows.kernel;
  const auto packed = [&](const float* in, const float* out) {
    analysis = allocate(kernels.packedSize(signals, false, K));
    kernels.pack(analysis.data(), in, signals, K, K, 1, K, 0, false, false);
    synthesis = allocate(kernels.packedSize(K, false, signals));
    kernels.pack(synthesis.data(), out, K, 1, signals, K, signals, 0, false, false);
  };
  if (shape.windows.learned) {
    packed(from + offsets.analysis, from + offsets.synthesis);
  } else {
    const FourierWindows<float> fourier(shape.windows);
    packed(fourier.analysis.data(), fourier.synthesis.data());
  }
  noBias = allocate(paddedSignals() + kernels.paddedChannels(K));
  memset(noBias.data(), 0, size_t(noBias.size()) * sizeof(float));
}

ForwardWeights::Step::Step(const ForwardWeights& w, const float* sinusoids, int label)
    : embedding(size_t(w.shape.layers + 1) * size_t(w.padded)),
      outputBias(size_t(w.shape.layers) * 2 * size_t(w.padded)) {
  const NetworkShape& s = w.shape;
  std::vector<float> first(size_t(s.hidden)), second(size_t(s.hidden));
  w.kernels.linear(first.data(), w.parameter(w.offsets.embedding1.weight), w.parameter(w.offsets.embedding1.bias),
                   sinusoids, s.hidden, s.embedding, true);
  w.kernels.linear(second.data(), w.parameter(w.offsets.embedding2.weight), w.parameter(w.offsets.embedding2.bias),
                   first.data(), s.hidden, s.hidden, true);
  if (s.labels > 0) {
    const float* row = w.parameter(w.offsets.labels + int64_t(label) * s.hidden);
    for (int i = 0; i < s.hidden; i++) second[size_t(i)] += row[i];
  }
  std::vector<float> bias(size_t(2) * s.channels);
  for (int i = 0; i < s.layers; i++) {
    float* step = embedding.data() + int64_t(i) * w.padded;
    const LayerOffsets& place = w.offsets.layer[i];
    w.kernels.linear(step, w.parameter(place.step.weight), w.parameter(place.step.bias), second.data(), s.channels,
                     s.hidden, false);
    const float* plain = w.parameter(place.output.bias);
    for (int n = 0; n < 2 * s.channels; n++) {
      bias[size_t(n)] = plain[n] - (n < s.channels && !s.residualAfterStep ? step[n] : 0.0f);
    }
    w.kernels.packBias(outputBias.data() + int64_t(i) * 2 * w.padded, bias.data(), 2 * s.channels, true, false);
  }
}

}  // namespace diffwave
