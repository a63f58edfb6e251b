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
    : shape(s),
      kernels(k),
      offsets(s),
      parameters(allocate(offsets.count)),
      padded(k.paddedChannels(s.channels)),
      melChannels(s.conditioner == Conditioner::none ? 0 : s.conditionerChannels()) {
  layers.resize(size_t(s.layers));
  for (int i = 0; i < s.layers; i++) {
    Layer& layer = layers[size_t(i)];
    layer.winograd = winograd && s.dilation(i) <= k.maxWinogradDilation;
    allocateLayer(layer);
  }
  pool.forEach(s.layers, [&](int i, int) { packLayer(i, from); });
  keep(from, offsets.embedding1.weight, offsets.layer[0].dilated.weight);
  if (s.windowed()) packWindows(from);
  packEnds(from);
  packEncoder(from);
}

/**
 * Packs a convolution along time [columns × steps × taps] and its bias. Row t · steps + k of a panel has tap t of input
 * k.
 */
void ForwardWeights::packConvolution(Buffer& packed, Buffer& bias, const float* from, const ParameterOffset& place,
                                     int columns, int steps, int taps) const {
  const int64_t rows = int64_t(steps) * taps;
  packed = allocate(kernels.packedSize(columns, ColumnOrder::plain, rows));
  for (int t = 0; t < taps; t++) {
    kernels.pack({packed.data(), rows, int64_t(t) * steps}, {from + place.weight + t, columns, steps, rows, taps},
                 ColumnOrder::plain);
  }
  bias = allocate(kernels.packedSize(columns, ColumnOrder::plain, 1));
  kernels.packBias(bias.data(), from + place.bias, columns, ColumnOrder::plain);
}

/** Packs the projections of the audio, of the skips and to the output. */
void ForwardWeights::packEnds(const float* from) {
  const int C = shape.channels;
  packConvolution(input, inputBias, from, offsets.input, C, shape.inputs(), 1);
  packConvolution(skip, skipBias, from, offsets.skip, C, C, 1);
  const float scale = 1.0f / std::sqrt(float(shape.layers));
  for (int64_t i = 0; i < skip.size(); i++) skip.data()[i] *= scale;
  packConvolution(output, outputBias, from, offsets.output, shape.outputs(), C, 1);
}

/** Packs the convolutions of the mel encoder. */
void ForwardWeights::packEncoder(const float* from) {
  encoder.resize(size_t(shape.encoders));
  encoderBias.resize(size_t(shape.encoders));
  int channels = shape.bands;
  for (int i = 0; i < shape.encoders; i++) {
    packConvolution(encoder[size_t(i)], encoderBias[size_t(i)], from, offsets.encoder[i], shape.encoderChannels[i],
                    channels, 3);
    channels = shape.encoderChannels[i];
  }
}

/** Rows of a layer's gate panels that the upsampled mel's channels take, before those of the taps. */
static int64_t melPanelRows(const ForwardWeights& w) {
  return w.shape.conditioner == Conditioner::transposed ? roundedUp(w.melChannels, w.kernels.depth) : 0;
}

/** Rows of a layer's gate panels: the upsampled mel's channels, then three taps, or six transformed weights. */
static int64_t gatePanelRows(const ForwardWeights& w, const ForwardWeights::Layer& layer) {
  return melPanelRows(w) + (layer.winograd ? winogradInputs : 3) * roundedUp(w.shape.channels, w.kernels.depth);
}

/** Allocates a layer's panels and biases. */
void ForwardWeights::allocateLayer(Layer& layer) const {
  const int C = shape.channels;
  layer.gate = allocate(kernels.layerPackedSize(2 * C, gatePanelRows(*this, layer)));
  if (shape.conditioner == Conditioner::frameRate) {
    layer.conditioner = allocate(kernels.packedSize(2 * C, ColumnOrder::paired, melChannels));
  }
  layer.gateBias = allocate(2 * padded);
  layer.output = allocate(kernels.layerPackedSize(2 * C, roundedUp(C, kernels.depth)));
}

