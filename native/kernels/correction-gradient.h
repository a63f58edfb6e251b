// The gradient of one pass of the correction towards a mel, on consecutive frames of a clip, one frame per lane
// (`CorrectionGradientTask` in frame-tasks.h). src/audio/mel/correction.ts is the readable version and gives the same
// bytes. In the equations Z is the spectrum of the pass's input, G the gain of each bin, and ⊙ the product per bin.
#pragma once

#include "correction.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Scratch memory of one worker. L: samples of a frame, B: bins, U: updates of the gains, M: mel bands. */
struct GradientScratch {
  Doubles* spectrum;     // Z [2L]
  Doubles* byProduct;    // ∂loss/∂(G ⊙ Z), later ∂loss/∂Z [2L]
  Doubles* samples;      // [L]
  Doubles* magnitudes;   // |Z| [B]
  Doubles* byMagnitude;  // ∂loss/∂|Z| [B]
  Doubles* byGain;       // [B]
  Doubles* byScaled;     // forward G ⊙ |Z|, backward ∂loss/∂(G ⊙ |Z|) of one update [B]
  Doubles* gains;        // G before each update, and after the last one [(U + 1) × B]
  Doubles* ratios;       // factor of each update, not yet limited [U × B]
  Doubles* sums;         // W·(G ⊙ |Z|) + 1e-9 of each update [U × M]

  static int64_t size(const FrameTables& t) {
    const int64_t perBin = int64_t(5) + 2 * t.updates;
    return int64_t(doubleLanes) * (int64_t(5) * t.size + perBin * t.bins + int64_t(t.updates) * t.bands);
  }
  GradientScratch(double* memory, const FrameTables& t) {
    const int64_t bins = t.bins;
    spectrum = reinterpret_cast<Doubles*>(memory);
    byProduct = spectrum + int64_t(2) * t.size;
    samples = byProduct + int64_t(2) * t.size;
    magnitudes = samples + t.size;
    byMagnitude = magnitudes + bins;
    byGain = byMagnitude + bins;
    byScaled = byGain + bins;
    gains = byScaled + bins;
    ratios = gains + (t.updates + 1) * bins;
    sums = ratios + t.updates * bins;
  }
};

/** Implements FrameKernels::gradientScratchSize. */
inline int64_t gradientScratchSize(const FrameTables& tables) { return GradientScratch::size(tables); }

/** Runs all updates of the gains and stores what the way back needs. */
DIFFWAVE_NOINLINE static void recordGains(const CorrectionGradientTask& task, const GradientScratch& s) {
  const FrameTables& t = *task.tables;
  for (int bin = 0; bin < t.bins; bin++) s.gains[bin] = splatDouble(1);
  for (int64_t update = 0; update < t.updates; update++) {
    Doubles* const gains = s.gains + update * t.bins;
    updateGains({t, task.targets, task.targetStride, s.magnitudes, gains, gains + t.bins, s.ratios + update * t.bins,
                 s.byScaled, s.sums + update * t.bands});
  }
}

/**
 * Turns byGain from ∂loss/∂G of the relaxed gains into that of the gains before, and replaces the latter by the former.
 * A factor at its bounds is constant.
 */
DIFFWAVE_NOINLINE static void relaxGains(const FrameTables& t, const GradientScratch& s) {
  Doubles* const gains = s.gains + int64_t(t.updates) * t.bins;
  const Doubles low = splatDouble(lowestRelaxation), high = splatDouble(highestRelaxation);
  const double slope = t.relaxation - 1;
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles gain = gains[bin], factor = relaxationFactor(gain, t.relaxation);
    const Doubles inside = factor > low ? factor + gain * slope : factor;
    s.byGain[bin] = s.byGain[bin] * (factor < high ? inside : factor);
    gains[bin] = gain * factor;
  }
}

/** Computes byMagnitude ← ∂loss/∂|Z| by way of the gains, from ∂loss/∂G in byGain, which is overwritten. */
DIFFWAVE_NOINLINE static void gradientOfGains(const CorrectionGradientTask& task, const GradientScratch& s) {
  const FrameTables& t = *task.tables;
  for (int bin = 0; bin < t.bins; bin++) s.byMagnitude[bin] = Doubles{};
  for (int64_t update = t.updates - 1; update >= 0; update--) {
    const Doubles *const gains = s.gains + update * t.bins, *const ratios = s.ratios + update * t.bins;
    for (int bin = 0; bin < t.bins; bin++) s.byScaled[bin] = Doubles{};
    for (int band = 0; band < t.bands; band++) {
      const MelFilter& filter = t.filters[band];
      Doubles byRatio{};
      for (int i = 0; i < filter.count; i++) {
        const int bin = filter.first + i;
        const double share = filter.weights[i] * shareOf(t, bin);
        byRatio += ratios[bin] <= maxUpdateGain ? share * s.byGain[bin] * gains[bin] : Doubles{};
      }
      const Doubles sum = s.sums[update * t.bands + band];
      const Doubles bySum = -byRatio * loadDoubles(task.targets + band * task.targetStride) / (sum * sum);
      for (int i = 0; i < filter.count; i++) s.byScaled[filter.first + i] += filter.weights[i] * bySum;
    }
    for (int bin = 0; bin < t.bins; bin++) {
      s.byMagnitude[bin] += s.byScaled[bin] * gains[bin];
      s.byGain[bin] = s.byGain[bin] * boundedRatio(ratios[bin]) + s.byScaled[bin] * s.magnitudes[bin];
    }
  }
}

/**
 * Implements FrameKernels::correctionGradient: frames [L × frames] = h ⊙ irfft(∂loss/∂Z), h being the window. It starts
 * from ∂loss/∂(G ⊙ Z) = rfft(h ⊙ byResult). The loss depends on Z directly, and through |Z| in G. Shapes:
 * `CorrectionGradientTask`.
 */
inline void correctionGradient(const CorrectionGradientTask& task) {
  const FrameTables& t = *task.tables;
  const GradientScratch s(task.scratch, t);
  forwardFrames(t, task.blocks, task.blockStride, s.samples, s.spectrum);
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles re = s.spectrum[2 * bin], im = s.spectrum[2 * bin + 1];
    s.magnitudes[bin] = squareRoot(re * re + im * im);
  }
  recordGains(task, s);
  // The inverse transform weights each bin with c/L, where c is 1 for the first and the last bin, else 2. The gradient
  // of the forward transform, which `inverseFrames` computes, weights each bin with L/c. The product is 1.
  forwardFrames(t, task.byResult, task.blockStride, s.samples, s.byProduct);
  const auto countOf = [&](int bin) { return bin == 0 || bin == t.bins - 1 ? 1.0 : 2.0; };
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles byGain =
        s.spectrum[2 * bin] * s.byProduct[2 * bin] + s.spectrum[2 * bin + 1] * s.byProduct[2 * bin + 1];
    s.byGain[bin] = byGain * countOf(bin);
  }
  relaxGains(t, s);
  gradientOfGains(task, s);
  const Doubles* const gains = s.gains + int64_t(t.updates) * t.bins;
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles magnitude = s.magnitudes[bin];
    const Doubles slope = magnitude == 0 ? Doubles{} : s.byMagnitude[bin] / countOf(bin) / magnitude;
    for (int i = 2 * bin; i < 2 * bin + 2; i++) s.byProduct[i] = s.byProduct[i] * gains[bin] + slope * s.spectrum[i];
  }
  inverseFrames(t, s.byProduct, s.samples, task.count, task.frames, task.frameStride);
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
