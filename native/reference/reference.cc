#include "reference.h"

#include <algorithm>
#include <cmath>

#include "plain.h"

namespace diffwave {
namespace {

/**
 * Convolution along time: out[o, p] += bias[o] + Σ_i Σ_k weight[o, i, k] · in[i, p + (k − ⌊kernel/2⌋) · dilation], with
 * zeros outside 0 … length − 1. out is [outputs × length], in [inputs × length].
 */
template <class Scalar>
void convolve(Scalar* out, const Scalar* in, const Scalar* weight, const Scalar* bias, int outputs, int inputs,
              int kernel, int dilation, int64_t length) {
  for (int o = 0; o < outputs; o++) {
    for (int64_t p = 0; p < length; p++) {
      Scalar sum = bias[o];
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < kernel; k++) {
          const int64_t q = p + int64_t(k - kernel / 2) * dilation;
          if (q >= 0 && q < length) sum += weight[(int64_t(o) * inputs + i) * kernel + k] * in[i * length + q];
        }
      }
      out[o * length + p] += sum;
    }
  }
}

/** Adds to dIn (null: not wanted), dWeight and dBias for the gradient dOut [outputs × length] of `convolve`. */
template <class Scalar>
void convolveBackward(Scalar* dIn, Scalar* dWeight, Scalar* dBias, const Scalar* dOut, const Scalar* in,
                      const Scalar* weight, int outputs, int inputs, int kernel, int dilation, int64_t length) {
  for (int o = 0; o < outputs; o++) {
    for (int64_t p = 0; p < length; p++) {
      const Scalar d = dOut[o * length + p];
      dBias[o] += d;
      for (int i = 0; i < inputs; i++) {
        for (int k = 0; k < kernel; k++) {
          const int64_t q = p + int64_t(k - kernel / 2) * dilation;
          if (q < 0 || q >= length) continue;
          dWeight[(int64_t(o) * inputs + i) * kernel + k] += d * in[i * length + q];
          if (dIn != nullptr) dIn[i * length + q] += d * weight[(int64_t(o) * inputs + i) * kernel + k];
        }
      }
    }
  }
}

/** Everything one clip leaves behind on its way forward; each array's shape beside it. P positions, F frames. */
template <class Scalar>
struct Activations {
  using Array = std::vector<Scalar>;
  Array embedded1, embedded2;    // [hidden] before SiLU
  Array silu1, embedding;        // [hidden] after SiLU; embedding has the label added
  Array folded;                  // [patch × P]: sample p·patch + j is channel j of position p
  Array input;                   // [C × P] after ReLU
  std::vector<Array> upsampled;  // per stride [bands × frames so far] (of the shared upsampler)
  std::vector<Array> encoded;    // per encoder convolution [channels × F], after leaky ReLU
  struct Layer {
    Array x, y;                    // [C × P] without and with the step embedding
    std::vector<Array> upsampled;  // as above, where each layer has its own upsampler
    Array conditioning;            // [conditionerChannels × P] (transposed)
    Array first, second;           // [C × P] the gate's halves, activated
    Array gated;                   // [C × P]
  };
  std::vector<Layer> layers;
  Array skip;    // [C × P] Σ skips / √layers
  Array hidden;  // [C × P] after skip projection and ReLU
  Array mask;    // [samples], where the network masks its input
  Array noise;   // [samples]
};

template <class Scalar>
class Reference {
 public:
  using Array = std::vector<Scalar>;
  using Clip = ReferenceClip<Scalar>;

  Reference(const NetworkShape& shape, const Scalar* parameters)
      : shape_(shape), places_(shape), w_(parameters), C_(shape.channels) {}

  Activations<Scalar> forward(const Clip& clip) const;
  /** Adds the clip's share of ∂loss/∂parameters, given ∂loss/∂ε [samples]. */
  void backward(Scalar* gradients, const Clip& clip, const Activations<Scalar>& a, const Array& dNoise) const;

