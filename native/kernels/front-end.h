// The arithmetic around a windowed front end in double precision, several frames or windows at once, one per lane
// (`EnvelopeTask` and `WindowFilterTask` in frame-tasks.h). src/model/front-end/ and src/audio/mel/inverse.ts are the
// readable versions; the bytes are the same.
#pragma once

#include "frame-tasks.h"
#include "frame-transform.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** The scratch memory of `frameEnvelopes`. R: bins that a triangle reaches beyond the first and the last. */
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

/** One multiplicative update (Lee & Seung 2001, eq. 5), as `MelBands.move` of src/audio/mel/bands.ts. */
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

/** The magnitudes that fit the targets, as `MelInverse` of src/audio/mel/inverse.ts: each band spread, then updates. */
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

/** FrameKernels::envelopes: eq. 1 to 3 of src/model/front-end/envelope.ts. */
[[maybe_unused]] static void frameEnvelopes(const EnvelopeTask& task) {
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

/** Doubles of scratch memory that `addFilteredWindows` needs. */
[[maybe_unused]] static int64_t filterScratchSize(int size) { return int64_t(doubleLanes) * 5 * size; }

/** FrameKernels::filter: `WindowFilter` of src/model/front-end/windows.ts over consecutive windows. */
[[maybe_unused]] static void addFilteredWindows(const WindowFilterTask& task) {
  const WindowFilterTables& t = *task.tables;
  const int size = t.size, half = size / 2;
  Doubles* const spectrum = reinterpret_cast<Doubles*>(task.scratch);  // [2 × size]
  Doubles* const samples = spectrum + int64_t(2) * size;               // [size]
  Doubles* const filtered = samples + size;                            // [2 × size]
  const double scale = 1.0 / size;                                     // a power of two: the product is exact
  for (int64_t p = 0; p < task.positions; p += doubleLanes) {
    const int count = task.positions - p < doubleLanes ? int(task.positions - p) : doubleLanes;
    for (int n = 0; n < size; n++) {
      Doubles here{};
      for (int lane = 0; lane < count; lane++) here[lane] = task.samples[(p + lane) * t.stride + n];
      samples[n] = t.window[n] * here;
    }
    realTransform(spectrum, size, t.roots, [&](int i) { return samples[i]; });
    for (int bin = 0; bin <= half; bin++) {
      Doubles gains{};
      for (int lane = 0; lane < count && bin < t.bins; lane++) gains[lane] = task.gains[(p + lane) * t.bins + bin];
      spectrum[2 * bin] *= gains;
      spectrum[2 * bin + 1] *= gains;
    }
    inverseTransform(filtered, size, t.roots, size, [&](int k) {
      if (k <= half) return at(spectrum, k);
      const Complex mirror = at(spectrum, size - k);
      return Complex{mirror.re, -mirror.im};
    });
    for (int n = 0; n < size; n++) samples[n] = t.window[n] * (filtered[2 * n] * scale);
    for (int lane = 0; lane < count; lane++) {
      double* const sums = task.sums + (p + lane) * t.stride;
      for (int n = 0; n < size; n++) sums[n] += samples[n][lane];
    }
  }
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
