// The table of kernels around an update of the weights, which each instruction set fills (kernels/optimiser.h,
// kernels/normal.h).
#pragma once

#include <cstdint>

namespace diffwave {

/** The numbers of one update by Adam; names as in src/training/optimiser/adam.ts. */
struct AdamNumbers {
  double beta1, beta2, epsilon;
  double stepSize;       // learning rate / (1 − beta1ⁿ)
  double root;           // √(1 − beta2ⁿ)
  double gradientScale;  // 1, or what brings the gradients' norm down to its bound
  double averageDecay;   // share of the old average in the new one
};

/** The arrays of one update, or of a part of it, all `count` long. */
struct AdamArrays {
  float* weights;
  const float* gradients;
  float* first;  // moments
  float* second;
  float* average;  // of the weights
  int64_t count;
};

/** The optimiser's kernels. Each has the very bytes of the TypeScript that it names. */
struct OptimiserKernels {
  /** Adam.update, after scaleGradients and before updateAverage. */
  void (*adam)(const AdamNumbers&, const AdamArrays&);
  /**
   * `gaussian` of src/core/random.ts: normal numbers start … start + count − 1 of a draw, for all but the numbers that
   * it lists in `doubtful` (at most `count` indices into `out`). Those lie so near the middle between two floats that
   * the last bits of Math.log, sin and cos decide, which differ between versions of Node.js.
   *
   * @returns how many are listed
   */
  int64_t (*gaussian)(uint64_t seed, uint32_t draw, int64_t start, int64_t count, float* out, uint32_t* doubtful);
};

}  // namespace diffwave
