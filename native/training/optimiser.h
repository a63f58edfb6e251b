// The update of the weights on all threads of a pool. Each number is computed by itself, and sums run in one order, so
// results do not depend on the number of threads.
#pragma once

#include <vector>

#include "../kernels/optimiser-tasks.h"
#include "../pool.h"

namespace diffwave {

/** An array of numbers, for example the weights of one parameter. */
struct FloatArray {
  float* data;
  int64_t size;
};

/**
 * √Σ g² over all arrays, added in their order. It is one sum, because partial sums would round differently from
 * `globalNorm` of src/training/optimiser/gradients.ts.
 */
double globalNorm(const std::vector<FloatArray>& arrays);

/** total ← total + more, array by array. It adds the gradients of two parts of a batch. */
void addArrays(Pool& pool, const std::vector<FloatArray>& total, const std::vector<FloatArray>& more);

/** Multiplies each number with `factor`. */
void scaleArrays(Pool& pool, const std::vector<FloatArray>& arrays, double factor);

/** Runs one Adam update. Each parameter has one set of arrays. */
void updateByAdam(Pool& pool, const OptimiserKernels& kernels, const AdamNumbers& numbers,
                  const std::vector<AdamArrays>& parameters);

}  // namespace diffwave
