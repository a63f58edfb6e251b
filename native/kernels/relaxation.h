// Relaxation of the refinement and of the correction: how far past the mel a bin is moved.
#pragma once

#include "doubles.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Bounds of the factor. */
constexpr double lowestRelaxation = 0.5, highestRelaxation = 2;

/**
 * Returns the factor by which relaxation changes the ratio of a bin, min(2, max(½, 1 + (relaxation − 1)·(ratio − 1)))
 * (`relaxationFactor` of src/audio/mel/relaxation.ts).
 */
DIFFWAVE_INLINE Doubles relaxationFactor(const Doubles& ratio, double relaxation) {
  const Doubles low = splatDouble(lowestRelaxation), high = splatDouble(highestRelaxation);
  const Doubles factor = 1 + (relaxation - 1) * (ratio - 1);
  return factor < low ? low : factor > high ? high : factor;
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
