// One residual layer in plain loops, and its adjoint (Kong et al. 2021, fig. 2).
#pragma once

#include <cmath>

#include "mel.h"

namespace diffwave {
namespace plain {

/** The two frames around a position, and its distance from the first one in frames. */
template <class Scalar>
struct FramesAround {
  /** Position p lies at sample p·patch, and frame f at sample f·hop. */
  FramesAround(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, int64_t position) {
    const int64_t sample = clip.melOffset + position * n.shape.patch;
    low = sample / n.shape.hop;
    high = std::min(low + 1, clip.frames - 1);
    fraction = Scalar(sample % n.shape.hop) / n.shape.hop;
  }
  int64_t low, high;
  Scalar fraction;
};

template <class Scalar>
Convolution melProjection(const Network<Scalar>& n, int layer) {
  const bool upsampled = n.shape.conditioner == Conditioner::transposed;
  return {n.offsets.layer[layer].conditioner, 2 * n.shape.channels,
          upsampled ? n.shape.bands : n.shape.conditionerChannels()};
}

/**
 * Adds the mel's share to the sums of the gate [2C × P]: W_mel · mel + bias of the upsampled mel at each position, or
 * (1 − f) · projected[low] + f · projected[high] of the projections at the frame rate.
 */
template <class Scalar>
void conditionerForward(const Network<Scalar>& n, int index, const ReferenceClip<Scalar>& clip,
                        const Activations<Scalar>& a, typename Activations<Scalar>::Layer& layer,
                        std::vector<Scalar>& sum) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip), C = s.channels;
  if (s.conditioner == Conditioner::transposed) {
    if (s.upsamplerPerLayer) layer.upsampled = upsampledForward(n, n.offsets.layer[index].upsampler, clip);
    const std::vector<Scalar>& mel = s.upsamplerPerLayer ? layer.upsampled.back() : a.upsampled.back();
    layer.mel.resize(size_t(s.bands * P));
    for (int m = 0; m < s.bands; m++) {
      for (int64_t p = 0; p < P; p++) {
        layer.mel[m * P + p] = mel[m * clip.frames * s.hop + clip.melOffset + p * s.patch];
      }
    }
    convolve(melProjection(n, index), n.parameters, layer.mel, sum);
  } else if (s.conditioner == Conditioner::frameRate) {
    std::vector<Scalar> projected(size_t(2 * C * clip.frames));
    convolve(melProjection(n, index), n.parameters, a.frames(clip), projected);
    for (int64_t p = 0; p < P; p++) {
      const FramesAround<Scalar> at(n, clip, p);
      for (int64_t o = 0; o < 2 * C; o++) {
        const Scalar* row = projected.data() + o * clip.frames;
        sum[o * P + p] += (1 - at.fraction) * row[at.low] + at.fraction * row[at.high];
      }
    }
  }
}

/**
 * The adjoint of `conditionerForward`, from the gradient dSum [2C × P] of the gate's sums. Adds to d.mel or d.frames.
 */
template <class Scalar>
void conditionerBackward(const Network<Scalar>& n, int index, const ReferenceClip<Scalar>& clip,
                         const Activations<Scalar>& a, const std::vector<Scalar>& dSum, Scalar* g,
                         Gradients<Scalar>& d) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip), C = s.channels;
  if (s.conditioner == Conditioner::transposed) {
    const auto& layer = a.layers[index];
    std::vector<Scalar> own(s.upsamplerPerLayer ? d.mel.size() : 0);
    std::vector<Scalar>& dMel = s.upsamplerPerLayer ? own : d.mel;
    convolveBackward(melProjection(n, index), n.parameters, g, layer.mel, dSum, &dMel);
    if (s.upsamplerPerLayer) {
      upsampledBackward(n, n.offsets.layer[index].upsampler, clip, layer.upsampled, own, g);
    }
  } else if (s.conditioner == Conditioner::frameRate) {
    std::vector<Scalar> dProjected(size_t(2 * C * clip.frames));
    for (int64_t p = 0; p < P; p++) {
      const FramesAround<Scalar> at(n, clip, p);
      for (int64_t o = 0; o < 2 * C; o++) {
        dProjected[o * clip.frames + at.low] += (1 - at.fraction) * dSum[o * P + p];
        dProjected[o * clip.frames + at.high] += at.fraction * dSum[o * P + p];
      }
    }
    convolveBackward(melProjection(n, index), n.parameters, g, a.frames(clip), dProjected, &d.frames);
  }
}

/** Places of the gate's halves, each of `size` numbers, among its sums. */
struct GateHalves {
  GateHalves(const NetworkShape& shape, size_t size)
      : sigmoid(shape.tanhFirst ? size : 0), tanh(shape.tanhFirst ? 0 : size) {}
  const size_t sigmoid, tanh;
};

/** gated = sigmoid(h₁) · tanh(h₂), h₁ and h₂ being the halves of the sums [2C × P]. */
template <class Scalar>
void gateForward(const NetworkShape& shape, const std::vector<Scalar>& sum,
                 typename Activations<Scalar>::Layer& layer) {
  const size_t size = sum.size() / 2;
  const GateHalves at(shape, size);
  layer.sigmoidHalf.resize(size);
  layer.tanhHalf.resize(size);
  layer.gated.resize(size);
  for (size_t i = 0; i < size; i++) {
    layer.sigmoidHalf[i] = sigmoid(sum[at.sigmoid + i]);
    layer.tanhHalf[i] = std::tanh(sum[at.tanh + i]);
    layer.gated[i] = layer.sigmoidHalf[i] * layer.tanhHalf[i];
  }
}

