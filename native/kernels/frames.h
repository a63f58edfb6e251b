// Phase refinement and the correction towards a mel (`FrameKernels` in frame-tasks.h), compiled once per instruction
// set. A refinement's stage is an iteration of fast Griffin-Lim (Griffin & Lim 1984; Perraudin, Balazs & Søndergaard
// 2013, algorithm 2) whose magnitudes are the audio's own, brought to the mel's energy per band; a correction's
// multiplies each bin by a gain. src/audio/mel/phase-refinement.ts and correction.ts are the readable versions.
#pragma once

#include "frame-tasks.h"
#include "front-end.h"
#include "windowed-frames.h"
#ifndef __wasm__
#include "correction-gradient.h"
#include "spectral-term.h"
#endif

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** The scratch memory of one worker. */
struct Scratch {
  Doubles* spectrum;  // [2L]
  Doubles* samples;   // [L]
  Doubles* values;    // [B]
  Doubles* gathered;  // [B]

  static int64_t size(int size) { return int64_t(doubleLanes) * (int64_t(4) * size + 16); }
  Scratch(double* memory, int size) {
    spectrum = reinterpret_cast<Doubles*>(memory);
    samples = spectrum + int64_t(2) * size;
    values = samples + size;
    gathered = values + size / 2 + 8;
  }
};

/** values ← |spectrum|, or its square, in the mel's units. */
DIFFWAVE_INLINE void energies(const FrameTables& t, Scratch& scratch) {
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles re = scratch.spectrum[2 * bin] * t.unit, im = scratch.spectrum[2 * bin + 1] * t.unit;
    const Doubles energy = re * re + im * im;
    scratch.values[bin] = t.squared ? energy : squareRoot(energy);
    scratch.gathered[bin] = Doubles{};
  }
}

/**
 * gathered ← Σ of each bin's filter weights times the ratio of target and energy of the band, at most 1000 (MAX_GAIN
 * of src/audio/mel/band-gains.ts).
 */
DIFFWAVE_INLINE void gatherRatios(const FrameTask& task, Scratch& scratch) {
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

/** What relaxation multiplies a bin's ratio by (MelBands.move of src/audio/mel/bands.ts). */
DIFFWAVE_INLINE Doubles relaxed(const Doubles& ratio, double relaxation) {
  const Doubles low = splatDouble(0.5), high = splatDouble(2);
  const Doubles factor = 1 + (relaxation - 1) * (ratio - 1);
  return factor < low ? low : factor > high ? high : factor;
}

/** Gives each bin the mel's magnitude and the phase of c + momentum · (c − previous), c the consistent spectrum. */
DIFFWAVE_NOINLINE static void moveSpectra(const FrameTask& task, Scratch& scratch) {
  constexpr double tiny = 1e-12;
  const FrameTables& t = *task.tables;
  energies(t, scratch);
  gatherRatios(task, scratch);
  for (int bin = 0; bin < t.bins; bin++) {
    Complex& c = *reinterpret_cast<Complex*>(scratch.spectrum + 2 * bin);
    if (t.columnSums[bin] == 0) {
      c = {rounded(c.re), rounded(c.im)};
      continue;
    }
    const Doubles ratio = scratch.gathered[bin] / t.columnSums[bin];
    const Doubles value = scratch.values[bin] * (ratio * relaxed(ratio, t.relaxation));
    const Doubles own = t.squared ? squareRoot(value) : value;
    const Doubles magnitude = rounded(t.unit == 1 ? own : own / t.unit);
    const int64_t row = 2 * bin;
    const float* const previous = task.previous + row * task.previousStride;
    const Doubles re = c.re + t.momentum * (c.re - loadWide(previous, doubleLanes));
    const Doubles im = c.im + t.momentum * (c.im - loadWide(previous + task.previousStride, doubleLanes));
    storeNarrow(task.spectra + row * task.spectraStride, c.re, doubleLanes);
    storeNarrow(task.spectra + (row + 1) * task.spectraStride, c.im, doubleLanes);
    const Doubles norm = squareRoot(re * re + im * im) + tiny;
    c = {magnitude * rounded(re / norm), magnitude * rounded(im / norm)};
  }
}

/** FrameKernels::refine. */
[[maybe_unused]] static void refineFrames(const FrameTask& task) {
  Scratch scratch(task.scratch, task.tables->size);
  forwardFrames(*task.tables, task.blocks, task.blockStride, scratch.samples, scratch.spectrum);
  moveSpectra(task, scratch);
  inverseFrames(*task.tables, scratch.spectrum, scratch.samples, task.count, task.frames, task.frameStride);
}

/**
 * One update of a correction's gains (Lee & Seung 2001, eq. 5): G ← G ⊙ min(10, (Wᵀ·(y/(W·(G ⊙ |Z|) + 1e-9)))/s), as
 * src/audio/mel/correction.ts. products: room for G ⊙ |Z| [B].
 */
DIFFWAVE_INLINE void updateGains(const FrameTask& task, Scratch& scratch, Doubles* gains, Doubles* products) {
  constexpr double silent = 1e-9, maxGain = 10, tiny = 1e-12;
  const FrameTables& t = *task.tables;
  for (int bin = 0; bin < t.bins; bin++) {
    products[bin] = gains[bin] * scratch.values[bin];
    scratch.gathered[bin] = Doubles{};
  }
  for (int band = 0; band < t.bands; band++) {
    const MelFilter& filter = t.filters[band];
    Doubles sum = splatDouble(silent);
    for (int i = 0; i < filter.count; i++) sum += filter.weights[i] * products[filter.first + i];
    const Doubles ratio = loadDoubles(task.targets + band * task.targetStride) / sum;
    for (int i = 0; i < filter.count; i++) scratch.gathered[filter.first + i] += filter.weights[i] * ratio;
  }
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles ratio = scratch.gathered[bin] * (1 / (t.columnSums[bin] + tiny));
    gains[bin] *= ratio > maxGain ? splatDouble(maxGain) : ratio;
  }
}

