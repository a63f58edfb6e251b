// The phases of the minimum-phase filter with given magnitudes, in double precision, several positions at once, one per
// lane. src/model/front-end/minimum-phase.ts is the readable version. It gives the same numbers but for rounding.
#pragma once

#include "elementary.h"
#include "frame-tasks.h"
#include "frame-transform.h"
#include "lane-rows.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/**
 * θ[k] = −2 · Σ c[n] · sin(2πkn/K), n = 1 … K/2 − 1, with the cepstrum c of ln E, the highest bin repeated up to K/2.
 *
 * @param magnitudes E [bins]
 * @param levels scratch memory [K]
 * @param cepstrum scratch memory [2K]
 * @param spectrum receives θ as its imaginary parts [2K]
 */
inline void minimumPhases(const WindowFilterTables& t, const LaneRows<const float>& magnitudes, Doubles* levels,
                          Doubles* cepstrum, Doubles* spectrum) {
  const int half = t.size / 2;
  for (int bin = 0; bin <= half; bin++) {
    levels[bin] = bin < t.bins ? logarithm(magnitudes.load(bin)) : levels[t.bins - 1];
  }
  for (int bin = 1; bin < half; bin++) levels[t.size - bin] = levels[bin];
  // Of real, symmetric values, the transform is real and symmetric, and K times the cepstrum.
  realTransform(cepstrum, t.size, t.roots, levels);
  for (int n = 0; n < t.size; n++) levels[n] = n > 0 && n < half ? cepstrum[2 * n] / double(half) : Doubles{};
  realTransform(spectrum, t.size, t.roots, levels);
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
