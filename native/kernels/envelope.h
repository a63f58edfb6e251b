// The envelope that a mel implies, in double precision, several frames at once, one frame per lane.
// src/model/front-end/envelope.ts and src/audio/mel/inverse.ts are the readable versions and give the same bytes.
#pragma once

#include "doubles.h"
#include "frame-tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Scratch memory of `frameEnvelopes`. R = q − 1: bins by which a triangle reaches past the first and the last bin. */
struct EnvelopeScratch {
  Doubles* spectrum;  // [B]
  Doubles* gathered;  // [B]
  Doubles* powers;    // [B + 2R]
  Doubles* targets;   // [M]

  static int64_t size(const EnvelopeTables& t) {
    return int64_t(doubleLanes) * (int64_t(3) * t.bins + 2 * (t.factor - 1) + t.bands);
  }
  EnvelopeScratch(double* memory, const EnvelopeTables& t) {
    spectrum = reinterpret_cast<Doubles*>(memory);
    gathered = spectrum + t.bins;
    powers = gathered + t.bins;
    targets = powers + t.bins + 2 * (t.factor - 1);
  }
};

/** One multiplicative update (Lee & Seung 2001, eq. 5), as in `MelBands.move` of src/audio/mel/bands.ts. */
DIFFWAVE_INLINE void moveSpectrum(const EnvelopeTables& t, const EnvelopeScratch& scratch) {
  constexpr double tiny = 1e-12;
  for (int bin = 0; bin < t.bins; bin++) scratch.gathered[bin] = Doubles{};
  for (int band = 0; band < t.bands; band++) {
    const MelFilter& filter = t.filters[band];
    Doubles sum{};
    for (int i = 0; i < filter.count; i++) sum += filter.weights[i] * scratch.spectrum[filter.first + i];
    const Doubles ratio = scratch.targets[band] / (sum + tiny);
    for (int i = 0; i < filter.count; i++) scratch.gathered[filter.first + i] += filter.weights[i] * ratio;
  }
  for (int bin = 0; bin < t.bins; bin++) {
    if (t.columnSums[bin] > 0) scratch.spectrum[bin] *= scratch.gathered[bin] / t.columnSums[bin];
  }
}

/**
 * Fits magnitudes to the targets, as `MelInverse` of src/audio/mel/inverse.ts does: spreads each band over its bins,
 * then updates.
 */
DIFFWAVE_NOINLINE static void fitSpectrum(const EnvelopeTables& t, const EnvelopeScratch& scratch) {
  constexpr double tiny = 1e-12;
  for (int bin = 0; bin < t.bins; bin++) scratch.spectrum[bin] = Doubles{};
  for (int band = 0; band < t.bands; band++) {
    const MelFilter& filter = t.filters[band];
    double area = 0;
    for (int i = 0; i < filter.count; i++) area += filter.weights[i];
    for (int i = 0; i < filter.count; i++) {
      const int bin = filter.first + i;
      scratch.spectrum[bin] += scratch.targets[band] * filter.weights[i] / (area * (t.columnSums[bin] + tiny));
    }
  }
  for (int update = 0; update < t.updates; update++) moveSpectrum(t, scratch);
}

/**
 * Implements FrameKernels::envelopes: eq. 1 to 3 of src/model/front-end/envelope.ts. out [frames × outputs]; shapes of
 * the rest: `EnvelopeTask`.
 */
inline void frameEnvelopes(const EnvelopeTask& task) {
  const EnvelopeTables& t = *task.tables;
  const EnvelopeScratch scratch(task.scratch, t);
  const int reach = t.factor - 1;
  for (int64_t frame = 0; frame < task.frames; frame += doubleLanes) {
    const int count = task.frames - frame < doubleLanes ? int(task.frames - frame) : doubleLanes;
    for (int band = 0; band < t.bands; band++) {
      Doubles targets{};
      for (int lane = 0; lane < count; lane++) targets[lane] = task.targets[(frame + lane) * t.bands + band];
      scratch.targets[band] = targets;
    }
    fitSpectrum(t, scratch);
    for (int bin = 0; bin < t.bins; bin++) {
      const Doubles value = scratch.spectrum[bin] * t.windowNorm;
      const Doubles magnitude = rounded(t.squared ? squareRoot(value) : value);
      scratch.powers[reach + bin] = magnitude * magnitude;
    }
    // The first and the last bin are repeated beyond the ends.
    for (int i = 0; i < reach; i++) {
      scratch.powers[i] = scratch.powers[reach];
      scratch.powers[reach + t.bins + i] = scratch.powers[reach + t.bins - 1];
    }
    for (int bin = 0; bin < t.outputs; bin++) {
      Doubles sum{};
      for (int j = 0; j < 2 * t.factor - 1; j++) sum += t.triangle[j] * scratch.powers[bin * t.factor + j];
      for (int lane = 0; lane < count; lane++) task.out[(frame + lane) * t.outputs + bin] = float(sum[lane]);
    }
  }
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