 private:
  int64_t positions(const Clip& clip) const { return int64_t(clip.audio.size()) / shape_.patch; }
  std::vector<Array> upsampled(const ParameterOffset* places, const Clip& clip) const;
  void upsampledBackward(Scalar* gradients, const ParameterOffset* places, const Clip& clip,
                         const std::vector<Array>& results, const Array& dPositions) const;
  void interpolate(const Clip& clip, int64_t position, int64_t& frame, int64_t& next, Scalar& fraction) const;
  const Array& conditionerInput(const Clip& clip, const Activations<Scalar>& a) const {
    return a.encoded.empty() ? clip.mel : a.encoded.back();
  }

  const NetworkShape& shape_;
  ParameterOffsets places_;
  const Scalar* w_;
  const int C_;
};

/** The mel after each transposed convolution. */
template <class Scalar>
std::vector<std::vector<Scalar>> Reference<Scalar>::upsampled(const ParameterOffset* places, const Clip& clip) const {
  std::vector<Array> results;
  int64_t frames = clip.frames;
  const Array* in = &clip.mel;
  results.reserve(size_t(shape_.strides));
  for (int i = 0; i < shape_.strides; i++) {
    const int stride = shape_.stride[i];
    Array out(size_t(shape_.bands * frames * stride));
    plain::upsample(out.data(), in->data(), w_ + places[i].weight, w_[places[i].bias], shape_.bands, frames, stride,
                    upsamplerKernel(stride), upsamplerPadding(stride));
    frames *= stride;
    results.push_back(std::move(out));
    in = &results.back();
  }
  return results;
}

/** dPositions [bands × P] is the gradient of the upsampled mel where the positions lie: every patch-th sample. */
template <class Scalar>
void Reference<Scalar>::upsampledBackward(Scalar* gradients, const ParameterOffset* places, const Clip& clip,
                                          const std::vector<Array>& results, const Array& dPositions) const {
  const int64_t P = positions(clip);
  int64_t length = clip.frames * shape_.hop;
  Array dOut(size_t(shape_.bands * length));
  for (int m = 0; m < shape_.bands; m++) {
    for (int64_t p = 0; p < P; p++) dOut[m * length + clip.melOffset + p * shape_.patch] = dPositions[m * P + p];
  }
  for (int i = shape_.strides - 1; i >= 0; i--) {
    const int stride = shape_.stride[i];
    length /= stride;
    Array dIn(size_t(shape_.bands * length));
    const Array& in = i > 0 ? results[i - 1] : clip.mel;
    plain::upsampleBackward(dIn.data(), gradients + places[i].weight, gradients + places[i].bias, dOut.data(),
                            results[i].data(), in.data(), w_ + places[i].weight, shape_.bands, length, stride,
                            upsamplerKernel(stride), upsamplerPadding(stride));
    dOut = std::move(dIn);
  }
}

/** Position p lies at sample p·patch, frame f at sample f·hop: between which frames, and how far along. */
template <class Scalar>
void Reference<Scalar>::interpolate(const Clip& clip, int64_t position, int64_t& frame, int64_t& next,
                                    Scalar& fraction) const {
  const int64_t sample = clip.melOffset + position * shape_.patch;
  frame = sample / shape_.hop;
  next = std::min(frame + 1, clip.frames - 1);
  fraction = Scalar(sample % shape_.hop) / shape_.hop;
}

