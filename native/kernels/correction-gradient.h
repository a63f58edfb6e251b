// The gradient of one pass of the correction towards a mel on some frames of a clip, one per lane
// (`CorrectionGradientTask` in frame-tasks.h). The readable version is src/audio/mel/correction.ts; the bytes are the
// same. Z are the spectra of the pass's input, G the gains, U their updates.
#pragma once

#include "correction.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** The scratch memory of one worker. */
struct GradientScratch {
  Doubles* spectrum;     // Z [2L]
  Doubles* byProduct;    // ∂loss/∂(G ⊙ Z), then ∂loss/∂Z [2L]
  Doubles* samples;      // [L]
  Doubles* magnitudes;   // |Z| [B]
  Doubles* byMagnitude;  // ∂loss/∂|Z| [B]
  Doubles* byGain;       // [B]
  Doubles* byScaled;     // ∂loss/∂(G ⊙ |Z|) of one update; forwards G ⊙ |Z| [B]
  Doubles* gains;        // G before each update, and after the last [(U + 1) × B]
  Doubles* ratios;       // what each update multiplies by, before its bound [U × B]
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

/** FrameKernels::gradientScratchSize. */
[[maybe_unused]] static int64_t gradientScratchSize(const FrameTables& tables) { return GradientScratch::size(tables); }

/** All updates of the gains, kept. */
DIFFWAVE_NOINLINE static void recordGains(const CorrectionGradientTask& task, const GradientScratch& s) {
  const FrameTables& t = *task.tables;
  for (int bin = 0; bin < t.bins; bin++) s.gains[bin] = splatDouble(1);
  for (int64_t update = 0; update < t.updates; update++) {
    Doubles* const gains = s.gains + update * t.bins;
    updateGains({t, task.targets, task.targetStride, s.magnitudes, gains, gains + t.bins, s.ratios + update * t.bins,
                 s.byScaled, s.sums + update * t.bands});
  }
}

/** byMagnitude ← ∂loss/∂|Z| through the gains, from byGain, which is changed. */
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
 * FrameKernels::correctionGradient: frames [L × frames] = h ⊙ irfft(∂loss/∂Z), from ∂loss/∂(G ⊙ Z) = rfft(h ⊙ byResult)
 * by way of Z itself and of |Z| in G. Shapes: `CorrectionGradientTask`.
 */
[[maybe_unused]] static void correctionGradient(const CorrectionGradientTask& task) {
  const FrameTables& t = *task.tables;
  const GradientScratch s(task.scratch, t);
  forwardFrames(t, task.blocks, task.blockStride, s.samples, s.spectrum);
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles re = s.spectrum[2 * bin], im = s.spectrum[2 * bin + 1];
    s.magnitudes[bin] = squareRoot(re * re + im * im);
  }
  recordGains(task, s);
  // The inverse transform counts a bin c/L times, c = 1 for the first and the last bin, else 2; the gradient of the
  // forward transform, which the inverse brings back, counts each once: c·L/(L·c) = 1 is left.
  forwardFrames(t, task.byResult, task.blockStride, s.samples, s.byProduct);
  const auto countOf = [&](int bin) { return bin == 0 || bin == t.bins - 1 ? 1.0 : 2.0; };
  for (int bin = 0; bin < t.bins; bin++) {
    const Doubles byGain =
        s.spectrum[2 * bin] * s.byProduct[2 * bin] + s.spectrum[2 * bin + 1] * s.byProduct[2 * bin + 1];
    s.byGain[bin] = byGain * countOf(bin);
  }
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
