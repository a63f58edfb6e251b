// A term of a loss on audio and its gradient, on consecutive frames of a clip, one frame per lane (`SpectralTask` in
// frame-tasks.h). src/training/objective/time-frequency-loss.ts and magnitude-distance.ts are the readable versions and
// give the same bytes. In the equations X̂ is the spectrum of the network's audio and X that of the recording.
#pragma once

#include "frame-tasks.h"
#include "windowed-frames.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Scratch memory of one worker. L: samples of a frame. */
struct SpectralScratch {
  Doubles* made;     // X̂, later its gradient [2L]
  Doubles* wanted;   // X [2L]
  Doubles* samples;  // [L]

  SpectralScratch(double* memory, int size) {
    made = reinterpret_cast<Doubles*>(memory);
    wanted = made + int64_t(2) * size;
    samples = wanted + int64_t(2) * size;
  }
};

/** Implements FrameKernels::spectralScratchSize. */
inline int64_t spectralScratchSize(int size) { return int64_t(doubleLanes) * 5 * size; }

/** Implements FrameKernels::spectralMagnitudes: |X| [comparedBins × frames], and its sum over each frame [frames]. */
inline void spectralMagnitudes(const SpectralTask& task) {
  const SpectralScratch scratch(task.scratch, task.tables->size);
  forwardFrames(*task.tables, task.wanted, task.blockStride, scratch.samples, scratch.wanted);
  Doubles sum{};
  for (int bin = 0; bin < task.comparedBins; bin++) {
    const Doubles re = scratch.wanted[2 * bin], im = scratch.wanted[2 * bin + 1];
    const Doubles magnitude = squareRoot(re * re + im * im);
    storeDoubles(task.magnitudes + bin * task.magnitudeStride, magnitude);
    sum += magnitude;
  }
  storeDoubles(task.sums, sum);
}

/**
 * Compares the magnitudes A = |X̂| and B = |X|: Σ over bins of |A − B|·unit + |ln((A + c)/(B + c))|, and its gradient.
 * `sums` receives Σ |A − B|. Logarithms are left to JavaScript, because those of C libraries differ. `ratios` receives
 * products of the ratios of `binsPerRatio` bins, each at least 1.
 */
DIFFWAVE_NOINLINE static void compareMagnitudes(const SpectralTask& task, const SpectralScratch& scratch) {
  const double c = task.offset, least = (c / 100) * (c / 100);
  Doubles sum{}, product = splatDouble(1);
  for (int bin = 0; bin < task.comparedBins; bin++) {
    Doubles &re = scratch.made[2 * bin], &im = scratch.made[2 * bin + 1];
    const Doubles a = squareRoot(re * re + im * im + least);
    const Doubles b = loadDoubles(task.magnitudes + bin * task.magnitudeStride);
    const Doubles difference = a - b, above = a + c, below = b + c;
    sum += difference < 0 ? -difference : difference;
    product *= above > below ? above / below : below / above;
    if ((bin + 1) % binsPerRatio == 0 || bin + 1 == task.comparedBins) {
      storeDoubles(task.ratios + bin / binsPerRatio * task.ratioStride, product);
      product = splatDouble(1);
    }
    if (task.weight == 0) continue;
    const Doubles one = splatDouble(1), sign = difference > 0 ? one : difference < 0 ? -one : Doubles{};
    const Doubles factor = sign * (task.unit + 1 / above) * task.share * task.weight / a;
    re *= factor;
    im *= factor;
  }
  storeDoubles(task.sums, sum);
}

/**
 * Weight of a region of two bins: clamp((their mean power + 1e-7)^−½, 0.01, 100). @param pair real part of the first
 * bin
 */
DIFFWAVE_INLINE Doubles regionScale(const Doubles* pair) {
  Doubles power = splatDouble(1e-7);
  for (int part = 0; part < 4; part++) power += pair[part] * pair[part] / 2;
  const Doubles scale = 1 / squareRoot(power), low = splatDouble(1e-2), high = splatDouble(1e2);
  return scale < low ? low : scale > high ? high : scale;
}

/** Weighs squared errors: Σ over bins of scale(X) · |X̂|², and its gradient. Here X̂ is a difference already. */
DIFFWAVE_NOINLINE static void weighErrors(const SpectralTask& task, const SpectralScratch& scratch) {
  Doubles sum{};
  for (int bin = 0; bin < task.comparedBins; bin++) {
    const Doubles scale = regionScale(scratch.wanted + 4 * (bin >> 1));
    Doubles &re = scratch.made[2 * bin], &im = scratch.made[2 * bin + 1];
    sum += scale * (re * re + im * im);
    re *= 2 * scale;
    im *= 2 * scale;
  }
  storeDoubles(task.sums, sum);
}

/**
 * Compares phases, in the frames that take part: Σ over bins of scale(X) · |X̂·|X|/|X̂| − X|², and its gradient. The
 * divisor |X̂| is kept above a tenth of |X|.
 */
DIFFWAVE_NOINLINE static void comparePhases(const SpectralTask& task, const SpectralScratch& scratch) {
  constexpr double leastShare = 0.1 * 0.1, smallest = 1e-12;
  Longs counts{};
  for (int lane = 0; lane < task.count; lane++) counts[lane] = task.counts[lane] != 0 ? -1 : 0;
  Doubles sum{};
  for (int bin = 0; bin < task.comparedBins; bin++) {
    const Doubles scale = regionScale(scratch.wanted + 4 * (bin >> 1));
    const Doubles a = scratch.made[2 * bin], b = scratch.made[2 * bin + 1];
    const Doubles x = scratch.wanted[2 * bin], y = scratch.wanted[2 * bin + 1];
    const Doubles power = x * x + y * y, product = a * x + b * y, root = squareRoot(power);
    const Doubles size = squareRoot(a * a + b * b + leastShare * power + smallest);
    const Doubles factor = 2 * scale * root / size;
    scratch.made[2 * bin] = counts ? factor * (a * product / (size * size) - x) : Doubles{};
    scratch.made[2 * bin + 1] = counts ? factor * (b * product / (size * size) - y) : Doubles{};
    sum += counts ? scale * (2 * (power - root * product / size)) : Doubles{};
  }
  storeDoubles(task.sums, sum);
}

/**
 * Implements FrameKernels::spectralTerm: the sum of each frame's term [frames], and, unless the weight is 0, the
 * gradient with respect to the audio as windowed frames [L × frames].
 */
inline void spectralTerm(const SpectralTask& task) {
  const FrameTables& t = *task.tables;
  const SpectralScratch scratch(task.scratch, t.size);
  forwardFrames(t, task.made, task.blockStride, scratch.samples, scratch.made);
  if (task.kind == SpectralKind::magnitude) {
    compareMagnitudes(task, scratch);
  } else {
    forwardFrames(t, task.wanted, task.blockStride, scratch.samples, scratch.wanted);
    (task.kind == SpectralKind::error ? weighErrors : comparePhases)(task, scratch);
    const double factor = task.share * task.weight;
    for (int i = 0; i < 2 * task.comparedBins; i++) scratch.made[i] *= factor;
  }
  if (task.weight == 0) return;
  for (int i = 2 * task.comparedBins; i < 2 * t.bins; i++) scratch.made[i] = Doubles{};
  // The inverse transform divides by its size, and counts every bin but the first and the last twice.
  for (int i = 0; i < 2 * t.bins; i++) scratch.made[i] *= double(i < 2 || i >= 2 * t.bins - 2 ? t.size : t.size / 2);
  inverseFrames(t, scratch.made, scratch.samples, task.count, task.frames, task.frameStride);
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
