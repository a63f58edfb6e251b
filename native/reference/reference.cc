#include "reference.h"

#include <algorithm>
#include <cmath>

#include "plain-windows.h"
#include "plain.h"

namespace diffwave {
namespace {

/**
 * Convolution along time: out[o, p] += bias[o] + Σ_i Σ_k weight[o, i, k] · in[i, p + (k − ⌊kernel/2⌋) · dilation], with
 * zeros outside 0 … length − 1. out [outputs × length], in [inputs × length], weight [outputs × inputs × kernel].
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

/** Adds to dIn (null if not needed), dWeight and dBias for the gradient dOut [outputs × length] of `convolve`. */
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

/** Activations of one clip that the backward pass needs. P: positions, F: frames, C: channels. */
template <class Scalar>
struct Activations {
  using Array = std::vector<Scalar>;
  Array embedded1, embedded2;  // [hidden] before SiLU
  Array silu1, embedding;      // [hidden] after SiLU; the embedding includes the label
  Array signals;  // [signals × P]: sample p·patch + j is channel j of position p. Behind windows: coefficients
  Array inputs;   // [inputs × P]: the signals; behind an envelope divided by it, and with its logarithms
  Array input;    // [C × P] after ReLU
  std::vector<Array> upsampled;  // shared upsampler: per stride [bands × frames of that stage]
  std::vector<Array> encoded;    // per convolution of the encoder [channels × F], after leaky ReLU
  struct Layer {
    Array x, y;                    // [C × P] without and with the step embedding
    std::vector<Array> upsampled;  // the layer's own upsampler: per stride [bands × frames of that stage]
    Array conditioning;            // [bands × P] the upsampled mel at the positions
    Array sigmoidHalf, tanhHalf;   // [C × P] activated halves of the gate
    Array gated;                   // [C × P] their product
  };
  std::vector<Layer> layers;
  Array skip;        // [C × P] Σ skips / √layers
  Array hidden;      // [C × P] after skip projection and ReLU
  Array mask;        // [masks × P], if the network masks its input
  Array masked;      // [signals × P] the output, in samples or coefficients
  Array prediction;  // [samples]
};

/** Gradients of a clip's activations. The parts of the backward pass share them. */
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

/**
 * The network, with one forward and one backward function per part. Backward functions add to the gradients g of the
 * parameters.
 */
template <class Scalar>
class Reference {
 public:
  using Array = std::vector<Scalar>;
  using Clip = ReferenceClip<Scalar>;
  using State = Activations<Scalar>;
  using Layer = typename State::Layer;

  Reference(const NetworkShape& shape, const Scalar* parameters, const std::atomic<bool>* cancelFlag)
      : shape_(shape),
        offsets_(shape),
        fourier_(shape.windows),
        w_(parameters),
        C_(shape.channels),
        cancelFlag_(cancelFlag) {}

  /** Whether to end the work: checked before each layer. */
  bool cancelled() const { return cancelFlag_ != nullptr && cancelFlag_->load(std::memory_order_relaxed); }

  /** Without a prediction if it was cancelled. */
  State forward(const Clip& clip) const;
  /** Adds the clip's share of ∂loss/∂parameters, given ∂loss/∂prediction [samples]. */
  void backward(Scalar* g, const Clip& clip, const State& a, const Array& dPrediction) const;

