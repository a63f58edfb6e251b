// What a loss of audio takes most of its time for, on all threads of a pool: terms of spectra
// (src/training/objective/) and the gradient of the correction towards a mel (src/audio/mel/correction.ts), whose bytes
// these have. Each clip or term is computed by itself, so results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <vector>

#include "../kernels/frame-tasks.h"
#include "../pool.h"
#include "../rounding.h"

namespace diffwave {

/** One term of one clip, in frames of L samples, L/4 apart. */
struct SpectralTerm {
  const FrameTables* tables;
  SpectralKind kind;
  const float* made;
  const float* wanted;
  int64_t samples;
  int counted;                  // bins from 0 Hz up that count
  double weight;                // of the gradient
  double offset;                // of `magnitude`
  const unsigned char* counts;  // of `phase` [frames]
  double* gradient;             // takes ∂loss/∂made [samples]
  double* sums;    // takes a sum per frame [frames]; of `magnitude` Σ |X| of each frame after it [2 × frames]
  double* ratios;  // of `magnitude` [frames × products]

  int64_t frames() const { return samples / tables->hop + 1; }
  /** Of ratios per frame: each is of `binsPerRatio` bins. */
  /** Share of a bin in the mean over all bins that count. */
  double share() const { return 1 / std::max(1.0, double(counted) * double(frames())); }
  int64_t products() const { return ceilDivide(counted, binsPerRatio); }
};

/** The gradient of one pass over one clip. */
struct CorrectedClip {
  const float* input;
  const float* byResult;
  int64_t samples;
  const double* targets;  // [frames × bands]
  int64_t frames;         // at least 1, at most ⌊samples/H⌋ + 1
  float* gradient;        // takes ∂loss/∂input [samples]
};

/** @returns false if it was cancelled. Throws std::bad_alloc. */
bool computeTerms(Pool& pool, const FrameKernels& kernels, const std::vector<SpectralTerm>& terms,
                  const std::atomic<bool>& cancelled);

/** The same for passes of the correction. */
bool differentiateCorrection(Pool& pool, const FrameKernels& kernels, const FrameTables& tables,
                             const std::vector<CorrectedClip>& clips, const std::atomic<bool>& cancelled);

}  // namespace diffwave