/**
 * The adjoint of `gateForward`: with dGated [C × P], dSum [2C × P] = (dGated · t · s · (1 − s), dGated · s · (1 − t²)).
 */
template <class Scalar>
void gateBackward(const NetworkShape& shape, const typename Activations<Scalar>::Layer& layer,
                  const std::vector<Scalar>& dGated, std::vector<Scalar>& dSum) {
  const GateHalves at(shape, dGated.size());
  for (size_t i = 0; i < dGated.size(); i++) {
    const Scalar s = layer.sigmoidHalf[i], t = layer.tanhHalf[i];
    dSum[at.sigmoid + i] = dGated[i] * t * (s * (1 - s));
    dSum[at.tanh + i] = dGated[i] * s * (1 - t * t);
  }
}

template <class Scalar>
Convolution dilatedConvolution(const Network<Scalar>& n, int layer) {
  const int C = n.shape.channels;
  return {n.offsets.layer[layer].dilated, 2 * C, C, 3, n.shape.dilation(layer)};
}

template <class Scalar>
Convolution layerProjection(const Network<Scalar>& n, int layer) {
  const int C = n.shape.channels;
  return {n.offsets.layer[layer].output, 2 * C, C};
}

/**
 * One residual layer, with its part of the step embedding e:
 *
 *   y = x + W_step · e + bias                        [C × P], the same at all positions
 *   h = W_dilated ∗ y + mel + bias                   [2C × P]
 *   z = sigmoid(h₁) · tanh(h₂)                       [C × P]
 *   (residual, skip) = W_output · z + bias           [2C × P]
 *   x ← (x + residual) · √½                          or (y + residual) · √½ (`residualAfterStep`)
 *   skip sum ← skip sum + skip / √layers
 */
template <class Scalar>
void layerForward(const Network<Scalar>& n, int index, const ReferenceClip<Scalar>& clip, Activations<Scalar>& a,
                  std::vector<Scalar>& x) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip), C = s.channels;
  const Scalar half = std::sqrt(Scalar(0.5)), mean = 1 / std::sqrt(Scalar(s.layers));
  const ParameterOffset& at = n.offsets.layer[index].step;
  typename Activations<Scalar>::Layer layer;
  std::vector<Scalar> step(C), sum(size_t(2 * C * P)), out(size_t(2 * C * P));
  linear(step.data(), a.embedding.data(), n.parameters + at.weight, n.parameters + at.bias, C, s.hidden);
  layer.x = x;
  layer.y = x;
  for (int64_t i = 0; i < C * P; i++) layer.y[i] += step[i / P];

  convolve(dilatedConvolution(n, index), n.parameters, layer.y, sum);
  conditionerForward(n, index, clip, a, layer, sum);
  gateForward(s, sum, layer);
  convolve(layerProjection(n, index), n.parameters, layer.gated, out);

  const std::vector<Scalar>& from = s.residualAfterStep ? layer.y : layer.x;
  for (int64_t i = 0; i < C * P; i++) {
    x[i] = (from[i] + out[i]) * half;
    a.skip[i] += out[C * P + i] * mean;
  }
  a.layers.push_back(std::move(layer));
}

/** The adjoint of `layerForward`. d.x [C × P] holds the gradient of the layer's result, then that of its input. */
template <class Scalar>
void layerBackward(const Network<Scalar>& n, int index, const ReferenceClip<Scalar>& clip, const Activations<Scalar>& a,
                   Scalar* g, Gradients<Scalar>& d) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip), C = s.channels;
  const Scalar half = std::sqrt(Scalar(0.5)), mean = 1 / std::sqrt(Scalar(s.layers));
  const ParameterOffset& at = n.offsets.layer[index].step;
  const auto& layer = a.layers[index];
  std::vector<Scalar> dOut(size_t(2 * C * P)), dGated(size_t(C * P)), dSum(size_t(2 * C * P)), dy(size_t(C * P));
  for (int64_t i = 0; i < C * P; i++) {
    dOut[i] = d.x[i] * half;
    dOut[C * P + i] = d.skip[i] * mean;
  }
  convolveBackward(layerProjection(n, index), n.parameters, g, layer.gated, dOut, &dGated);
  gateBackward(s, layer, dGated, dSum);
  conditionerBackward(n, index, clip, a, dSum, g, d);
  convolveBackward(dilatedConvolution(n, index), n.parameters, g, layer.y, dSum, &dy);

  std::vector<Scalar> dStep(C);
  for (int64_t i = 0; i < C * P; i++) {
    d.x[i] = d.x[i] * half + dy[i];
    dStep[i / P] += s.residualAfterStep ? d.x[i] : dy[i];
  }
  linearToWeights(g + at.weight, g + at.bias, dStep.data(), a.embedding.data(), C, s.hidden);
  linearToInput(d.embedding.data(), dStep.data(), n.parameters + at.weight, C, s.hidden);
}

}  // namespace plain
}  // namespace diffwave
