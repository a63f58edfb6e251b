#include "reference.h"

#include <algorithm>
#include <cmath>

#include "network-ends.h"
#include "residual-layer.h"
#include "step-embedding.h"

namespace diffwave {
namespace {

bool isSet(const std::atomic<bool>* cancelled) {
  return cancelled != nullptr && cancelled->load(std::memory_order_relaxed);
}

/** Runs the network on one clip. Without a prediction if it was cancelled. */
template <class Scalar>
plain::Activations<Scalar> forward(const plain::Network<Scalar>& network, const ReferenceClip<Scalar>& clip,
                                   const std::atomic<bool>* cancelled) {
  plain::Activations<Scalar> a;
  plain::stepEmbeddingForward(network, clip, a);
  plain::melForward(network, clip, a);
  plain::inputForward(network, clip, a);
  a.skip.assign(a.input.size(), 0);
  std::vector<Scalar> x = a.input;
  for (int l = 0; l < network.shape.layers && !isSet(cancelled); l++) plain::layerForward(network, l, clip, a, x);
  if (!isSet(cancelled)) plain::outputForward(network, clip, a);
  return a;
}

/** Adds the clip's share of ∂loss/∂parameters to g, given ∂loss/∂prediction [samples]. */
template <class Scalar>
void backward(const plain::Network<Scalar>& network, const ReferenceClip<Scalar>& clip,
              const plain::Activations<Scalar>& a, const std::vector<Scalar>& dPrediction, Scalar* g,
              const std::atomic<bool>* cancelled) {
  const NetworkShape& s = network.shape;
  const int64_t P = network.positions(clip);
  plain::Gradients<Scalar> d;
  d.skip.resize(size_t(s.channels * P));
  d.x.resize(size_t(s.channels * P));
  d.embedding.resize(size_t(s.hidden));
  d.mel.resize(size_t(s.bands * P));
  d.frames.resize(a.frames(clip).size());
  plain::outputBackward(network, clip, a, dPrediction, g, d);
  for (int l = s.layers - 1; l >= 0 && !isSet(cancelled); l--) plain::layerBackward(network, l, clip, a, g, d);
  if (isSet(cancelled)) return;
  plain::inputBackward(network, clip, a, g, d);
  plain::melBackward(network, clip, a, g, d);
  plain::stepEmbeddingBackward(network, clip, a, g, d);
}

/**
 * Computes Σ over samples of weight · |prediction − target| or its square, and dPrediction [samples], the gradient of
 * that sum divided by `samples`, the number of the whole batch.
 */
template <class Scalar>
Scalar lossOf(const ReferenceClip<Scalar>& clip, const std::vector<Scalar>& prediction, bool squared, size_t samples,
              std::vector<Scalar>& dPrediction) {
  Scalar sum = 0;
  for (size_t n = 0; n < dPrediction.size(); n++) {
    const Scalar error = prediction[n] - clip.target[n], weight = clip.weight.empty() ? 1 : clip.weight[n];
    const Scalar sign = Scalar(error > 0) - Scalar(error < 0);
    sum += weight * (squared ? error * error : std::abs(error));
    dPrediction[n] = weight * (squared ? 2 * error : sign) / Scalar(samples);
  }
  return sum;
}

}  // namespace

template <class Scalar>
std::vector<Scalar> referencePredict(const NetworkShape& shape, const Scalar* parameters,
                                     const ReferenceClip<Scalar>& clip, const std::atomic<bool>* cancelled) {
  return forward(plain::Network<Scalar>(shape, parameters), clip, cancelled).prediction;
}

template <class Scalar>
Scalar referenceLossGradients(const NetworkShape& shape, const Scalar* parameters,
                              const std::vector<ReferenceClip<Scalar>>& clips, bool squared, Scalar* gradients,
                              Scalar* clipLosses, const std::atomic<bool>* cancelled) {
  const plain::Network<Scalar> network(shape, parameters);
  std::fill(gradients, gradients + network.offsets.count, Scalar(0));
  size_t samples = 0;
  for (const auto& clip : clips) samples += clip.audio.size();
  Scalar loss = 0;
  for (size_t i = 0; i < clips.size(); i++) {
    const auto activations = forward(network, clips[i], cancelled);
    if (activations.prediction.empty()) break;
    std::vector<Scalar> dPrediction(clips[i].audio.size());
    const Scalar sum = lossOf(clips[i], activations.prediction, squared, samples, dPrediction);
    clipLosses[i] = sum / Scalar(clips[i].audio.size());
    loss += sum / Scalar(samples);
    backward(network, clips[i], activations, dPrediction, gradients, cancelled);
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
