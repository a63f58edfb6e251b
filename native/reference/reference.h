// The whole network in plain loops, forward and backward: the oracle that the kernels are tested against. Nothing is
// divided into blocks or vectorised by hand. Every activation is [channels × positions], row-major, as in the papers.
// It runs in float, and in double for finite differences.
#pragma once

#include <cstdint>
#include <vector>

#include "../network.h"

namespace diffwave {

/** One clip, as src/engines/engine.ts describes it. Lengths are checked by the caller. */
template <class Scalar>
struct ReferenceClip {
  std::vector<Scalar> audio;      // [samples], a multiple of those per position
  std::vector<Scalar> target;     // [samples]; empty: forward only
  std::vector<Scalar> weight;     // [samples], or empty for 1
  std::vector<Scalar> sinusoids;  // [embedding]
  std::vector<Scalar> mel;        // [bands × frames]
  int64_t frames = 0;
  int64_t melOffset = 0;             // samples from the first frame's start to the audio's
  int label = -1;                    // −1: no label
  Scalar gain = 1;                   // of f, if the network masks its input
  std::vector<Scalar> deviations{};  // [positions × bins], behind windows with an envelope
};

/** The network's output for one clip: [samples]. */
template <class Scalar>
std::vector<Scalar> referencePredict(const NetworkShape& shape, const Scalar* parameters,
                                     const ReferenceClip<Scalar>& clip);

/**
 * The mean over all samples of the batch of weight · |prediction − target| (or its square), ∂loss/∂parameters
 * (overwritten, laid out as the parameters) and each clip's own mean [clips].
 */
template <class Scalar>
Scalar referenceLossGradients(const NetworkShape& shape, const Scalar* parameters,
                              const std::vector<ReferenceClip<Scalar>>& clips, bool squared, Scalar* gradients,
                              Scalar* clipLosses);

}  // namespace diffwave
