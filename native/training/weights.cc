// The weights of a pass, packed for the matrix products of the way forward and the way back.
#include "../winograd.h"
#include "pass.h"

#include <cstring>

namespace diffwave {

/** Packs taps(k, n), three weights or null for zeros, at the six points: a set of panels each. */
template <class Taps>
static void packPoints(Direction direction, float* to, const TrainingKernels& kernels, int64_t steps, int64_t columns,
                       bool reversed, const Taps& taps) {
  const int64_t width = kernels.width, padded = roundedUp(steps, kernels.depth);
  const int64_t numbers = roundedUp(columns, width) * padded;
  const int64_t plane = direction == Direction::forward ? numbers * kernels.forwardBytes / 4 : numbers;
  float* const start = to;
  const float(&g)[winogradInputs][3] = kernelTransform;
  for (int64_t first = 0; first < columns; first += width) {
    for (int64_t k = 0; k < padded; k++) {
      for (int64_t n = first; n < first + width; n++, to++) {
        const float* w = k < steps && n < columns ? taps(k, n) : nullptr;
        if (w == nullptr) {
          for (int i = 0; i < winogradInputs; i++) to[i * plane] = 0;
          continue;
        }
        const float left = w[reversed ? 2 : 0], middle = w[1], right = w[reversed ? 0 : 2];
        const float inner = g[1][0] * left + g[1][2] * right, outer = g[3][0] * left + g[3][2] * right;
        to[0] = g[0][0] * left;
        to[plane] = inner + g[1][1] * middle;
        to[2 * plane] = inner - g[1][1] * middle;
        to[3 * plane] = outer + g[3][1] * middle;
        to[4 * plane] = outer - g[3][1] * middle;
        to[5 * plane] = right;
      }
    }
  }
  if (kernels.arrange == nullptr) return;
  for (int i = 0; i < winogradInputs; i++) kernels.arrange(start + i * plane, padded, columns, direction);
}

/** Element n of a [wide] axis lies in half n / columns at channel n mod columns. */
void TrainingPass::packLayer(int layer) {
  const float* w = task_->parameters;
  const LayerOffsets& at = task_->places.layer[layer];
  LayerWeights& to = weights_[size_t(layer)];
  const int64_t C = C_, columns = columns_, wide = 2 * columns_, channels = shape_.conditionerChannels();
  const auto halfRow = [C, columns](int64_t n) { return n % columns < C ? n / columns * C + n % columns : -1; };

  // The taps at the six points; k: channel, n: the gate's halves.
  packPoints(Direction::forward, to.dilated, kernels_, C, wide, false, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(n);
    return o < 0 ? nullptr : w + at.dilated.weight + (o * C + k) * 3;
  });
  // Backwards the taps stand the other way round.
  packPoints(Direction::backward, to.dy, kernels_, wide, columns, true, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(k);
    return o < 0 || n >= C ? nullptr : w + at.dilated.weight + (o * C + n) * 3;
  });
  // n: skip first, then residual, so that the last layer can leave the residual out.
  pack(Direction::forward, to.output, C, wide, [&](int64_t k, int64_t n) {
    const int64_t o = halfRow(n);
    return o < 0 ? 0.0f : w[at.output.weight + (o < C ? o + C : o - C) * C + k];
  });
  const bool last = layer == shape_.layers - 1;
  pack(
      Direction::backward, to.dGated, last ? C : 2 * C, columns,
      [&](int64_t k, int64_t n) { return n >= C ? 0.0f : w[at.output.weight + (k < C ? k + C : k - C) * C + n]; },
      last ? 1 : 2);
  for (int64_t n = 0; n < wide; n++) {
    const int64_t o = halfRow(n);
    to.bias[n] = o < 0 ? 0 : w[at.dilated.bias + o];
    if (o >= 0 && shape_.conditioner != Conditioner::none) to.bias[n] += w[at.conditioner.bias + o];
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

void TrainingPass::packEnds() {
  const float* w = task_->parameters;
  const ParameterOffsets& at = task_->places;
  const int64_t C = C_, patch = shape_.patch, outputs = shape_.outputs(), outputColumns = columnsOf(outputs);
  pack(Direction::forward, inputWeight_, patch, columns_,
       [&](int64_t k, int64_t n) { return n < C ? w[at.input.weight + n * patch + k] : 0.0f; });
  pack(Direction::forward, skipWeight_, C, columns_,
       [&](int64_t k, int64_t n) { return n < C ? w[at.skip.weight + n * C + k] : 0.0f; });
  pack(Direction::backward, dSkip_, C, columns_,
       [&](int64_t k, int64_t n) { return n < C ? w[at.skip.weight + k * C + n] : 0.0f; });
  pack(Direction::forward, outputWeight_, C, outputColumns,
       [&](int64_t k, int64_t n) { return n < outputs ? w[at.output.weight + n * C + k] : 0.0f; });
  pack(Direction::backward, dHidden_, outputs, columns_,
       [&](int64_t k, int64_t n) { return n < C ? w[at.output.weight + k * C + n] : 0.0f; });
  for (int64_t n = 0; n < columns_; n++) {
    inputBias_[n] = n < C ? w[at.input.bias + n] : 0;
    skipBias_[n] = n < C ? w[at.skip.bias + n] : 0;
  }
  for (int64_t n = 0; n < outputColumns; n++) outputBias_[n] = n < outputs ? w[at.output.bias + n] : 0;
}

}  // namespace diffwave
