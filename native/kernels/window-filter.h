// A filter of overlapping windows, in double precision, several windows at once, one window per lane.
// src/model/front-end/windows.ts is the readable version and gives the same bytes.
#pragma once

#include "frame-tasks.h"
#include "frame-transform.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Doubles of scratch memory that `addFilteredWindows` needs. */
inline int64_t filterScratchSize(int size) { return int64_t(doubleLanes) * 5 * size; }

/**
 * Implements FrameKernels::filter: sums [samples] += h ⊙ irfft(gains ⊙ rfft(h ⊙ window)) for each window of the
 * samples, with the window function h, as `WindowFilter` of src/model/front-end/windows.ts does. Shapes:
 * `WindowFilterTask`.
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
