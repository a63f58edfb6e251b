#include "packed-weights.h"

#include <algorithm>

namespace diffwave {

PackedWeights::PackedWeights(const BatchLayout& layout, const TrainingKernels& kernels, Arena& arena)
    : layout_(layout), kernels_(kernels) {
  const NetworkShape& s = layout.shape;
  const int64_t C = layout.C, columns = layout.columns, wide = 2 * columns, outputColumns = columnsOf(s.outputs());
  int64_t in = s.bands;
  for (int i = 0; i < s.encoders; i++) {
    const int64_t out = s.encoderChannels[i];
    Encoder e{};
    e.weight = arena.take(packedSize(Direction::forward, 3 * in, columnsOf(out), 3));
    e.bias = arena.take(columnsOf(out));
    e.dInput = arena.take(packedSize(Direction::backward, 3 * out, columnsOf(in), 3));
    encoders.push_back(e);
    in = out;
  }
  for (int l = 0; l < s.layers; l++) {
    Layer w{};
    w.dilated = arena.take(winogradInputs * packedSize(Direction::forward, C, wide));
    w.dy = arena.take(winogradInputs * packedSize(Direction::backward, wide, columns));
    w.output = arena.take(packedSize(Direction::forward, C, wide));
    w.dGated = arena.take(2 * packedSize(Direction::backward, C, columns));
    w.bias = arena.take(wide);
    w.outputBias = arena.take(wide);
    if (s.conditioner != Conditioner::none) {
      const int64_t channels = s.conditionerChannels();
      w.conditioner = arena.take(packedSize(Direction::forward, channels, wide));
      w.dConditioner = arena.take(packedSize(Direction::backward, wide, columnsOf(channels)));
    }
    layers.push_back(w);
  }
  if (s.windowed()) {
    const int64_t K = s.windows.kernel, signals = s.signals(), signalColumns = columnsOf(signals);
    analysis = arena.take(packedSize(Direction::forward, K, signalColumns));
    synthesis = arena.take(packedSize(Direction::forward, signals, columnsOf(K)));
    dSignals = arena.take(packedSize(Direction::backward, K, signalColumns));
    if (s.windows.learned) dInputs = arena.take(packedSize(Direction::backward, C, signalColumns));
  }
  inputWeight = arena.take(packedSize(Direction::forward, s.inputs(), columns));
  inputBias = arena.take(columns);
  skipWeight = arena.take(packedSize(Direction::forward, C, columns));
  skipBias = arena.take(columns);
  outputWeight = arena.take(packedSize(Direction::forward, C, outputColumns));
  outputBias = arena.take(outputColumns);
  dHidden = arena.take(packedSize(Direction::backward, s.outputs(), columns));
  dSkip = arena.take(packedSize(Direction::backward, C, columns));
}

void PackedWeights::pack(const TrainingCall& call) {
  const int count = layout_.shape.layers;
  call.pool.forEach(count + (layout_.shape.windowed() ? 2 : 1), [&](int task, int) {
    if (task < count) packLayer(call, task);
    else if (task == count) packEnds(call);
    else packWindows(call);
  });
  for (int i = 0; i < layout_.shape.encoders; i++) packEncoder(call, i);
}

template <class Element>
void PackedWeights::pack(Direction direction, float* to, int64_t steps, int64_t columns, const Element& element,
                         int segments) const {
  const int64_t own = steps / segments, padded = roundedUp(own, kernels_.depth);
  float* at = to;
  for (int64_t first = 0; first < columns; first += kernels_.width) {
    for (int64_t k = 0; k < padded * segments; k++) {
      const int64_t step = k / padded * own + k % padded;
      for (int64_t n = first; n < first + kernels_.width; n++) {
        *at++ = k % padded < own && n < columns ? element(step, n) : 0.0f;
      }
    }
  }
  if (kernels_.arrange != nullptr) kernels_.arrange(to, padded * segments, columns, direction);
}

template <class Taps>
void PackedWeights::packTransformed(Direction direction, float* to, int64_t steps, int64_t columns, bool reversed,
                                    const Taps& taps) const {
  const TrainingKernels& kernels = kernels_;
  const int64_t width = kernels.width, padded = roundedUp(steps, kernels.depth);
  const int64_t plane = packedSize(direction, steps, columns);
  float* const start = to;
  const float(&g)[winogradInputs][3] = kernelTransform;
  // Gathers the taps of some steps, in the order in which they lie in memory: by step if reversed, else by column.
  constexpr int64_t stepsAtOnce = 16;
  std::vector<float> gathered(size_t(stepsAtOnce * 3 * width));
  for (int64_t first = 0; first < columns; first += width) {
    for (int64_t from = 0; from < padded; from += stepsAtOnce) {
      const int64_t count = std::min(stepsAtOnce, padded - from);
      const auto gather = [&](int64_t k, int64_t n) {
        const float* w = from + k < steps && first + n < columns ? taps(from + k, first + n) : nullptr;
        for (int t = 0; t < 3; t++)
          gathered[size_t((k * 3 + t) * width + n)] = w == nullptr ? 0 : w[reversed ? 2 - t : t];
      };
      if (reversed) {
        for (int64_t k = 0; k < count; k++) {
          for (int64_t n = 0; n < width; n++) gather(k, n);
        }
      } else {
        for (int64_t n = 0; n < width; n++) {
          for (int64_t k = 0; k < count; k++) gather(k, n);
        }
      }
      for (int64_t k = 0; k < count; k++, to += width) {
        const float* const taps3 = gathered.data() + k * 3 * width;
        for (int64_t n = 0; n < width; n++) {
          const float left = taps3[n], middle = taps3[width + n], right = taps3[2 * width + n];
          const float inner = g[1][0] * left + g[1][2] * right, outer = g[3][0] * left + g[3][2] * right;
          to[n] = g[0][0] * left;
          to[plane + n] = inner + g[1][1] * middle;
          to[2 * plane + n] = inner - g[1][1] * middle;
          to[3 * plane + n] = outer + g[3][1] * middle;
          to[4 * plane + n] = outer - g[3][1] * middle;
          to[5 * plane + n] = right;
        }
      }
    }
  }
  if (kernels.arrange == nullptr) return;
  for (int i = 0; i < winogradInputs; i++) kernels.arrange(start + i * plane, padded, columns, direction);
}

/** Packs one residual layer. Element n of an axis of 2·columns lies in half n / columns, at channel n mod columns. */
void PackedWeights::packLayer(const TrainingCall& call, int layer) {
  const float* w = call.parameters;
  const LayerOffsets& at = call.offsets.layer[layer];
  Layer& to = layers[size_t(layer)];
  const int64_t C = layout_.C, columns = layout_.columns, wide = 2 * layout_.columns,
                channels = layout_.shape.conditionerChannels();
  // A table, because two divisions per number would take longer than all other work.
  std::vector<int64_t> rowOf;
  for (int64_t n = 0; n < wide; n++) rowOf.push_back(n % columns < C ? n / columns * C + n % columns : -1);
  const auto halfRow = [rows = rowOf.data()](int64_t n) { return rows[n]; };

  // k is the channel, n runs over the gate's halves.
  packTransformed(Direction::forward, to.dilated, C, wide, false, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(n);
    return o < 0 ? nullptr : w + at.dilated.weight + (o * C + k) * 3;
  });
  // The adjoint has its taps in reverse order.
  packTransformed(Direction::backward, to.dy, wide, columns, true, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(k);
    return o < 0 || n >= C ? nullptr : w + at.dilated.weight + (o * C + n) * 3;
  });
  // n runs over the skip first, then over the residual, so that the last layer can leave the residual out.
  pack(Direction::forward, to.output, C, wide, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(n);
    return o < 0 ? 0.0f : w[at.output.weight + (o < C ? o + C : o - C) * C + k];
  });
  const bool last = layer == layout_.shape.layers - 1;
  pack(
      Direction::backward, to.dGated, last ? C : 2 * C, columns,
      [&](int64_t k, int64_t n) { return n >= C ? 0.0f : w[at.output.weight + (k < C ? k + C : k - C) * C + n]; },
      last ? 1 : 2);
  for (int64_t n = 0; n < wide; n++) {
    const int64_t o = halfRow(n);
    to.bias[n] = o < 0 ? 0 : w[at.dilated.bias + o];
    if (o >= 0 && layout_.shape.conditioner != Conditioner::none) to.bias[n] += w[at.conditioner.bias + o];
    to.outputBias[n] = o < 0 ? 0 : w[at.output.bias + (o < C ? o + C : o - C)];
  }
  if (to.conditioner != nullptr) {
    pack(Direction::forward, to.conditioner, channels, wide, [&](int64_t k, int64_t n) {
      const int64_t o = halfRow(n);
      return o < 0 ? 0.0f : w[at.conditioner.weight + o * channels + k];
    });
  }
  if (to.dConditioner != nullptr) {
    pack(Direction::backward, to.dConditioner, wide, columnsOf(channels), [&](int64_t k, int64_t n) {
      const int64_t o = halfRow(k);
      return o < 0 || n >= channels ? 0.0f : w[at.conditioner.weight + o * channels + n];
    });
  }
}

