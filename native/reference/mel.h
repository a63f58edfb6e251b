// The mel in plain loops: upsampled, or encoded at the frame rate; and the adjoints.
#pragma once

#include <algorithm>

#include "activations.h"
#include "convolution.h"
#include "plain.h"

namespace diffwave {
namespace plain {

/** Computes the mel after each transposed convolution, [bands × frames of that stage]. */
template <class Scalar>
std::vector<std::vector<Scalar>> upsampledForward(const Network<Scalar>& n, const ParameterOffset* offsets,
                                                  const ReferenceClip<Scalar>& clip) {
  const NetworkShape& s = n.shape;
  std::vector<std::vector<Scalar>> results;
  results.reserve(size_t(s.strides));
  int64_t frames = clip.frames;
  const std::vector<Scalar>* in = &clip.mel;
  for (int i = 0; i < s.strides; i++) {
    const int stride = s.stride[i];
    std::vector<Scalar> out(size_t(s.bands * frames * stride));
    upsample(out.data(), in->data(), n.parameters + offsets[i].weight, n.parameters[offsets[i].bias], s.bands, frames,
             stride, upsamplerKernel(stride), upsamplerPadding(stride));
    frames *= stride;
    results.push_back(std::move(out));
    in = &results.back();
  }
  return results;
}

/**
 * The adjoint of `upsampledForward`: adds to the gradients of its kernels. dPositions [bands × P] is the gradient of
 * the upsampled mel at the positions, which are every patch-th sample.
 */
template <class Scalar>
void upsampledBackward(const Network<Scalar>& n, const ParameterOffset* offsets, const ReferenceClip<Scalar>& clip,
                       const std::vector<std::vector<Scalar>>& results, const std::vector<Scalar>& dPositions,
                       Scalar* g) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip);
  int64_t length = clip.frames * s.hop;
  std::vector<Scalar> dOut(size_t(s.bands * length));
  for (int m = 0; m < s.bands; m++) {
    for (int64_t p = 0; p < P; p++) dOut[m * length + clip.melOffset + p * s.patch] = dPositions[m * P + p];
  }
  for (int i = s.strides - 1; i >= 0; i--) {
    const int stride = s.stride[i];
    length /= stride;
    std::vector<Scalar> dIn(size_t(s.bands * length));
    const std::vector<Scalar>& in = i > 0 ? results[i - 1] : clip.mel;
    upsampleBackward(dIn.data(), g + offsets[i].weight, g + offsets[i].bias, dOut.data(), results[i].data(), in.data(),
                     n.parameters + offsets[i].weight, s.bands, length, stride, upsamplerKernel(stride),
                     upsamplerPadding(stride));
    dOut = std::move(dIn);
  }
}

/** Convolution number i of the mel encoder: three taps over frames. */
template <class Scalar>
Convolution encoderConvolution(const Network<Scalar>& n, int i) {
  const int inputs = i > 0 ? n.shape.encoderChannels[i - 1] : n.shape.bands;
  return {n.offsets.encoder[i], n.shape.encoderChannels[i], inputs, 3, 1};
}

/** Upsamples the mel if all layers share the upsampler, or encodes it: leaky(W ∗ mel + bias), several times. */
template <class Scalar>
void melForward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, Activations<Scalar>& a) {
  if (n.shape.conditioner == Conditioner::transposed && !n.shape.upsamplerPerLayer) {
    a.upsampled = upsampledForward(n, n.offsets.upsampler, clip);
  }
  for (int i = 0; i < n.shape.encoders; i++) {
    std::vector<Scalar> out(size_t(n.shape.encoderChannels[i] * clip.frames));
    convolve(encoderConvolution(n, i), n.parameters, a.frames(clip), out);
    for (Scalar& v : out) v = leaky(v);
    a.encoded.push_back(std::move(out));
  }
}

/** The adjoint of `melForward`, from the gradients d.mel and d.frames. */
template <class Scalar>
void melBackward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, const Activations<Scalar>& a, Scalar* g,
                 Gradients<Scalar>& d) {
  if (n.shape.conditioner == Conditioner::transposed && !n.shape.upsamplerPerLayer) {
    upsampledBackward(n, n.offsets.upsampler, clip, a.upsampled, d.mel, g);
  }
  for (int i = n.shape.encoders - 1; i >= 0; i--) {
    const std::vector<Scalar>& in = i > 0 ? a.encoded[i - 1] : clip.mel;
    for (size_t k = 0; k < d.frames.size(); k++) d.frames[k] *= leakyDerivative(a.encoded[i][k]);
    std::vector<Scalar> dIn(in.size());
    convolveBackward(encoderConvolution(n, i), n.parameters, g, in, d.frames, &dIn);
    d.frames = std::move(dIn);
  }
}

}  // namespace plain
}  // namespace diffwave
