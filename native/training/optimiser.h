// The update of the weights on all threads of a pool. Results do not depend on the number of threads: each number is
// computed by itself, and sums run in one order.
#pragma once

#include <vector>

#include "../kernels/optimiser-tasks.h"
#include "../pool.h"

namespace diffwave {

/** Part of the arrays of one parameter or of all of them. */
struct FloatArray {
  float* data;
  int64_t size;
};

/**
 * √Σ g² over all arrays, added in their order: one sum, since a sum in parts would be rounded otherwise than the
 * TypeScript's (`globalNorm` of src/training/optimiser/gradients.ts).
 */
double globalNorm(const std::vector<FloatArray>& arrays);

/** total ← total + more, array by array: the gradients of two parts of a batch. */
void addArrays(Pool& pool, const std::vector<FloatArray>& total, const std::vector<FloatArray>& more);

/** Each number times `factor`. */
void scaleArrays(Pool& pool, const std::vector<FloatArray>& arrays, double factor);

/** One update by Adam of parameters that are given as one set of arrays each. */
void updateByAdam(Pool& pool, const OptimiserKernels& kernels, const AdamNumbers& numbers,
                  const std::vector<AdamArrays>& parameters);

}  // namespace diffwave