 private:
  void embeddingForward(State& a, const Clip& clip) const;
  void embeddingBackward(Scalar* g, const Clip& clip, const State& a, Array dEmbedding) const;
  void melForward(State& a, const Clip& clip) const;
  void melBackward(Scalar* g, const Clip& clip, const State& a, Gradients<Scalar>& d) const;
  void inputForward(State& a, const Clip& clip) const;
  void inputBackward(Scalar* g, const Clip& clip, const State& a, Gradients<Scalar>& d) const;
  void layerForward(int index, State& a, Array& x, const Clip& clip) const;
  void layerBackward(int index, Scalar* g, const Clip& clip, const State& a, Gradients<Scalar>& d) const;
  void conditionerForward(int index, Array& sum, Layer& layer, const State& a, const Clip& clip) const;
  void conditionerBackward(int index, Scalar* g, const Array& dSum, const Clip& clip, const State& a,
                           Gradients<Scalar>& d) const;
  void gateForward(Layer& layer, const Array& sum) const;
  void gateBackward(Array& dSum, const Array& dGated, const Layer& layer) const;
  void outputForward(State& a, const Clip& clip) const;
  void outputBackward(Scalar* g, const Clip& clip, const State& a, const Array& dPrediction,
                      Gradients<Scalar>& d) const;

  /** The windows' two matrices [2N × K]. */
  const Scalar* analysis() const { return shape_.windows.learned ? w_ + offsets_.analysis : fourier_.analysis.data(); }
  const Scalar* synthesis() const {
    return shape_.windows.learned ? w_ + offsets_.synthesis : fourier_.synthesis.data();
  }
  /** Factor of the output f of channel c: the gain, and behind an envelope its deviation. */
  Scalar outputScale(const Clip& clip, int64_t c, int64_t position) const {
    const int64_t bins = shape_.windows.bins;
    const Scalar gain = shape_.inputMask ? clip.gain : 1;
    return shape_.windows.envelope ? gain * clip.deviations[position * bins + c % bins] : gain;
  }
  int64_t positions(const Clip& clip) const { return int64_t(clip.audio.size()) / shape_.patch; }
  std::vector<Array> upsampled(const ParameterOffset* offsets, const Clip& clip) const;
  void upsampledBackward(Scalar* g, const ParameterOffset* offsets, const Clip& clip, const std::vector<Array>& results,
                         const Array& dPositions) const;
  void interpolate(const Clip& clip, int64_t position, int64_t& frame, int64_t& next, Scalar& fraction) const;
  const Array& conditionerInput(const Clip& clip, const State& a) const {
    return a.encoded.empty() ? clip.mel : a.encoded.back();
  }
  /** Offsets of the gate's halves among the 2C channels of the dilated convolution: C · P or 0. */
  int64_t sigmoidAt(int64_t halfSize) const { return shape_.tanhFirst ? halfSize : 0; }
  int64_t tanhAt(int64_t halfSize) const { return shape_.tanhFirst ? 0 : halfSize; }