template <class Scalar>
Activations<Scalar> Reference<Scalar>::forward(const Clip& clip) const {
  const int64_t P = positions(clip), C = C_;
  const int hidden = shape_.hidden, patch = shape_.patch;
  Activations<Scalar> a;

  // The step: sinusoids → linear → SiLU → linear → SiLU (→ + label).
  a.embedded1.resize(hidden);
  a.embedded2.resize(hidden);
  plain::linear(a.embedded1.data(), clip.sinusoids.data(), w_ + places_.embedding1.weight, w_ + places_.embedding1.bias,
                hidden, shape_.embedding);
  for (Scalar v : a.embedded1) a.silu1.push_back(plain::silu(v));
  plain::linear(a.embedded2.data(), a.silu1.data(), w_ + places_.embedding2.weight, w_ + places_.embedding2.bias,
                hidden, hidden);
  for (Scalar v : a.embedded2) a.embedding.push_back(plain::silu(v));
  if (shape_.labels > 0) {
    const int row = clip.label < 0 ? shape_.labels : clip.label;
    for (int i = 0; i < hidden; i++) a.embedding[i] += w_[places_.labels + int64_t(row) * hidden + i];
  }

  // The mel.
  if (shape_.conditioner == Conditioner::transposed && !shape_.upsamplerPerLayer) {
    a.upsampled = upsampled(places_.upsampler, clip);
  }
  int frameChannels = shape_.bands;
  for (int i = 0; i < shape_.encoders; i++) {
    Array out(size_t(shape_.encoderChannels[i] * clip.frames));
    const Array& in = i > 0 ? a.encoded[i - 1] : clip.mel;
    convolve(out.data(), in.data(), w_ + places_.encoder[i].weight, w_ + places_.encoder[i].bias,
             shape_.encoderChannels[i], frameChannels, 3, 1, clip.frames);
    for (Scalar& v : out) v = plain::leaky(v);
    frameChannels = shape_.encoderChannels[i];
    a.encoded.push_back(std::move(out));
  }

  // The audio: folded by patches, projected, ReLU.
  a.folded.resize(size_t(patch * P));
  for (int64_t p = 0; p < P; p++) {
    for (int j = 0; j < patch; j++) a.folded[j * P + p] = clip.audio[p * patch + j];
  }
  a.input.resize(size_t(C * P));
  convolve(a.input.data(), a.folded.data(), w_ + places_.input.weight, w_ + places_.input.bias, C_, patch, 1, 1, P);
  for (Scalar& v : a.input) v = std::max(v, Scalar(0));

  a.skip.assign(size_t(C * P), 0);
  const Scalar half = std::sqrt(Scalar(0.5)), mean = 1 / std::sqrt(Scalar(shape_.layers));
  Array x = a.input;
  for (int l = 0; l < shape_.layers; l++) {
    const LayerOffsets& at = places_.layer[l];
    typename Activations<Scalar>::Layer layer;
    Array step(C);
    plain::linear(step.data(), a.embedding.data(), w_ + at.step.weight, w_ + at.step.bias, C, hidden);
    layer.x = x;
    layer.y = x;
    for (int64_t i = 0; i < C * P; i++) layer.y[i] += step[i / P];

    Array sum(size_t(2 * C * P));
    convolve(sum.data(), layer.y.data(), w_ + at.dilated.weight, w_ + at.dilated.bias, 2 * C_, C_, 3,
             shape_.dilation(l), P);
    if (shape_.conditioner == Conditioner::transposed) {
      if (shape_.upsamplerPerLayer) layer.upsampled = upsampled(at.upsampler, clip);
      const Array& mel = shape_.upsamplerPerLayer ? layer.upsampled.back() : a.upsampled.back();
      layer.conditioning.resize(size_t(shape_.bands * P));
      for (int m = 0; m < shape_.bands; m++) {
        for (int64_t p = 0; p < P; p++) {
          layer.conditioning[m * P + p] = mel[m * clip.frames * shape_.hop + clip.melOffset + p * patch];
        }
      }
      convolve(sum.data(), layer.conditioning.data(), w_ + at.conditioner.weight, w_ + at.conditioner.bias, 2 * C_,
               shape_.bands, 1, 1, P);
    } else if (shape_.conditioner == Conditioner::frameRate) {
      Array projected(size_t(2 * C * clip.frames));
      convolve(projected.data(), conditionerInput(clip, a).data(), w_ + at.conditioner.weight, w_ + at.conditioner.bias,
               2 * C_, frameChannels, 1, 1, clip.frames);
      for (int64_t p = 0; p < P; p++) {
        int64_t frame, next;
        Scalar fraction;
        interpolate(clip, p, frame, next, fraction);
        for (int64_t o = 0; o < 2 * C; o++) {
          const Scalar* row = projected.data() + o * clip.frames;
          sum[o * P + p] += (1 - fraction) * row[frame] + fraction * row[next];
        }
      }
    }

    // The gate: one half through the sigmoid, the other through tanh.
    layer.first.resize(size_t(C * P));
    layer.second.resize(size_t(C * P));
    layer.gated.resize(size_t(C * P));
    for (int64_t i = 0; i < C * P; i++) {
      const Scalar one = sum[i], two = sum[C * P + i];
      layer.first[i] = shape_.tanhFirst ? std::tanh(one) : plain::sigmoid(one);
      layer.second[i] = shape_.tanhFirst ? plain::sigmoid(two) : std::tanh(two);
      layer.gated[i] = layer.first[i] * layer.second[i];
    }

    // Residual and skip.
    Array out(size_t(2 * C * P));
    convolve(out.data(), layer.gated.data(), w_ + at.output.weight, w_ + at.output.bias, 2 * C_, C_, 1, 1, P);
    const Array& from = shape_.residualAfterStep ? layer.y : layer.x;
    for (int64_t i = 0; i < C * P; i++) {
      x[i] = (from[i] + out[i]) * half;
      a.skip[i] += out[C * P + i] * mean;
    }
    a.layers.push_back(std::move(layer));
  }

  // The skips: projected, ReLU, projected to the patch's samples.
  a.hidden.resize(size_t(C * P));
  convolve(a.hidden.data(), a.skip.data(), w_ + places_.skip.weight, w_ + places_.skip.bias, C_, C_, 1, 1, P);
  for (Scalar& v : a.hidden) v = std::max(v, Scalar(0));
  const int outputs = shape_.outputs();
  Array out(size_t(outputs * P));
  convolve(out.data(), a.hidden.data(), w_ + places_.output.weight, w_ + places_.output.bias, outputs, C_, 1, 1, P);
  a.noise.resize(clip.audio.size());
  if (shape_.inputMask) a.mask.resize(clip.audio.size());
  for (int64_t p = 0; p < P; p++) {
    for (int j = 0; j < patch; j++) {
      const int64_t sample = p * patch + j;
      a.noise[sample] = out[j * P + p];
      if (!shape_.inputMask) continue;
      a.mask[sample] = plain::sigmoid(out[(patch + j) * P + p]);
      a.noise[sample] = clip.gain * a.noise[sample] + a.mask[sample] * clip.audio[sample];
    }
  }
  return a;
}

