// Kernels of the windowed front end (native/windows.h) between its two transforms: from a position's coefficients X to
// what the network reads, from what the network returns to the output's coefficients Y, and the adjoint of the latter.
// They take one position at a time. There are N bins; cosines come before sines.
#pragma once

#include "partial-vectors.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/**
 * Implements ForwardKernels::windowsInput, the inputs of the first projection behind an envelope:
 * out [3N] = (X / Ē, logarithms). x [2N], deviations and logarithms [N]. Ē repeats the deviations for both halves of X.
 */
inline void windowsInput(float* out, const float* x, const float* deviations, const float* logarithms, int bins) {
  forEachVector(bins, [&](int i, int some) {
    // Past the last bin the deviation is 0. A small number takes its place, so that nothing is divided by zero.
    const Vector e = maximum(loadFirst(deviations + i, some), splat(1e-30f));
    storeFirst(out + i, loadFirst(x + i, some) / e, some);
    storeFirst(out + bins + i, loadFirst(x + bins + i, some) / e, some);
  });
  std::memcpy(out + 2 * bins, logarithms, size_t(bins) * sizeof(float));
}

/**
 * Implements windowsOutput, the coefficients of the output: y [2N] = m ⊙ X + gain · Ē ⊙ f with m = sigmoid(l), or
 * without a mask y = Ē ⊙ f. `output` is f [2N], and with a mask l [N] after it. x [2N] is null without a mask.
 * deviations [N] is null for ones.
 */
inline void windowsOutput(float* y, const float* output, const float* x, const float* deviations, float gain,
                          int bins) {
  // Inlined, so that both WebAssembly builds have the same functions and share most of their bytes in a page.
  forEachVector(
      bins, [&](int i, int some) __attribute__((always_inline)) {
        const Vector scale =
            (deviations == nullptr ? splat(1.0f) : loadFirst(deviations + i, some)) * (x == nullptr ? 1.0f : gain);
        Vector cosine = scale * loadFirst(output + i, some), sine = scale * loadFirst(output + bins + i, some);
        if (x != nullptr) {
          const Vector mask = sigmoid(loadFirst(output + 2 * bins + i, some));
          cosine = fma(mask, loadFirst(x + i, some), cosine);
          sine = fma(mask, loadFirst(x + bins + i, some), sine);
        }
        storeFirst(y + i, cosine, some);
        storeFirst(y + bins + i, sine, some);
      });
}

/**
 * Implements TrainingKernels::windowsOutputBackward, the adjoint of `windowsOutput`. From the gradient d [2N] of y it
 * computes the gradient of `output`, which it overwrites: df = gain · Ē ⊙ d, dl = (d · X, both halves) · m · (1 − m).
 * d becomes the gradient of X through the mask, m ⊙ d. Shapes as in `windowsOutput`.
 */
inline void windowsOutputBackward(float* output, float* d, const float* x, const float* deviations, float gain,
                                  int bins) {
  forEachVector(bins, [&](int i, int some) {
    const Vector scale =
        (deviations == nullptr ? splat(1.0f) : loadFirst(deviations + i, some)) * (x == nullptr ? 1.0f : gain);
    const Vector cosine = loadFirst(d + i, some), sine = loadFirst(d + bins + i, some);
    storeFirst(output + i, scale * cosine, some);
    storeFirst(output + bins + i, scale * sine, some);
    Vector mask{};
    if (x != nullptr) {
      mask = sigmoid(loadFirst(output + 2 * bins + i, some));
      const Vector both = fma(cosine, loadFirst(x + i, some), sine * loadFirst(x + bins + i, some));
      storeFirst(output + 2 * bins + i, both * (mask * (1.0f - mask)), some);
    }
    storeFirst(d + i, mask * cosine, some);
    storeFirst(d + bins + i, mask * sine, some);
  });
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