  const NetworkShape& shape_;
  const ParameterOffsets offsets_;
  const FourierWindows<Scalar> fourier_;
  const Scalar* w_;
  const int C_;
  const std::atomic<bool>* cancelFlag_;
};

/** Computes the mel after each transposed convolution, [bands × frames of that stage]. */
template <class Scalar>
std::vector<std::vector<Scalar>> Reference<Scalar>::upsampled(const ParameterOffset* offsets, const Clip& clip) const {
  std::vector<Array> results;
  int64_t frames = clip.frames;
  const Array* in = &clip.mel;
  results.reserve(size_t(shape_.strides));
  for (int i = 0; i < shape_.strides; i++) {
    const int stride = shape_.stride[i];
    Array out(size_t(shape_.bands * frames * stride));
    plain::upsample(out.data(), in->data(), w_ + offsets[i].weight, w_[offsets[i].bias], shape_.bands, frames, stride,
                    upsamplerKernel(stride), upsamplerPadding(stride));
    frames *= stride;
    results.push_back(std::move(out));
    in = &results.back();
  }
  return results;
}

/**
 * Adds to the upsampler's gradients. dPositions [bands × P] is the gradient of the upsampled mel at the positions,
 * which are every patch-th sample.
 */
template <class Scalar>
void Reference<Scalar>::upsampledBackward(Scalar* g, const ParameterOffset* offsets, const Clip& clip,
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
    plain::upsampleBackward(dIn.data(), g + offsets[i].weight, g + offsets[i].bias, dOut.data(), results[i].data(),
                            in.data(), w_ + offsets[i].weight, shape_.bands, length, stride, upsamplerKernel(stride),
                            upsamplerPadding(stride));
    dOut = std::move(dIn);
  }
}

/**
 * Finds the two frames around a position, and its distance from the first one in frames. Position p lies at sample
 * p·patch, and frame f at sample f·hop.
 */
template <class Scalar>
void Reference<Scalar>::interpolate(const Clip& clip, int64_t position, int64_t& frame, int64_t& next,
                                    Scalar& fraction) const {
  const int64_t sample = clip.melOffset + position * shape_.patch;
  frame = sample / shape_.hop;
  next = std::min(frame + 1, clip.frames - 1);
  fraction = Scalar(sample % shape_.hop) / shape_.hop;
}

template <class Scalar>
typename Reference<Scalar>::State Reference<Scalar>::forward(const Clip& clip) const {
  State a;
  embeddingForward(a, clip);
  melForward(a, clip);
  inputForward(a, clip);
  a.skip.assign(a.input.size(), 0);
  Array x = a.input;
  for (int l = 0; l < shape_.layers && !cancelled(); l++) layerForward(l, a, x, clip);
  if (!cancelled()) outputForward(a, clip);
  return a;
}

template <class Scalar>
void Reference<Scalar>::backward(Scalar* g, const Clip& clip, const State& a, const Array& dPrediction) const {
  const int64_t P = positions(clip), C = C_;
  Gradients<Scalar> d;
  d.skip.resize(size_t(C * P));
  d.x.resize(size_t(C * P));
  d.embedding.resize(size_t(shape_.hidden));
  d.mel.resize(size_t(shape_.bands * P));
  d.frames.resize(conditionerInput(clip, a).size());
  outputBackward(g, clip, a, dPrediction, d);
  for (int l = shape_.layers - 1; l >= 0 && !cancelled(); l--) layerBackward(l, g, clip, a, d);
  if (cancelled()) return;
  inputBackward(g, clip, a, d);
  melBackward(g, clip, a, d);
  embeddingBackward(g, clip, a, std::move(d.embedding));
}

/** The step embedding: sinusoids → linear → SiLU → linear → SiLU (→ + label). */
template <class Scalar>
void Reference<Scalar>::embeddingForward(State& a, const Clip& clip) const {
  const int hidden = shape_.hidden;
  a.embedded1.resize(hidden);
  a.embedded2.resize(hidden);
  plain::linear(a.embedded1.data(), clip.sinusoids.data(), w_ + offsets_.embedding1.weight,
                w_ + offsets_.embedding1.bias, hidden, shape_.embedding);
  for (Scalar v : a.embedded1) a.silu1.push_back(plain::silu(v));
  plain::linear(a.embedded2.data(), a.silu1.data(), w_ + offsets_.embedding2.weight, w_ + offsets_.embedding2.bias,
                hidden, hidden);
  for (Scalar v : a.embedded2) a.embedding.push_back(plain::silu(v));
  if (shape_.labels > 0) {
    const int row = clip.label < 0 ? shape_.labels : clip.label;
    for (int i = 0; i < hidden; i++) a.embedding[i] += w_[offsets_.labels + int64_t(row) * hidden + i];
  }
}

/** The adjoint of `embeddingForward`. dEmbedding [hidden]. */
template <class Scalar>
void Reference<Scalar>::embeddingBackward(Scalar* g, const Clip& clip, const State& a, Array dEmbedding) const {
  const int hidden = shape_.hidden;
  if (shape_.labels > 0) {
    const int row = clip.label < 0 ? shape_.labels : clip.label;
    for (int i = 0; i < hidden; i++) g[offsets_.labels + int64_t(row) * hidden + i] += dEmbedding[i];
  }
  Array dSilu(hidden);
  for (int i = 0; i < hidden; i++) dEmbedding[i] *= plain::siluDerivative(a.embedded2[i]);
  plain::linearToWeights(g + offsets_.embedding2.weight, g + offsets_.embedding2.bias, dEmbedding.data(),
                         a.silu1.data(), hidden, hidden);
  plain::linearToInput(dSilu.data(), dEmbedding.data(), w_ + offsets_.embedding2.weight, hidden, hidden);
  for (int i = 0; i < hidden; i++) dSilu[i] *= plain::siluDerivative(a.embedded1[i]);
  plain::linearToWeights(g + offsets_.embedding1.weight, g + offsets_.embedding1.bias, dSilu.data(),
                         clip.sinusoids.data(), hidden, shape_.embedding);
}

/** Upsamples the mel if all layers share the upsampler, or encodes it. */
template <class Scalar>
void Reference<Scalar>::melForward(State& a, const Clip& clip) const {
  if (shape_.conditioner == Conditioner::transposed && !shape_.upsamplerPerLayer) {
    a.upsampled = upsampled(offsets_.upsampler, clip);
  }
  int frameChannels = shape_.bands;
  for (int i = 0; i < shape_.encoders; i++) {
    Array out(size_t(shape_.encoderChannels[i] * clip.frames));
    const Array& in = i > 0 ? a.encoded[i - 1] : clip.mel;
    convolve(out.data(), in.data(), w_ + offsets_.encoder[i].weight, w_ + offsets_.encoder[i].bias,
             shape_.encoderChannels[i], frameChannels, 3, 1, clip.frames);
    for (Scalar& v : out) v = plain::leaky(v);
    frameChannels = shape_.encoderChannels[i];
    a.encoded.push_back(std::move(out));
  }
}

/** The adjoint of `melForward`, from the gradients d.mel and d.frames. */
template <class Scalar>
void Reference<Scalar>::melBackward(Scalar* g, const Clip& clip, const State& a, Gradients<Scalar>& d) const {
  if (shape_.conditioner == Conditioner::transposed && !shape_.upsamplerPerLayer) {
    upsampledBackward(g, offsets_.upsampler, clip, a.upsampled, d.mel);
  }
  for (int i = shape_.encoders - 1; i >= 0; i--) {
    const Array& in = i > 0 ? a.encoded[i - 1] : clip.mel;
    for (size_t k = 0; k < d.frames.size(); k++) d.frames[k] *= plain::leakyDerivative(a.encoded[i][k]);
    Array dIn(in.size());
    convolveBackward(dIn.data(), g + offsets_.encoder[i].weight, g + offsets_.encoder[i].bias, d.frames.data(),
                     in.data(), w_ + offsets_.encoder[i].weight, shape_.encoderChannels[i],
                     i > 0 ? shape_.encoderChannels[i - 1] : shape_.bands, 3, 1, clip.frames);
    d.frames = std::move(dIn);
  }
}

/** Folds the audio to patches, or transforms its windows, then projects it: relu(W_input · inputs + bias) [C × P]. */
template <class Scalar>
void Reference<Scalar>::inputForward(State& a, const Clip& clip) const {
  const int64_t P = positions(clip), C = C_, bins = shape_.windows.bins;
  const int patch = shape_.patch, inputs = shape_.inputs();
  if (shape_.windowed()) a.signals = plain::encode(shape_.windows, analysis(), clip.audio);
  else a.signals.resize(size_t(patch * P));
  for (int64_t p = 0; p < P && !shape_.windowed(); p++) {
    for (int j = 0; j < patch; j++) a.signals[j * P + p] = clip.audio[p * patch + j];
  }
  a.inputs = a.signals;
  if (shape_.windows.envelope) {
    a.inputs.resize(size_t(inputs * P));
    for (int64_t k = 0; k < bins; k++) {
      for (int64_t p = 0; p < P; p++) {
        const Scalar deviation = clip.deviations[p * bins + k];
        a.inputs[k * P + p] /= deviation;
        a.inputs[(bins + k) * P + p] /= deviation;
        a.inputs[(2 * bins + k) * P + p] = scaledLogarithm(deviation);
      }
    }
  }
  a.input.resize(size_t(C * P));
  convolve(a.input.data(), a.inputs.data(), w_ + offsets_.input.weight, w_ + offsets_.input.bias, C_, inputs, 1, 1, P);
  for (Scalar& v : a.input) v = std::max(v, Scalar(0));
}

/** The adjoint of `inputForward`, from d.x [C × P]. Without learned windows nothing needs the audio's gradient. */
template <class Scalar>
void Reference<Scalar>::inputBackward(Scalar* g, const Clip& clip, const State& a, Gradients<Scalar>& d) const {
  const int64_t P = positions(clip), C = C_;
  for (int64_t i = 0; i < C * P; i++) d.x[i] *= a.input[i] > 0 ? 1 : 0;
  const bool learned = shape_.windows.learned;
  convolveBackward<Scalar>(learned ? d.signals.data() : nullptr, g + offsets_.input.weight, g + offsets_.input.bias,
                           d.x.data(), a.inputs.data(), w_ + offsets_.input.weight, C_, shape_.inputs(), 1, 1, P);
  if (learned) plain::encodeBackward(shape_.windows, g + offsets_.analysis, d.signals, clip.audio);
}

/** Adds the mel's share to the sums of the gate [2C × P]. */
template <class Scalar>
void Reference<Scalar>::conditionerForward(int index, Array& sum, Layer& layer, const State& a,
                                           const Clip& clip) const {
  const int64_t P = positions(clip), C = C_;
  const LayerOffsets& at = offsets_.layer[index];
  if (shape_.conditioner == Conditioner::transposed) {
    if (shape_.upsamplerPerLayer) layer.upsampled = upsampled(at.upsampler, clip);
    const Array& mel = shape_.upsamplerPerLayer ? layer.upsampled.back() : a.upsampled.back();
    layer.conditioning.resize(size_t(shape_.bands * P));
    for (int m = 0; m < shape_.bands; m++) {
      for (int64_t p = 0; p < P; p++) {
        layer.conditioning[m * P + p] = mel[m * clip.frames * shape_.hop + clip.melOffset + p * shape_.patch];
      }
    }
    convolve(sum.data(), layer.conditioning.data(), w_ + at.conditioner.weight, w_ + at.conditioner.bias, 2 * C_,
             shape_.bands, 1, 1, P);
  } else if (shape_.conditioner == Conditioner::frameRate) {
    Array projected(size_t(2 * C * clip.frames));
    convolve(projected.data(), conditionerInput(clip, a).data(), w_ + at.conditioner.weight, w_ + at.conditioner.bias,
             2 * C_, shape_.conditionerChannels(), 1, 1, clip.frames);
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
}

/**
 * The adjoint of `conditionerForward`, from the gradient dSum [2C × P] of the gate's sums. Adds to d.mel or d.frames.
 */
template <class Scalar>
void Reference<Scalar>::conditionerBackward(int index, Scalar* g, const Array& dSum, const Clip& clip, const State& a,
                                            Gradients<Scalar>& d) const {
  const int64_t P = positions(clip), C = C_;
  const LayerOffsets& at = offsets_.layer[index];
  const Layer& layer = a.layers[index];
  const Array& frameInput = conditionerInput(clip, a);
  if (shape_.conditioner == Conditioner::transposed) {
    Array own(shape_.upsamplerPerLayer ? d.mel.size() : 0);
    Array& dInput = shape_.upsamplerPerLayer ? own : d.mel;
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
    convolveBackward(d.frames.data(), g + at.conditioner.weight, g + at.conditioner.bias, dProjected.data(),
                     frameInput.data(), w_ + at.conditioner.weight, 2 * C_, shape_.conditionerChannels(), 1, 1,
                     clip.frames);
  }
}

/** One half of the sums [2C × P] goes through the sigmoid, the other through the tanh. Their product is the gate. */
template <class Scalar>
void Reference<Scalar>::gateForward(Layer& layer, const Array& sum) const {
  const size_t size = sum.size() / 2, sigmoidFirst = size_t(sigmoidAt(int64_t(size))),
               tanhFirst = size_t(tanhAt(int64_t(size)));
  layer.sigmoidHalf.resize(size);
  layer.tanhHalf.resize(size);
  layer.gated.resize(size);
  for (size_t i = 0; i < size; i++) {
    layer.sigmoidHalf[i] = plain::sigmoid(sum[sigmoidFirst + i]);
    layer.tanhHalf[i] = std::tanh(sum[tanhFirst + i]);
    layer.gated[i] = layer.sigmoidHalf[i] * layer.tanhHalf[i];
  }
}

/**
 * The adjoint of `gateForward`: with dGated [C × P], dSum [2C × P] = (dGated · t · s · (1 − s), dGated · s · (1 − t²)).
 */
template <class Scalar>
void Reference<Scalar>::gateBackward(Array& dSum, const Array& dGated, const Layer& layer) const {
  const size_t size = dGated.size(), sigmoidFirst = size_t(sigmoidAt(int64_t(size))),
               tanhFirst = size_t(tanhAt(int64_t(size)));
  for (size_t i = 0; i < size; i++) {
    const Scalar s = layer.sigmoidHalf[i], t = layer.tanhHalf[i];
    dSum[sigmoidFirst + i] = dGated[i] * t * (s * (1 - s));
    dSum[tanhFirst + i] = dGated[i] * s * (1 - t * t);
  }
}

/**
 * One residual layer (Kong et al. 2021, fig. 2): h = W_dilated ∗ y + mel + bias, z = sigmoid(h₁) · tanh(h₂),
 * (residual, skip) = W_output · z + bias. x [C × P] ← (x + residual) · √½, and the skip sum grows.
 */
template <class Scalar>
void Reference<Scalar>::layerForward(int index, State& a, Array& x, const Clip& clip) const {
  const int64_t P = positions(clip), C = C_;
  const int hidden = shape_.hidden;
  const Scalar half = std::sqrt(Scalar(0.5)), mean = 1 / std::sqrt(Scalar(shape_.layers));
  const LayerOffsets& at = offsets_.layer[index];
  Layer layer;
  Array step(C);
  plain::linear(step.data(), a.embedding.data(), w_ + at.step.weight, w_ + at.step.bias, C, hidden);
  layer.x = x;
  layer.y = x;
  for (int64_t i = 0; i < C * P; i++) layer.y[i] += step[i / P];

  Array sum(size_t(2 * C * P));
  convolve(sum.data(), layer.y.data(), w_ + at.dilated.weight, w_ + at.dilated.bias, 2 * C_, C_, 3,
           shape_.dilation(index), P);
  conditionerForward(index, sum, layer, a, clip);
  gateForward(layer, sum);

  Array out(size_t(2 * C * P));
  convolve(out.data(), layer.gated.data(), w_ + at.output.weight, w_ + at.output.bias, 2 * C_, C_, 1, 1, P);
  const Array& from = shape_.residualAfterStep ? layer.y : layer.x;
  for (int64_t i = 0; i < C * P; i++) {
    x[i] = (from[i] + out[i]) * half;
    a.skip[i] += out[C * P + i] * mean;
  }
  a.layers.push_back(std::move(layer));
}

/** The adjoint of `layerForward`. d.x [C × P] holds the gradient of the layer's result, then that of its input. */
template <class Scalar>
void Reference<Scalar>::layerBackward(int index, Scalar* g, const Clip& clip, const State& a,
                                      Gradients<Scalar>& d) const {
  const int64_t P = positions(clip), C = C_;
  const int hidden = shape_.hidden;
  const Scalar half = std::sqrt(Scalar(0.5)), mean = 1 / std::sqrt(Scalar(shape_.layers));
  const LayerOffsets& at = offsets_.layer[index];
  const Layer& layer = a.layers[index];
  Array dOut(size_t(2 * C * P)), dGated(size_t(C * P)), dSum(size_t(2 * C * P)), dy(size_t(C * P));
  for (int64_t i = 0; i < C * P; i++) {
    dOut[i] = d.x[i] * half;
    dOut[C * P + i] = d.skip[i] * mean;
  }
  convolveBackward(dGated.data(), g + at.output.weight, g + at.output.bias, dOut.data(), layer.gated.data(),
                   w_ + at.output.weight, 2 * C_, C_, 1, 1, P);
  gateBackward(dSum, dGated, layer);
  conditionerBackward(index, g, dSum, clip, a, d);
  convolveBackward(dy.data(), g + at.dilated.weight, g + at.dilated.bias, dSum.data(), layer.y.data(),
                   w_ + at.dilated.weight, 2 * C_, C_, 3, shape_.dilation(index), P);
  Array dStep(C);
  for (int64_t i = 0; i < C * P; i++) {
    d.x[i] = d.x[i] * half + dy[i];
    dStep[i / P] += shape_.residualAfterStep ? d.x[i] : dy[i];
  }
  plain::linearToWeights(g + at.step.weight, g + at.step.bias, dStep.data(), a.embedding.data(), C, hidden);
  plain::linearToInput(d.embedding.data(), dStep.data(), w_ + at.step.weight, C, hidden);
}

/**
 * The network's end: the skips are projected, go through a ReLU, and are projected to the patch's samples or the
 * windows' coefficients. An input mask makes gain · f + sigmoid(l) ⊙ input of them. Behind an envelope f is multiplied
 * by it.
 */
template <class Scalar>
void Reference<Scalar>::outputForward(State& a, const Clip& clip) const {
  const int64_t P = positions(clip), C = C_, masks = shape_.masks(), signals = shape_.signals();
  a.hidden.resize(size_t(C * P));
  convolve(a.hidden.data(), a.skip.data(), w_ + offsets_.skip.weight, w_ + offsets_.skip.bias, C_, C_, 1, 1, P);
  for (Scalar& v : a.hidden) v = std::max(v, Scalar(0));
  const int outputs = shape_.outputs();
  Array out(size_t(outputs * P));
  convolve(out.data(), a.hidden.data(), w_ + offsets_.output.weight, w_ + offsets_.output.bias, outputs, C_, 1, 1, P);
  a.mask.resize(shape_.inputMask ? size_t(masks * P) : 0);
  for (size_t i = 0; i < a.mask.size(); i++) a.mask[i] = plain::sigmoid(out[signals * P + int64_t(i)]);
  a.masked.resize(size_t(signals * P));
  for (int64_t c = 0; c < signals; c++) {
    for (int64_t p = 0; p < P; p++) {
      Scalar& y = a.masked[c * P + p];
      y = out[c * P + p] * outputScale(clip, c, p);
      if (shape_.inputMask) y += a.mask[c % masks * P + p] * a.signals[c * P + p];
    }
  }
  if (shape_.windowed()) {
    a.prediction = plain::decode(shape_.windows, synthesis(), a.masked, P);
    return;
  }
  a.prediction.resize(clip.audio.size());
  for (int64_t p = 0; p < P; p++) {
    for (int64_t j = 0; j < signals; j++) a.prediction[p * signals + j] = a.masked[j * P + p];
  }
}

/** The adjoint of `outputForward`, from dPrediction [samples]. Adds to d.skip and sets d.signals. */
template <class Scalar>
void Reference<Scalar>::outputBackward(Scalar* g, const Clip& clip, const State& a, const Array& dPrediction,
                                       Gradients<Scalar>& d) const {
  const int64_t P = positions(clip), C = C_, masks = shape_.masks(), signals = shape_.signals();
  const int outputs = shape_.outputs();
  Array dMasked(size_t(signals * P)), dOutput(size_t(outputs * P)), dHidden(size_t(C * P));
  if (shape_.windowed()) {
    dMasked = plain::decodeBackward(shape_.windows, shape_.windows.learned ? g + offsets_.synthesis : nullptr,
                                    synthesis(), a.masked, dPrediction);
  }
  for (int64_t p = 0; p < P && !shape_.windowed(); p++) {
    for (int64_t j = 0; j < signals; j++) dMasked[j * P + p] = dPrediction[p * signals + j];
  }
  d.signals.resize(size_t(signals * P));
  for (int64_t c = 0; c < signals; c++) {
    for (int64_t p = 0; p < P; p++) {
      const Scalar dy = dMasked[c * P + p];
      dOutput[c * P + p] = dy * outputScale(clip, c, p);
      if (!shape_.inputMask) continue;
      const Scalar m = a.mask[c % masks * P + p];
      d.signals[c * P + p] = m * dy;
      dOutput[(signals + c % masks) * P + p] += dy * a.signals[c * P + p] * m * (1 - m);
    }
  }
  convolveBackward(dHidden.data(), g + offsets_.output.weight, g + offsets_.output.bias, dOutput.data(),
                   a.hidden.data(), w_ + offsets_.output.weight, outputs, C_, 1, 1, P);
  for (int64_t i = 0; i < C * P; i++) dHidden[i] *= a.hidden[i] > 0 ? 1 : 0;
  convolveBackward(d.skip.data(), g + offsets_.skip.weight, g + offsets_.skip.bias, dHidden.data(), a.skip.data(),
                   w_ + offsets_.skip.weight, C_, C_, 1, 1, P);
}

}  // namespace

template <class Scalar>
std::vector<Scalar> referencePredict(const NetworkShape& shape, const Scalar* parameters,
                                     const ReferenceClip<Scalar>& clip, const std::atomic<bool>* cancelled) {
  return Reference<Scalar>(shape, parameters, cancelled).forward(clip).prediction;
}

template <class Scalar>
Scalar referenceLossGradients(const NetworkShape& shape, const Scalar* parameters,
                              const std::vector<ReferenceClip<Scalar>>& clips, bool squared, Scalar* gradients,
                              Scalar* clipLosses, const std::atomic<bool>* cancelled) {
  const Reference<Scalar> network(shape, parameters, cancelled);
  std::fill(gradients, gradients + ParameterOffsets(shape).count, Scalar(0));
  size_t samples = 0;
  for (const auto& clip : clips) samples += clip.audio.size();
  Scalar loss = 0;
  for (size_t i = 0; i < clips.size(); i++) {
    const auto& clip = clips[i];
    const auto activations = network.forward(clip);
    if (activations.prediction.empty()) break;
    std::vector<Scalar> dPrediction(clip.audio.size());
    Scalar sum = 0;
    for (size_t n = 0; n < dPrediction.size(); n++) {
      const Scalar error = activations.prediction[n] - clip.target[n],
                   weight = clip.weight.empty() ? 1 : clip.weight[n];
      const Scalar sign = Scalar(error > 0) - Scalar(error < 0);
      sum += weight * (squared ? error * error : std::abs(error));
      dPrediction[n] = weight * (squared ? 2 * error : sign) / Scalar(samples);
    }
    clipLosses[i] = sum / Scalar(clip.audio.size());
    loss += sum / Scalar(samples);
    network.backward(gradients, clip, activations, dPrediction);
  }
  return loss;
}

template std::vector<float> referencePredict(const NetworkShape&, const float*, const ReferenceClip<float>&,
                                             const std::atomic<bool>*);
template std::vector<double> referencePredict(const NetworkShape&, const double*, const ReferenceClip<double>&,
                                              const std::atomic<bool>*);
template float referenceLossGradients(const NetworkShape&, const float*, const std::vector<ReferenceClip<float>>&, bool,
                                      float*, float*, const std::atomic<bool>*);
template double referenceLossGradients(const NetworkShape&, const double*, const std::vector<ReferenceClip<double>>&,
                                       bool, double*, double*, const std::atomic<bool>*);

}  // namespace diffwave