template <class Scalar>
void Reference<Scalar>::backward(Scalar* g, const Clip& clip, const Activations<Scalar>& a, const Array& dNoise) const {
  const int64_t P = positions(clip), C = C_;
  const int hidden = shape_.hidden, patch = shape_.patch;
  const Scalar half = std::sqrt(Scalar(0.5)), mean = 1 / std::sqrt(Scalar(shape_.layers));

  const int outputs = shape_.outputs();
  Array dOutput(size_t(outputs * P)), dHidden(size_t(C * P)), dSkip(size_t(C * P));
  for (int64_t p = 0; p < P; p++) {
    for (int j = 0; j < patch; j++) {
      const int64_t sample = p * patch + j;
      dOutput[j * P + p] = dNoise[sample];
      if (!shape_.inputMask) continue;
      dOutput[j * P + p] *= clip.gain;
      dOutput[(patch + j) * P + p] = dNoise[sample] * clip.audio[sample] * a.mask[sample] * (1 - a.mask[sample]);
    }
  }
  convolveBackward(dHidden.data(), g + places_.output.weight, g + places_.output.bias, dOutput.data(), a.hidden.data(),
                   w_ + places_.output.weight, outputs, C_, 1, 1, P);
  for (int64_t i = 0; i < C * P; i++) dHidden[i] *= a.hidden[i] > 0 ? 1 : 0;
  convolveBackward(dSkip.data(), g + places_.skip.weight, g + places_.skip.bias, dHidden.data(), a.skip.data(),
                   w_ + places_.skip.weight, C_, C_, 1, 1, P);

  Array dx(size_t(C * P));  // of the layer's result; nothing reads the last one's
  Array dEmbedding(hidden);
  Array dMel(size_t(shape_.bands * P));  // of the shared upsampled mel
  const Array& frameInput = conditionerInput(clip, a);
  Array dFrames(frameInput.size());
  for (int l = shape_.layers - 1; l >= 0; l--) {
    const LayerOffsets& at = places_.layer[l];
    const auto& layer = a.layers[l];
    Array dOut(size_t(2 * C * P)), dGated(size_t(C * P)), dSum(size_t(2 * C * P)), dy(size_t(C * P));
    for (int64_t i = 0; i < C * P; i++) {
      dOut[i] = dx[i] * half;
      dOut[C * P + i] = dSkip[i] * mean;
    }
    convolveBackward(dGated.data(), g + at.output.weight, g + at.output.bias, dOut.data(), layer.gated.data(),
                     w_ + at.output.weight, 2 * C_, C_, 1, 1, P);
    for (int64_t i = 0; i < C * P; i++) {
      const Scalar one = layer.first[i], two = layer.second[i];
      const Scalar slopeOne = shape_.tanhFirst ? 1 - one * one : one * (1 - one);
      const Scalar slopeTwo = shape_.tanhFirst ? two * (1 - two) : 1 - two * two;
      dSum[i] = dGated[i] * two * slopeOne;
      dSum[C * P + i] = dGated[i] * one * slopeTwo;
    }
    if (shape_.conditioner == Conditioner::transposed) {
      Array own(shape_.upsamplerPerLayer ? dMel.size() : 0);
      Array& dInput = shape_.upsamplerPerLayer ? own : dMel;
      convolveBackward(dInput.data(), g + at.conditioner.weight, g + at.conditioner.bias, dSum.data(),
                       layer.conditioning.data(), w_ + at.conditioner.weight, 2 * C_, shape_.bands, 1, 1, P);
      if (shape_.upsamplerPerLayer) upsampledBackward(g, at.upsampler, clip, layer.upsampled, own);
    } else if (shape_.conditioner == Conditioner::frameRate) {
      Array dProjected(size_t(2 * C * clip.frames));
      for (int64_t p = 0; p < P; p++) {
        int64_t frame, next;
        Scalar fraction;
        interpolate(clip, p, frame, next, fraction);
        for (int64_t o = 0; o < 2 * C; o++) {
          dProjected[o * clip.frames + frame] += (1 - fraction) * dSum[o * P + p];
          dProjected[o * clip.frames + next] += fraction * dSum[o * P + p];
        }
      }
      convolveBackward(dFrames.data(), g + at.conditioner.weight, g + at.conditioner.bias, dProjected.data(),
                       frameInput.data(), w_ + at.conditioner.weight, 2 * C_, shape_.conditionerChannels(), 1, 1,
                       clip.frames);
    }
    convolveBackward(dy.data(), g + at.dilated.weight, g + at.dilated.bias, dSum.data(), layer.y.data(),
                     w_ + at.dilated.weight, 2 * C_, C_, 3, shape_.dilation(l), P);
    Array dStep(C);
    for (int64_t i = 0; i < C * P; i++) {
      dx[i] = dx[i] * half + dy[i];
      dStep[i / P] += shape_.residualAfterStep ? dx[i] : dy[i];
    }
    plain::linearToWeights(g + at.step.weight, g + at.step.bias, dStep.data(), a.embedding.data(), C, hidden);
    plain::linearToInput(dEmbedding.data(), dStep.data(), w_ + at.step.weight, C, hidden);
  }

  for (int64_t i = 0; i < C * P; i++) dx[i] *= a.input[i] > 0 ? 1 : 0;
  convolveBackward<Scalar>(nullptr, g + places_.input.weight, g + places_.input.bias, dx.data(), a.folded.data(),
                           w_ + places_.input.weight, C_, patch, 1, 1, P);

  if (shape_.conditioner == Conditioner::transposed && !shape_.upsamplerPerLayer) {
    upsampledBackward(g, places_.upsampler, clip, a.upsampled, dMel);
  }
  for (int i = shape_.encoders - 1; i >= 0; i--) {
    const Array& in = i > 0 ? a.encoded[i - 1] : clip.mel;
    for (size_t k = 0; k < dFrames.size(); k++) dFrames[k] *= plain::leakyDerivative(a.encoded[i][k]);
    Array dIn(in.size());
    convolveBackward(dIn.data(), g + places_.encoder[i].weight, g + places_.encoder[i].bias, dFrames.data(), in.data(),
                     w_ + places_.encoder[i].weight, shape_.encoderChannels[i],
                     i > 0 ? shape_.encoderChannels[i - 1] : shape_.bands, 3, 1, clip.frames);
    dFrames = std::move(dIn);
  }

  if (shape_.labels > 0) {
    const int row = clip.label < 0 ? shape_.labels : clip.label;
    for (int i = 0; i < hidden; i++) g[places_.labels + int64_t(row) * hidden + i] += dEmbedding[i];
  }
  Array dSilu(hidden);
  for (int i = 0; i < hidden; i++) dEmbedding[i] *= plain::siluDerivative(a.embedded2[i]);
  plain::linearToWeights(g + places_.embedding2.weight, g + places_.embedding2.bias, dEmbedding.data(), a.silu1.data(),
                         hidden, hidden);
  plain::linearToInput(dSilu.data(), dEmbedding.data(), w_ + places_.embedding2.weight, hidden, hidden);
  for (int i = 0; i < hidden; i++) dSilu[i] *= plain::siluDerivative(a.embedded1[i]);
  plain::linearToWeights(g + places_.embedding1.weight, g + places_.embedding1.bias, dSilu.data(),
                         clip.sinusoids.data(), hidden, shape_.embedding);
}

}  // namespace