/** Packs one convolution of the mel encoder. k runs over taps, then channels. */
void PackedWeights::packEncoder(const TrainingCall& call, int stage) {
  const NetworkShape& s = layout_.shape;
  const float* w = call.parameters;
  const int64_t in = stage > 0 ? s.encoderChannels[stage - 1] : s.bands, out = s.encoderChannels[stage];
  const ParameterOffset& at = call.offsets.encoder[stage];
  const Encoder& to = encoders[size_t(stage)];
  pack(
      Direction::forward, to.weight, 3 * in, columnsOf(out),
      [&](int64_t k, int64_t n) { return n < out ? w[at.weight + (n * in + k % in) * 3 + k / in] : 0.0f; }, 3);
  pack(
      Direction::backward, to.dInput, 3 * out, columnsOf(in),
      [&](int64_t k, int64_t n) { return n < in ? w[at.weight + (k % out * in + n) * 3 + k / out] : 0.0f; }, 3);
  for (int64_t n = 0; n < columnsOf(out); n++) to.bias[n] = n < out ? w[at.bias + n] : 0;
}

/** Packs the projections of the audio, of the skips and to the output. */
void PackedWeights::packEnds(const TrainingCall& call) {
  const float* w = call.parameters;
  const ParameterOffsets& at = call.offsets;
  const int64_t C = layout_.C, inputs = layout_.shape.inputs(), outputs = layout_.shape.outputs(),
                outputColumns = columnsOf(outputs);
  pack(Direction::forward, inputWeight, inputs, layout_.columns,
       [&](int64_t k, int64_t n) { return n < C ? w[at.input.weight + n * inputs + k] : 0.0f; });
  pack(Direction::forward, skipWeight, C, layout_.columns,
       [&](int64_t k, int64_t n) { return n < C ? w[at.skip.weight + n * C + k] : 0.0f; });
  pack(Direction::backward, dSkip, C, layout_.columns,
       [&](int64_t k, int64_t n) { return n < C ? w[at.skip.weight + k * C + n] : 0.0f; });
  pack(Direction::forward, outputWeight, C, outputColumns,
       [&](int64_t k, int64_t n) { return n < outputs ? w[at.output.weight + n * C + k] : 0.0f; });
  pack(Direction::backward, dHidden, outputs, layout_.columns,
       [&](int64_t k, int64_t n) { return n < C ? w[at.output.weight + k * C + n] : 0.0f; });
  for (int64_t n = 0; n < layout_.columns; n++) {
    inputBias[n] = n < C ? w[at.input.bias + n] : 0;
    skipBias[n] = n < C ? w[at.skip.bias + n] : 0;
  }
  for (int64_t n = 0; n < outputColumns; n++) outputBias[n] = n < outputs ? w[at.output.bias + n] : 0;
}

/** Packs the windows' matrices, and those that take gradients back through them. */
void PackedWeights::packWindows(const TrainingCall& call) {
  const NetworkShape& s = layout_.shape;
  const int64_t K = s.windows.kernel, signals = s.signals(), inputs = s.inputs();
  pack(Direction::forward, analysis, K, columnsOf(signals),
       [&](int64_t k, int64_t n) { return n < signals ? call.analysis[n * K + k] : 0.0f; });
  pack(Direction::forward, synthesis, signals, columnsOf(K),
       [&](int64_t k, int64_t n) { return n < K ? call.synthesis[k * K + n] : 0.0f; });
  pack(Direction::backward, dSignals, K, columnsOf(signals),
       [&](int64_t k, int64_t n) { return n < signals ? call.synthesis[n * K + k] : 0.0f; });
  if (!s.windows.learned) return;
  pack(Direction::backward, dInputs, layout_.C, columnsOf(signals), [&](int64_t k, int64_t n) {
    return n < signals ? call.parameters[call.offsets.input.weight + k * inputs + n] : 0.0f;
  });
}

}  // namespace diffwave
