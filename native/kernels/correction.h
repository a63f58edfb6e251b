// The correction towards a mel, which multiplies each bin with a gain. src/audio/mel/correction.ts is the readable
// version and gives the same bytes. In the equations Z is the spectrum of a pass's input and G the gain of each bin.
#pragma once

#include "relaxation.h"
#include "windowed-frames.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/**
 * Largest gain of one update. The small numbers are added to a band's energy and to a bin's sum of weights, so that
 * nothing is divided by zero.
 */
constexpr double maxUpdateGain = 10, silentBand = 1e-9, tinySum = 1e-12;

/** Limits the factor that an update multiplies a gain with. */
DIFFWAVE_INLINE Doubles boundedRatio(Doubles ratio) {
  return ratio > maxUpdateGain ? splatDouble(maxUpdateGain) : ratio;
}

/** Returns 1/s of a bin, s being the sum of all filters' weights over the bin. */
DIFFWAVE_INLINE double shareOf(const FrameTables& t, int bin) { return 1 / (t.columnSums[bin] + tinySum); }

/** One update of the gains of some frames, one per lane. */
struct GainUpdate {
  const FrameTables& tables;
  const double* targets;  // energies of the bands [M × frames]
  int64_t targetStride;
  const Doubles* magnitudes;  // |Z| [B]
  const Doubles* gains;       // G [B]
  Doubles* next;              // receives G after the update [B]; may be `gains`
  Doubles* ratios;            // receives the factor of each gain, not yet limited [B]
  Doubles* products;          // receives G ⊙ |Z| [B]
  Doubles* sums;              // receives W·(G ⊙ |Z|) + 1e-9 [M]; null if not needed
};

/**
 * Updates the gains: G ← G ⊙ min(10, (Wᵀ·(y/(W·(G ⊙ |Z|) + 1e-9)))/s), the multiplicative update of Lee & Seung 2001,
 * eq. 5. y are the targets [M], W the filters [M × B], and s the sums of their columns [B].
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
 * Implements FrameKernels::correct: frames [L × frames] = h ⊙ irfft(G ⊙ Z) with the window h and Z = rfft(h ⊙ x), where
 * x are the samples under a frame. G starts as ones, is updated `updates` times, and is then relaxed:
 * G ← G ⊙ min(2, max(½, 1 + (r − 1)·(G − 1))), r being the relaxation. Shapes: `FrameTask`.
 */
inline void correctFrames(const FrameTask& task) {
  const FrameTables& t = *task.tables;
  FrameScratch scratch(task.scratch, t.size);
  forwardFrames(t, task.blocks, task.blockStride, scratch.samples, scratch.spectrum);
  // The samples are not read again. Neither is the second half of the spectrum's memory.
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
    const Doubles gain = gains[bin] * relaxationFactor(gains[bin], t.relaxation);
    scratch.spectrum[2 * bin] *= gain;
    scratch.spectrum[2 * bin + 1] *= gain;
  }
  inverseFrames(t, scratch.spectrum, scratch.samples, task.count, task.frames, task.frameStride);
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
