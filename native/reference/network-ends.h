// The two ends of the network in plain loops, from audio to the first layer and from the skips to audio, and their
// adjoints.
#pragma once

#include <algorithm>

#include "activations.h"
#include "convolution.h"
#include "plain-windows.h"
#include "plain.h"

namespace diffwave {
namespace plain {

template <class Scalar>
Convolution inputProjection(const Network<Scalar>& n) {
  return {n.offsets.input, n.shape.channels, n.shape.inputs()};
}

/** Folds audio to patches [patch × P]: channel j of position p is sample p·patch + j. */
template <class Scalar>
std::vector<Scalar> patches(const std::vector<Scalar>& audio, int patch) {
  const int64_t P = int64_t(audio.size()) / patch;
  std::vector<Scalar> folded(audio.size());
  for (int64_t p = 0; p < P; p++) {
    for (int j = 0; j < patch; j++) folded[j * P + p] = audio[p * patch + j];
  }
  return folded;
}

/** The inverse of `patches`, which is its adjoint, too. */
template <class Scalar>
std::vector<Scalar> unfolded(const std::vector<Scalar>& patches, int patch) {
  const int64_t P = int64_t(patches.size()) / patch;
  std::vector<Scalar> audio(patches.size());
  for (int64_t p = 0; p < P; p++) {
    for (int j = 0; j < patch; j++) audio[p * patch + j] = patches[j * P + p];
  }
  return audio;
}

/**
 * What the first projection reads [inputs × P]: the signals; behind an envelope E (X / E, (ln E + 6) / 3), with E for
 * both the cosine and the sine of a bin.
 */
template <class Scalar>
std::vector<Scalar> inputsOf(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip,
                             const std::vector<Scalar>& signals) {
  std::vector<Scalar> inputs = signals;
  if (!n.shape.windows.envelope) return inputs;
  const int64_t P = n.positions(clip), bins = n.shape.windows.bins;
  inputs.resize(size_t(n.shape.inputs() * P));
  for (int64_t k = 0; k < bins; k++) {
    for (int64_t p = 0; p < P; p++) {
      const Scalar deviation = clip.deviations[p * bins + k];
      inputs[k * P + p] /= deviation;
      inputs[(bins + k) * P + p] /= deviation;
      inputs[(2 * bins + k) * P + p] = scaledLogarithm(deviation);
    }
  }
  return inputs;
}

/** Folds the audio to patches, or transforms its windows, then projects it: relu(W_input · inputs + bias) [C × P]. */
template <class Scalar>
void inputForward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, Activations<Scalar>& a) {
  a.signals =
      n.shape.windowed() ? encode(n.shape.windows, n.analysis(), clip.audio) : patches(clip.audio, n.shape.patch);
  a.inputs = inputsOf(n, clip, a.signals);
  a.input.resize(size_t(n.shape.channels * n.positions(clip)));
  convolve(inputProjection(n), n.parameters, a.inputs, a.input);
  for (Scalar& v : a.input) v = std::max(v, Scalar(0));
}

/** The adjoint of `inputForward`, from d.x [C × P]. Without learned windows nothing needs the audio's gradient. */
template <class Scalar>
void inputBackward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, const Activations<Scalar>& a, Scalar* g,
                   Gradients<Scalar>& d) {
  const bool learned = n.shape.windows.learned;
  for (size_t i = 0; i < d.x.size(); i++) d.x[i] *= a.input[i] > 0 ? 1 : 0;
  convolveBackward(inputProjection(n), n.parameters, g, a.inputs, d.x, learned ? &d.signals : nullptr);
  if (learned) encodeBackward(n.shape.windows, g + n.offsets.analysis, d.signals, clip.audio);
}

template <class Scalar>
Convolution skipProjection(const Network<Scalar>& n) {
  return {n.offsets.skip, n.shape.channels, n.shape.channels};
}

