// The correction towards a mel: each bin times a gain. The readable version is src/audio/mel/correction.ts; the bytes
// are the same. Z are the spectra of a pass's input, G the gains.
#pragma once

#include "windowed-frames.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Largest gain of one update, magnitudes that count as none, and what keeps a quotient finite. */
constexpr double maxUpdateGain = 10, silentBand = 1e-9, tinySum = 1e-12;

/** What an update multiplies a gain by. */
DIFFWAVE_INLINE Doubles boundedRatio(Doubles ratio) {
  return ratio > maxUpdateGain ? splatDouble(maxUpdateGain) : ratio;
}

/** 1/s of a bin. */
DIFFWAVE_INLINE double shareOf(const FrameTables& t, int bin) { return 1 / (t.columnSums[bin] + tinySum); }

/** One update of the gains of some frames, one per lane. */
struct GainUpdate {
  const FrameTables& tables;
  const double* targets;  // energy of each band [M × frames]
  int64_t targetStride;
  const Doubles* magnitudes;  // |Z| [B]
  const Doubles* gains;       // G [B]
  Doubles* next;              // takes G after the update [B]; may be `gains`
  Doubles* ratios;            // takes what G is multiplied by, before its bound [B]
  Doubles* products;          // takes G ⊙ |Z| [B]
  Doubles* sums;              // takes W·(G ⊙ |Z|) + 1e-9 [M]; null: not needed
};

/**
 * G ← G ⊙ min(10, (Wᵀ·(y/(W·(G ⊙ |Z|) + 1e-9)))/s) (Lee & Seung 2001, eq. 5). y are the targets, W the filters, s the
 * sums of their columns.
 */
DIFFWAVE_INLINE void updateGains(const GainUpdate& u) {
  const FrameTables& t = u.tables;
  for (int bin = 0; bin < t.bins; bin++) {
    u.products[bin] = u.gains[bin] * u.magnitudes[bin];
    u.ratios[bin] = Doubles{};
  }
  for (int band = 0; band < t.bands; band++) {
    const MelFilter& filter = t.filters[band];
    Doubles sum = splatDouble(silentBand);
    for (int i = 0; i < filter.count; i++) sum += filter.weights[i] * u.products[filter.first + i];
    if (u.sums != nullptr) u.sums[band] = sum;
    const Doubles ratio = loadDoubles(u.targets + band * u.targetStride) / sum;
    for (int i = 0; i < filter.count; i++) u.ratios[filter.first + i] += filter.weights[i] * ratio;
  }
  for (int bin = 0; bin < t.bins; bin++) {
    u.ratios[bin] *= shareOf(t, bin);
    u.next[bin] = u.gains[bin] * boundedRatio(u.ratios[bin]);
  }
}

/**
 * FrameKernels::correct: frames [L × frames] = h ⊙ irfft(G ⊙ Z) with the window h and Z = rfft(h ⊙ x), x being what
 * lies in a frame's blocks. G starts as ones and is updated `updates` times. Shapes: `FrameTask`.
 */
[[maybe_unused]] static void correctFrames(const FrameTask& task) {
  const FrameTables& t = *task.tables;
  FrameScratch scratch(task.scratch, t.size);
  forwardFrames(t, task.blocks, task.blockStride, scratch.samples, scratch.spectrum);
  // The samples are not needed again, nor what lies beyond the spectrum.
  Doubles* const gains = scratch.samples;
  Doubles* const products = scratch.spectrum + 2 * t.bins;
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles re = scratch.spectrum[2 * bin], im = scratch.spectrum[2 * bin + 1];
    scratch.values[bin] = squareRoot(re * re + im * im);
    gains[bin] = splatDouble(1);
  }
  for (int update = 0; update < t.updates; update++) {
    updateGains(
        {t, task.targets, task.targetStride, scratch.values, gains, gains, scratch.gathered, products, nullptr});
  }
  for (int bin = 0; bin < t.bins; bin++) {
    scratch.spectrum[2 * bin] *= gains[bin];
    scratch.spectrum[2 * bin + 1] *= gains[bin];
  }
  inverseFrames(t, scratch.spectrum, scratch.samples, task.count, task.frames, task.frameStride);
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
