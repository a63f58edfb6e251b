// The slow parts of losses on audio, on all threads of a pool: spectral terms (src/training/objective/) and the
// gradient of the correction towards a mel (src/audio/mel/correction.ts). The bytes are those of the TypeScript. Each
// term or clip is computed by itself, so results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "../kernels/frame-tasks.h"
#include "../pool.h"
#include "../rounding.h"

namespace diffwave {

/** One term of one clip. Frames have L samples and lie L/4 apart. */
struct SpectralTerm {
  /** Number of frames that overlap at a sample. */
  static constexpr int overlap = 4;

  const FrameTables* tables;
  SpectralKind kind;
  const float* made;    // the network's audio; for `error` its difference from the recording [samples]
  const float* wanted;  // the recording [samples]
  int64_t samples;
  int comparedBins;             // number of bins, from 0 Hz up, that take part
  double weight;                // factor of the gradient; with 0 the gradient is not computed
  double offset;                // `magnitude`: c of the logarithms
  const unsigned char* counts;  // `phase`: whether each frame takes part [frames]
  double* gradient;             // receives weight · ∂loss/∂made [samples]
  double* sums;    // receives a sum per frame [frames]; `magnitude`: then Σ |X| of each frame [2 × frames]
  double* ratios;  // `magnitude`: receives products of ratios [frames × products]

  int64_t frames() const { return samples / tables->hop + 1; }
  /** Share of a bin in the mean over all bins that take part. */
  double share() const { return 1 / std::max(1.0, double(comparedBins) * double(frames())); }
  /** Number of products of ratios per frame. Each is over `binsPerRatio` bins. */
  int64_t products() const { return ceilDivide(comparedBins, binsPerRatio); }
};

/** The gradient of one pass of the correction over one clip. */
struct CorrectedClip {
  const float* input;
  const float* byResult;
  int64_t samples;
  const double* targets;  // energies of the bands [frames × bands]
  int64_t frames;         // at least 1, at most ⌊samples/H⌋ + 1
  float* gradient;        // receives ∂loss/∂input [samples]
};

/** Computes terms. Returns false if it was cancelled. Throws std::bad_alloc. */
bool computeTerms(Pool& pool, const FrameKernels& kernels, const std::vector<SpectralTerm>& terms,
                  const std::atomic<bool>& cancelled);

/** Computes gradients of passes of the correction. Returns false if it was cancelled. Throws std::bad_alloc. */
bool differentiateCorrection(Pool& pool, const FrameKernels& kernels, const FrameTables& tables,
                             const std::vector<CorrectedClip>& clips, const std::atomic<bool>& cancelled);

}  // namespace diffwave