template <class Scalar>
Convolution outputProjection(const Network<Scalar>& n) {
  return {n.offsets.output, n.shape.outputs(), n.shape.channels};
}

/** Factor of the output f of channel c: the gain, and behind an envelope its deviation. */
template <class Scalar>
Scalar outputScale(const NetworkShape& shape, const ReferenceClip<Scalar>& clip, int64_t c, int64_t position) {
  const int64_t bins = shape.windows.bins;
  const Scalar gain = shape.inputMask ? clip.gain : 1;
  return shape.windows.envelope ? gain * clip.deviations[position * bins + c % bins] : gain;
}

/**
 * From the mean of the skips to audio: (f, l) = W_output · relu(W_skip · skip + bias) + bias, then f, or with an input
 * mask gain · f + sigmoid(l) ⊙ signals. Behind an envelope f is multiplied by it. The result is unfolded or, behind
 * windows, decoded.
 */
template <class Scalar>
void outputForward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, Activations<Scalar>& a) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip), masks = s.masks(), signals = s.signals();
  std::vector<Scalar> out(size_t(s.outputs() * P));
  a.hidden.resize(size_t(s.channels * P));
  convolve(skipProjection(n), n.parameters, a.skip, a.hidden);
  for (Scalar& v : a.hidden) v = std::max(v, Scalar(0));
  convolve(outputProjection(n), n.parameters, a.hidden, out);
  a.mask.resize(s.inputMask ? size_t(masks * P) : 0);
  for (size_t i = 0; i < a.mask.size(); i++) a.mask[i] = sigmoid(out[signals * P + int64_t(i)]);
  a.masked.resize(size_t(signals * P));
  for (int64_t c = 0; c < signals; c++) {
    for (int64_t p = 0; p < P; p++) {
      Scalar& y = a.masked[c * P + p];
      y = out[c * P + p] * outputScale(s, clip, c, p);
      if (s.inputMask) y += a.mask[c % masks * P + p] * a.signals[c * P + p];
    }
  }
  a.prediction = s.windowed() ? decode(s.windows, n.synthesis(), a.masked, P) : unfolded(a.masked, s.patch);
}

/** The adjoint of `outputForward`, from dPrediction [samples]. Adds to d.skip and sets d.signals. */
template <class Scalar>
void outputBackward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, const Activations<Scalar>& a,
                    const std::vector<Scalar>& dPrediction, Scalar* g, Gradients<Scalar>& d) {
  const NetworkShape& s = n.shape;
  const int64_t P = n.positions(clip), masks = s.masks(), signals = s.signals();
  Scalar* const dSynthesis = s.windows.learned ? g + n.offsets.synthesis : nullptr;
  const std::vector<Scalar> dMasked = s.windowed()
                                          ? decodeBackward(s.windows, dSynthesis, n.synthesis(), a.masked, dPrediction)
                                          : patches(dPrediction, s.patch);
  std::vector<Scalar> dOut(size_t(s.outputs() * P)), dHidden(size_t(s.channels * P));
  d.signals.resize(size_t(signals * P));
  for (int64_t c = 0; c < signals; c++) {
    for (int64_t p = 0; p < P; p++) {
      const Scalar dy = dMasked[c * P + p];
      dOut[c * P + p] = dy * outputScale(s, clip, c, p);
      if (!s.inputMask) continue;
      const Scalar m = a.mask[c % masks * P + p];
      d.signals[c * P + p] = m * dy;
      dOut[(signals + c % masks) * P + p] += dy * a.signals[c * P + p] * m * (1 - m);
    }
  }
  convolveBackward(outputProjection(n), n.parameters, g, a.hidden, dOut, &dHidden);
  for (size_t i = 0; i < dHidden.size(); i++) dHidden[i] *= a.hidden[i] > 0 ? 1 : 0;
  convolveBackward(skipProjection(n), n.parameters, g, a.skip, dHidden, &d.skip);
}

}  // namespace plain
}  // namespace diffwave
