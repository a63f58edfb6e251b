// The whole network in plain loops, forward and backward: the oracle that the kernels are tested against. Nothing is
// divided into blocks or vectorised by hand. Every activation is [channels × positions], row-major, as in the papers.
// It runs in float, and in double for finite differences.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "../network.h"

namespace diffwave {

/** One clip, as src/engines/engine.ts describes it. The caller has checked the lengths. */
template <class Scalar>
struct ReferenceClip {
  std::vector<Scalar> audio;      // [samples], a multiple of the samples per position
  std::vector<Scalar> target;     // [samples]; empty for the forward pass alone
  std::vector<Scalar> weight;     // [samples], or empty for ones
  std::vector<Scalar> sinusoids;  // [embedding]
  std::vector<Scalar> mel;        // [bands × frames]
  int64_t frames = 0;
  int64_t melOffset = 0;             // samples from the first frame's start to the audio's
  int label = -1;                    // −1 for no label
  Scalar gain = 1;                   // factor of f, if the network masks its input
  std::vector<Scalar> deviations{};  // [positions × bins], if the windowed front end has an envelope
};

/**
 * Computes the network's output for one clip [samples].
 *
 * @param cancelled may be set meanwhile. Then the work ends at the next layer, and the result is empty
 */
template <class Scalar>
std::vector<Scalar> referencePredict(const NetworkShape& shape, const Scalar* parameters,
                                     const ReferenceClip<Scalar>& clip, const std::atomic<bool>* cancelled = nullptr);

/**
 * Computes the loss, the mean over all samples of the batch of weight · |prediction − target| or its square.
 * `gradients` receives ∂loss/∂parameters, laid out as the parameters, and clipLosses [clips] each clip's own mean.
 *
 * @param cancelled may be set meanwhile. Then the work ends at the next layer, and the results mean nothing
 */
template <class Scalar>
Scalar referenceLossGradients(const NetworkShape& shape, const Scalar* parameters,
                              const std::vector<ReferenceClip<Scalar>>& clips, bool squared, Scalar* gradients,
                              Scalar* clipLosses, const std::atomic<bool>* cancelled = nullptr);

}  // namespace diffwave
