// The table of the optimiser's kernels, which each instruction set fills (kernels/optimiser.h, kernels/normal.h).
#pragma once

#include <cstdint>

namespace diffwave {

/** Numbers of one Adam update. The names are those of src/training/optimiser/adam.ts. */
struct AdamNumbers {
  double beta1, beta2, epsilon;
  double stepSize;       // learning rate / (1 − beta1ⁿ)
  double root;           // √(1 − beta2ⁿ)
  double gradientScale;  // 1, or the factor that brings the gradients' norm down to its bound
  double averageDecay;   // share of the old average in the new average
};

/** Arrays of one Adam update, or parts of them, all `count` long. */
struct AdamArrays {
  float* weights;
  const float* gradients;
  float* first;    // first moments
  float* second;   // second moments
  float* average;  // running average of the weights
  int64_t count;
};

/** The optimiser's kernels. Each gives the same bytes as the TypeScript that its comment names. */
struct OptimiserKernels {
  /** Does what scaleGradients, Adam.update and updateAverage do, in this order. */
  void (*adam)(const AdamNumbers&, const AdamArrays&);
  /**
   * Makes the normal numbers start … start + count − 1 of a draw, as `gaussian` of src/core/random.ts does. `doubtful`
   * lists the indices into `out`, at most `count`, whose numbers JavaScript must compute. Those lie so close to the
   * middle between two floats that the last bits of Math.log, sin and cos decide, which differ between versions of
   * Node.js.
   *
   * @returns the number of listed indices
   */
  int64_t (*gaussian)(uint64_t seed, uint32_t draw, int64_t start, int64_t count, float* out, uint32_t* doubtful);
};

}  // namespace diffwave
