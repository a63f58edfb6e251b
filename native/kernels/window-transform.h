// The transforms of a windowed front end whose windows are not learned (native/windows.h), in double precision, several
// positions at once, one per lane. They compute what products with the matrices `analysis` and `synthesis` would, in
// O(K·log K) operations per position instead of O(K·N).
#pragma once

#include "frame-transform.h"
#include "lane-rows.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Scratch memory of `encodeWindows` and `decodeWindows`, in the memory of a task. K: samples of a window. */
struct WindowScratch {
  Doubles* samples;   // [K]
  Doubles* spectrum;  // [2K]

  /** Floats that a window of K samples needs. */
  static int64_t size(int kernel) { return int64_t(3) * kernel * int64_t(sizeof(Doubles) / sizeof(float)); }
  WindowScratch(float* memory, int kernel) : samples(reinterpret_cast<Doubles*>(memory)), spectrum(samples + kernel) {}
};

/**
 * Implements ForwardKernels::encodeWindows: X[k] = Re F[k]/U and X[N + k] = −Im F[k]/U with F = rfft(w ⊙ x), for the
 * bins k = 0 … N − 1. Shapes: `WindowsTask`.
 */
inline void encodeWindows(const WindowsTask& task) {
  const WindowTables& t = *task.tables;
  const WindowScratch scratch(task.scratch, t.kernel);
  const double scale = 1 / t.unit;
  for (int64_t position = task.begin; position < task.end; position += doubleLanes) {
    const LaneRows<const float> x(task.input, position - task.inputShift, task.end - task.inputShift);
    const LaneRows<float> out(task.output, position, task.end);
    for (int n = 0; n < t.kernel; n++) scratch.samples[n] = x.load(n) * t.window[n];
    realTransform(scratch.spectrum, t.kernel, t.roots, scratch.samples);
    for (int k = 0; k < t.bins; k++) {
      const Complex bin = at(scratch.spectrum, k);
      out.store(k, bin.re * scale);
      out.store(t.bins + k, bin.im * -scale);
    }
  }
}

/**
 * Implements ForwardKernels::decodeWindows: piece = U · w ⊙ irfft(F) with F[k] = Y[k] − i·Y[N + k] for the bins
 * k = 0 … N − 1, and 0 above. Shapes: `WindowsTask`.
 */
inline void decodeWindows(const WindowsTask& task) {
  const WindowTables& t = *task.tables;
  const WindowScratch scratch(task.scratch, t.kernel);
  const int half = t.kernel / 2;
  const double scale = t.unit / half;
  for (int64_t position = task.begin; position < task.end; position += doubleLanes) {
    const LaneRows<const float> y(task.input, position - task.inputShift, task.end - task.inputShift);
    const LaneRows<float> out(task.output, position, task.end);
    for (int k = 0; k <= half; k++) {
      put(scratch.spectrum, k, k < t.bins ? Complex{y.load(k), -y.load(t.bins + k)} : Complex{Doubles{}, Doubles{}});
    }
    realInverse(scratch.samples, t.kernel, t.roots, scratch.spectrum);
    for (int n = 0; n < t.kernel; n++) out.store(n, scratch.samples[n] * (scale * t.window[n]));
  }
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