/** FrameKernels::correct. */
[[maybe_unused]] static void correctFrames(const FrameTask& task) {
  const FrameTables& t = *task.tables;
  Scratch scratch(task.scratch, t.size);
  forwardFrames(*task.tables, task.blocks, task.blockStride, scratch.samples, scratch.spectrum);
  // The samples are not needed again, nor what lies beyond the spectrum.
  Doubles* const gains = scratch.samples;
  Doubles* const products = scratch.spectrum + 2 * t.bins;
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles re = scratch.spectrum[2 * bin], im = scratch.spectrum[2 * bin + 1];
    scratch.values[bin] = squareRoot(re * re + im * im);
    gains[bin] = splatDouble(1);
  }
  for (int update = 0; update < t.updates; update++) updateGains(task, scratch, gains, products);
  for (int bin = 0; bin < t.bins; bin++) {
    scratch.spectrum[2 * bin] *= gains[bin];
    scratch.spectrum[2 * bin + 1] *= gains[bin];
  }
  inverseFrames(*task.tables, scratch.spectrum, scratch.samples, task.count, task.frames, task.frameStride);
}

/** FrameKernels::overlap. */
[[maybe_unused]] static void overlapFrames(const OverlapTask& task) {
  const FrameTables& t = *task.tables;
  for (int h = 0; h < t.hop; h++) {
    const int parts = (t.size - h + t.hop - 1) / t.hop;
    for (int64_t b = task.begin; b < task.end; b += doubleLanes) {
      Doubles sum{};
      for (int lane = 0; lane < doubleLanes && b + lane < task.carried; lane++) {
        sum[lane] = task.carry[h * task.carried + b + lane];
      }
      for (int q = parts - 1; q >= 0; q--) {
        sum += loadDoubles(task.frames + (h + int64_t(q) * t.hop) * task.frameStride + b - q);
      }
      if (task.divisors != nullptr) {
        sum /= task.divisorStride == 0 ? splatDouble(task.divisors[h])
                                       : loadDoubles(task.divisors + h * task.divisorStride + b);
      }
      storeDoubles(task.blocks + h * task.blockStride + b - task.begin, sum);
    }
  }
}

}  // namespace frames

[[maybe_unused]] static const FrameKernels& frameKernels() {
  static const FrameKernels kernels = {
      doubleLanes,
      frames::Scratch::size,
      frames::refineFrames,
      frames::correctFrames,
      frames::overlapFrames,
      frames::EnvelopeScratch::size,
      frames::frameEnvelopes,
      frames::filterScratchSize,
      frames::addFilteredWindows,
#ifndef __wasm__
      frames::spectralScratchSize,
      frames::spectralMagnitudes,
      frames::spectralTerm,
      frames::gradientScratchSize,
      frames::correctionGradient,
#else
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
#endif
  };
  return kernels;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
