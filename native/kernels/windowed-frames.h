// Transforms of the overlapping frames of a clip, which lies in blocks of a hop: to spectra, and back.
#pragma once

#include "frame-tasks.h"
#include "frame-transform.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** Scratch memory of one worker for `FrameTask`. L: samples of a frame, B: bins. */
struct FrameScratch {
  Doubles* spectrum;  // [2L]
  Doubles* samples;   // [L]
  Doubles* values;    // [B]
  Doubles* gathered;  // [B]

  static int64_t size(int size) { return int64_t(doubleLanes) * (int64_t(4) * size + 16); }
  FrameScratch(double* memory, int size) {
    spectrum = reinterpret_cast<Doubles*>(memory);
    samples = spectrum + int64_t(2) * size;
    values = samples + size;
    gathered = values + size / 2 + 8;
  }
};

/**
 * Computes the spectra of consecutive frames: spectrum = rfft(h ⊙ x) with the window h.
 *
 * @param blocks samples x [H × blocks]; column 0 is the first block of the first frame
 * @param samples scratch for the windowed frames [L]
 * @param spectrum receives the bins, and has room for twice as many [2L]
 */
DIFFWAVE_NOINLINE static void forwardFrames(const FrameTables& t, const double* blocks, int64_t blockStride,
                                            Doubles* samples, Doubles* spectrum) {
  for (int q = 0; q < t.overlap; q++) {
    const int end = t.size - q * t.hop < t.hop ? t.size - q * t.hop : t.hop;
    for (int h = 0; h < end; h++) {
      const int i = q * t.hop + h;
      samples[i] = loadDoubles(blocks + h * blockStride + q) * t.window[i];
    }
  }
  realTransform(spectrum, t.size, t.roots, samples);
}

/**
 * Transforms `count` spectra back: frames = h ⊙ irfft(spectrum). The lanes after them become zero.
 *
 * @param samples scratch for the frames before they are windowed [L]
 * @param frames receives the frames [L × frames]
 */
DIFFWAVE_NOINLINE static void inverseFrames(const FrameTables& t, const Doubles* spectrum, Doubles* samples, int count,
                                            double* frames, int64_t frameStride) {
  const int half = t.size / 2;
  realInverse(samples, t.size, t.roots, spectrum);
  const double scale = 1.0 / half;  // a power of two: the product is exact
  for (int i = 0; i < t.size; i++) storeDoubles(frames + i * frameStride, samples[i] * scale * t.window[i]);
  for (int i = 0; count < doubleLanes && i < t.size; i++) {
    for (int lane = count; lane < doubleLanes; lane++) frames[i * frameStride + lane] = 0;
  }
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