template <class Scalar>
std::vector<Scalar> referencePredict(const NetworkShape& shape, const Scalar* parameters,
                                     const ReferenceClip<Scalar>& clip) {
  return Reference<Scalar>(shape, parameters).forward(clip).noise;
}

template <class Scalar>
Scalar referenceLossGradients(const NetworkShape& shape, const Scalar* parameters,
                              const std::vector<ReferenceClip<Scalar>>& clips, bool squared, Scalar* gradients,
                              Scalar* clipLosses) {
  const Reference<Scalar> network(shape, parameters);
  std::fill(gradients, gradients + ParameterOffsets(shape).count, Scalar(0));
  size_t samples = 0;
  for (const auto& clip : clips) samples += clip.audio.size();
  Scalar loss = 0;
  for (size_t i = 0; i < clips.size(); i++) {
    const auto& clip = clips[i];
    const auto activations = network.forward(clip);
    std::vector<Scalar> dNoise(clip.audio.size());
    Scalar sum = 0;
    for (size_t n = 0; n < dNoise.size(); n++) {
      const Scalar error = activations.noise[n] - clip.target[n], weight = clip.weight.empty() ? 1 : clip.weight[n];
      const Scalar sign = Scalar(error > 0) - Scalar(error < 0);
      sum += weight * (squared ? error * error : std::abs(error));
      dNoise[n] = weight * (squared ? 2 * error : sign) / Scalar(samples);
    }
    clipLosses[i] = sum / Scalar(clip.audio.size());
    loss += sum / Scalar(samples);
    network.backward(gradients, clip, activations, dNoise);
  }
  return loss;
}

template std::vector<float> referencePredict(const NetworkShape&, const float*, const ReferenceClip<float>&);
template std::vector<double> referencePredict(const NetworkShape&, const double*, const ReferenceClip<double>&);
template float referenceLossGradients(const NetworkShape&, const float*, const std::vector<ReferenceClip<float>>&, bool,
                                      float*, float*);
template double referenceLossGradients(const NetworkShape&, const double*, const std::vector<ReferenceClip<double>>&,
                                       bool, double*, double*);

}  // namespace diffwave
