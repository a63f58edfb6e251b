// The Adam update (`OptimiserKernels` in optimiser-tasks.h), compiled once per instruction set. All arithmetic is in
// double precision, and each result is rounded to float once, in the order of src/training/optimiser/adam.ts. So the
// bytes are the same.
#pragma once

#include "doubles.h"
#include "normal.h"
#include "optimiser-tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace optimiser {

/**
 * Updates one vector. With the scaled gradient g, the moments m and v, the weights w and their average a:
 *
 *   m ← β₁·m + (1 − β₁)·g
 *   v ← β₂·v + (1 − β₂)·g²
 *   w ← w − stepSize·m / (√v / root + ε)    (Kingma & Ba 2015, algorithm 1)
 *   a ← d·a + (1 − d)·w                     (Polyak averaging)
 *
 * @param count doubleLanes, or fewer at the end of an array
 */
DIFFWAVE_INLINE void adamVector(const AdamNumbers& n, const AdamArrays& a, int64_t at, int count) {
  float scaled[doubleLanes];
  const Doubles gradient = loadWide(a.gradients + at, count);
  const Doubles g = n.gradientScale == 1 ? gradient : storeNarrow(scaled, gradient * n.gradientScale, count);
  const Doubles first = storeNarrow(a.first + at, loadWide(a.first + at, count) * n.beta1 + g * (1 - n.beta1), count);
  const Doubles second =
      storeNarrow(a.second + at, loadWide(a.second + at, count) * n.beta2 + g * g * (1 - n.beta2), count);
  const Doubles change = (n.stepSize * first) / (squareRoot(second) / n.root + n.epsilon);
  const Doubles weights = storeNarrow(a.weights + at, loadWide(a.weights + at, count) - change, count);
  const Doubles average = loadWide(a.average + at, count);
  storeNarrow(a.average + at, n.averageDecay * average + (1 - n.averageDecay) * weights, count);
}

/** Implements OptimiserKernels::adam: updates arrays of `count` numbers. */
inline void adam(const AdamNumbers& numbers, const AdamArrays& arrays) {
  int64_t at = 0;
  for (; at + doubleLanes <= arrays.count; at += doubleLanes) adamVector(numbers, arrays, at, doubleLanes);
  if (at < arrays.count) adamVector(numbers, arrays, at, int(arrays.count - at));
}

}  // namespace optimiser
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
