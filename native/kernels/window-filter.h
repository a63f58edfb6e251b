// A filter of overlapping windows, in double precision, several windows at once, one window per lane.
// src/model/front-end/windows.ts is the readable version. It gives the same bytes, or if phases are moved, the same
// numbers but for rounding.
#pragma once

#include "frame-tasks.h"
#include "lane-rows.h"
#include "minimum-phase.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Doubles of scratch memory that `addFilteredWindows` needs. */
inline int64_t filterScratchSize(int size) { return int64_t(doubleLanes) * 5 * size; }

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
    // Zeros would add nothing, and between voiced stretches there are no pulses.
    if (isSilent(task.samples + p * t.stride, int64_t(count - 1) * t.stride + size)) continue;
    const LaneRows<const float> windows({task.samples, INT64_MAX, t.stride}, p, task.positions);
    const LaneRows<const float> gains({task.gains, INT64_MAX, t.bins}, p, task.positions);
    if (task.magnitudes != nullptr) {
      minimumPhases(t, {{task.magnitudes, INT64_MAX, t.bins}, p, task.positions}, samples, spectrum, filtered);
    }
    for (int n = 0; n < size; n++) samples[n] = t.window[n] * windows.load(n);
    realTransform(spectrum, size, t.roots, samples);
    for (int bin = 0; bin <= half; bin++) {
      const Doubles gain = bin < t.bins ? gains.load(bin) : Doubles{};
      spectrum[2 * bin] *= gain;
      spectrum[2 * bin + 1] *= gain;
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
