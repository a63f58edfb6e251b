// A filter of overlapping windows, in double precision, several windows at once, one window per lane.
// src/model/front-end/windows.ts is the readable version. It gives the same bytes; if phases are moved, then but for
// rounding.
#pragma once

#include "elementary.h"
#include "frame-tasks.h"
#include "frame-transform.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Doubles of scratch memory that `addFilteredWindows` needs. */
inline int64_t filterScratchSize(int size) { return int64_t(doubleLanes) * 5 * size; }

/**
 * θ, the phases of the minimum-phase filter with magnitudes E [bins] (src/model/front-end/minimum-phase.ts), of as many
 * positions as there are lanes. load(bin) returns E. `cepstrum` [2K] and `levels` [K] are scratch memory.
 *
 * @param spectrum receives θ as its imaginary parts [2K]
 */
template <class Load>
DIFFWAVE_INLINE void minimumPhases(const WindowFilterTables& t, const Load& load, Doubles* levels, Doubles* cepstrum,
                                   Doubles* spectrum) {
  const int half = t.size / 2;
  for (int bin = 0; bin <= half; bin++) levels[bin] = bin < t.bins ? logarithm(load(bin)) : levels[t.bins - 1];
  for (int bin = 1; bin < half; bin++) levels[t.size - bin] = levels[bin];
  // Of real, symmetric values, the transform is real and symmetric, and K times the cepstrum.
  realTransform(cepstrum, t.size, t.roots, levels);
  for (int n = 0; n < t.size; n++) levels[n] = n > 0 && n < half ? cepstrum[2 * n] / double(half) : Doubles{};
  realTransform(spectrum, t.size, t.roots, levels);
}

/** Whether a run of samples is silent. */
static bool isSilent(const float* samples, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (samples[i] != 0) return false;
  }
  return true;
}

/**
 * Implements FrameKernels::filter: sums [samples] += h ⊙ irfft(gains ⊙ rfft(h ⊙ window)) for each window of the
 * samples, with the window function h, as `WindowFilter` of src/model/front-end/windows.ts does. With magnitudes, the
 * gains are complex: their phases are the minimum phases of the magnitudes. Shapes: `WindowFilterTask`.
 */
inline void addFilteredWindows(const WindowFilterTask& task) {
  const WindowFilterTables& t = *task.tables;
  const int size = t.size, half = size / 2;
  Doubles* const spectrum = reinterpret_cast<Doubles*>(task.scratch);  // [2 × size]
  Doubles* const samples = spectrum + int64_t(2) * size;               // [size]
  Doubles* const filtered = samples + size;                            // [2 × size]
  const double scale = 1.0 / size;                                     // a power of two: the product is exact
  for (int64_t p = 0; p < task.positions; p += doubleLanes) {
    const int count = task.positions - p < doubleLanes ? int(task.positions - p) : doubleLanes;
    // Windows of zeros add nothing. Between voiced stretches, all windows of pulses are.
    if (isSilent(task.samples + p * t.stride, int64_t(count - 1) * t.stride + size)) continue;
    const auto rowsOf = [&](const float* values, int bin) {
      Doubles numbers{};
      for (int lane = 0; lane < count; lane++) numbers[lane] = values[(p + lane) * t.bins + bin];
      return numbers;
    };
    if (task.magnitudes != nullptr) {
      minimumPhases(
          t, [&](int bin) { return rowsOf(task.magnitudes, bin); }, samples, spectrum, filtered);
    }
    for (int n = 0; n < size; n++) {
      Doubles here{};
      for (int lane = 0; lane < count; lane++) here[lane] = task.samples[(p + lane) * t.stride + n];
      samples[n] = t.window[n] * here;
    }
    realTransform(spectrum, size, t.roots, samples);
    for (int bin = 0; bin <= half; bin++) {
      const Doubles gains = bin < t.bins ? rowsOf(task.gains, bin) : Doubles{};
      spectrum[2 * bin] *= gains;
      spectrum[2 * bin + 1] *= gains;
      if (task.magnitudes == nullptr || bin >= t.bins) continue;
      Doubles sine, cosine;
      sineCosine(filtered[2 * bin + 1], &sine, &cosine);
      const Complex own = at(spectrum, bin);
      put(spectrum, bin, {own.re * cosine - own.im * sine, own.im * cosine + own.re * sine});
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
