// Phase refinement: one iteration of fast Griffin-Lim (Griffin & Lim 1984; Perraudin, Balazs & Søndergaard 2013,
// algorithm 2). The magnitudes are the audio's own, scaled to the mel's energy per band.
// src/audio/mel/phase-refinement.ts is the readable version and gives the same bytes.
#pragma once

#include "relaxation.h"
#include "windowed-frames.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Computes values ← |spectrum| or its square, in the mel's units, and clears `gathered`. */
DIFFWAVE_INLINE void energies(const FrameTables& t, FrameScratch& scratch) {
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles re = scratch.spectrum[2 * bin] * t.unit, im = scratch.spectrum[2 * bin + 1] * t.unit;
    const Doubles energy = re * re + im * im;
    scratch.values[bin] = t.squared ? energy : squareRoot(energy);
    scratch.gathered[bin] = Doubles{};
  }
}

/**
 * Computes gathered[bin] ← Σ over bands of filter weight · min(1000, target / energy of the band). 1000 is MAX_GAIN of
 * src/audio/mel/band-gains.ts.
 */
DIFFWAVE_INLINE void gatherRatios(const FrameTask& task, FrameScratch& scratch) {
  constexpr double tiny = 1e-9, maxGain = 1000;
  const FrameTables& t = *task.tables;
  for (int band = 0; band < t.bands; band++) {
    const MelFilter& filter = t.filters[band];
    Doubles sum{};
    for (int i = 0; i < filter.count; i++) sum += filter.weights[i] * scratch.values[filter.first + i];
    const Doubles found = loadDoubles(task.targets + band * task.targetStride) / (sum + tiny);
    const Doubles ratio = found > maxGain ? splatDouble(maxGain) : found;
    for (int i = 0; i < filter.count; i++) scratch.gathered[filter.first + i] += filter.weights[i] * ratio;
  }
}

/**
 * Replaces the consistent spectrum c by c': each bin gets the mel's magnitude and the phase of
 * c + momentum · (c − previous).
 */
DIFFWAVE_NOINLINE static void moveSpectra(const FrameTask& task, FrameScratch& scratch) {
  constexpr double tiny = 1e-12;
  const FrameTables& t = *task.tables;
  energies(t, scratch);
  gatherRatios(task, scratch);
  for (int bin = 0; bin < t.bins; bin++) {
    const Complex c = at(scratch.spectrum, bin);
    if (t.columnSums[bin] == 0) {
      put(scratch.spectrum, bin, {rounded(c.re), rounded(c.im)});
      continue;
    }
    const Doubles ratio = scratch.gathered[bin] / t.columnSums[bin];
    const Doubles value = scratch.values[bin] * (ratio * relaxationFactor(ratio, t.relaxation));
    const Doubles own = t.squared ? squareRoot(value) : value;
    const Doubles magnitude = rounded(t.unit == 1 ? own : own / t.unit);
    const int64_t row = 2 * bin;
    const float* const previous = task.previous + row * task.previousStride;
    const Doubles re = c.re + t.momentum * (c.re - loadWide(previous, doubleLanes));
    const Doubles im = c.im + t.momentum * (c.im - loadWide(previous + task.previousStride, doubleLanes));
    storeNarrow(task.spectra + row * task.spectraStride, c.re, doubleLanes);
    storeNarrow(task.spectra + (row + 1) * task.spectraStride, c.im, doubleLanes);
    const Doubles norm = squareRoot(re * re + im * im) + tiny;
    put(scratch.spectrum, bin, {magnitude * rounded(re / norm), magnitude * rounded(im / norm)});
  }
}

/**
 * Implements FrameKernels::refine: frames [L × frames] = h ⊙ irfft(c'), with the window h, c' from `moveSpectra` of
 * c = rfft(h ⊙ x), and the samples x under a frame. Shapes: `FrameTask`.
 */
inline void refineFrames(const FrameTask& task) {
  FrameScratch scratch(task.scratch, task.tables->size);
  forwardFrames(*task.tables, task.blocks, task.blockStride, scratch.samples, scratch.spectrum);
  moveSpectra(task, scratch);
  inverseFrames(*task.tables, scratch.spectrum, scratch.samples, task.count, task.frames, task.frameStride);
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