/** Packs a layer, and copies those of its parameters that each diffusion step needs. */
void ForwardWeights::packLayer(int index, const float* from) {
  const int C = shape.channels;
  const ColumnOrder gateOrder = shape.tanhFirst ? ColumnOrder::pairedSwapped : ColumnOrder::paired;
  const Layer& layer = layers[size_t(index)];
  const LayerOffsets& place = offsets.layer[index];
  const WeightMatrix mel{from + place.conditioner.weight, 2 * C, melChannels, melChannels, 1};
  if (shape.conditioner == Conditioner::transposed) {
    kernels.packLayer({layer.gate.data(), gatePanelRows(*this, layer), 0}, mel, gateOrder);
  } else if (shape.conditioner == Conditioner::frameRate) {
    kernels.pack({layer.conditioner.data(), melChannels, 0}, mel, gateOrder);
  }
  if (layer.winograd) packTransformedTaps(layer, from + place.dilated.weight, gateOrder);
  else packTaps(layer, from + place.dilated.weight, gateOrder);
  std::vector<float> bias(size_t(2) * C);
  for (int n = 0; n < 2 * C; n++) {
    bias[size_t(n)] = from[place.dilated.bias + n] + (melChannels > 0 ? from[place.conditioner.bias + n] : 0.0f);
  }
  kernels.packBias(layer.gateBias.data(), bias.data(), 2 * C, gateOrder);
  kernels.packLayer({layer.output.data(), roundedUp(C, kernels.depth), 0}, {from + place.output.weight, 2 * C, C, C, 1},
                    ColumnOrder::paired);
  keep(from, place.step.weight, melChannels > 0 ? place.conditioner.weight : place.output.weight);
  keep(from, place.output.bias, place.output.bias + 2 * C);
}

/** Packs the taps [2C × C × 3] of a layer's dilated convolution. */
void ForwardWeights::packTaps(const Layer& layer, const float* taps, ColumnOrder order) const {
  const int C = shape.channels;
  const int64_t rowsPerTap = roundedUp(C, kernels.depth);
  for (int t = 0; t < 3; t++) {
    kernels.packLayer({layer.gate.data(), gatePanelRows(*this, layer), melPanelRows(*this) + t * rowsPerTap},
                      {taps + t, 2 * C, C, 3 * int64_t(C), 3}, order);
  }
}

/** Packs G · taps (native/winograd.h), six weights for the three taps [2C × C × 3]. */
void ForwardWeights::packTransformedTaps(const Layer& layer, const float* taps, ColumnOrder order) const {
  const int C = shape.channels;
  const int64_t rowsPerWeight = roundedUp(C, kernels.depth);
  std::vector<float> transformed(size_t(2) * C * C);
  for (int p = 0; p < winogradInputs; p++) {
    for (size_t n = 0; n < transformed.size(); n++) {
      double sum = 0;
      for (int t = 0; t < 3; t++) sum += double(kernelTransform[p][t]) * taps[3 * n + t];
      transformed[n] = float(sum);
    }
    kernels.packLayer({layer.gate.data(), gatePanelRows(*this, layer), melPanelRows(*this) + p * rowsPerWeight},
                      {transformed.data(), 2 * C, C, C, 1}, order);
  }
}

/** Copies the flat parameters [begin, end). */
void ForwardWeights::keep(const float* from, int64_t begin, int64_t end) {
  std::copy(from + begin, from + end, parameters.data() + begin);
}

/** Whether windows can be transformed instead of multiplied with matrices. */
static bool canTransform(const WindowsShape& s) { return !s.learned && isTransformSize(s.kernel); }

/** Makes the tables of windows that are transformed. */
void ForwardWeights::makeTransform() {
  const WindowsShape& s = shape.windows;
  window_ = windowOf(s);
  roots_ = unitRoots(s.kernel);
  transform = {s.kernel, s.bins, windowUnit(window_), window_.data(), roots_.data()};
}

/** Packs the windows' matrices, learned or those of the Fourier transform (native/windows.h). */
void ForwardWeights::packWindows(const float* from) {
  if (canTransform(shape.windows)) return makeTransform();
  const int signals = shape.signals(), K = shape.windows.kernel;
  const auto packed = [&](const float* in, const float* out) {
    analysis = allocate(kernels.packedSize(signals, ColumnOrder::plain, K));
    kernels.pack({analysis.data(), K, 0}, {in, signals, K, K, 1}, ColumnOrder::plain);
    synthesis = allocate(kernels.packedSize(K, ColumnOrder::plain, signals));
    kernels.pack({synthesis.data(), signals, 0}, {out, K, signals, 1, K}, ColumnOrder::plain);
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
    w.kernels.packBias(outputBias.data() + int64_t(i) * 2 * w.padded, bias.data(), 2 * s.channels, ColumnOrder::paired);
  }
}

}  // namespace diffwave
