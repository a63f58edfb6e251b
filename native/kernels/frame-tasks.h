// Tasks on frames of audio, and the table of kernels that each instruction set fills (kernels/frames.h). They serve
// phase refinement and the correction towards a mel (native/inference/frame-chain.h), the windowed front end, and the
// losses of training (native/training/audio-loss.h). All arithmetic is in double precision and in the order of the
// readable versions in src/, so both give the same bytes.
#pragma once

#include <cstdint>

namespace diffwave {

/** One triangular mel filter: weights of the bins `first` … `first + count − 1`. */
struct MelFilter {
  int first, count;
  const double* weights;
};

/** Constants of all frames. L: samples of a frame, H: hop in samples, B = L/2 + 1: bins, M: mel bands. */
struct FrameTables {
  int size;                  // L, a power of two, at least 16
  int hop;                   // H
  int overlap;               // ⌈L/H⌉: number of blocks of H samples under a frame
  int bins;                  // B
  int bands;                 // M
  const double* window;      // [L]
  const double* roots;       // e^(−2πik/L), real and imaginary parts interleaved [2L]
  const MelFilter* filters;  // [M]
  const double* columnSums;  // sum of all filters' weights over a bin [B]; 0 if no filter covers the bin
  double unit;               // refinement: factor from this transform's magnitudes to the mel's
  bool squared;              // whether the mel has energies, not magnitudes
  double momentum;           // refinement
  double relaxation;         // how far bins are moved: 1 is to the mel, more is past it
  int updates;               // correction: updates of the gains per pass
};

/**
 * One stage on `count` consecutive frames, one frame per lane. Frames, or blocks of H samples, are the columns of a
 * matrix. Each matrix has room for as many columns as the instruction set has lanes.
 */
struct FrameTask {
  const FrameTables* tables;
  int count;
  const double* blocks;  // [H × blocks]: sample h of block b. Column 0 is the first block of the first frame
  int64_t blockStride;
  const double* targets;  // energies of the bands [M × frames]
  int64_t targetStride;
  const float* previous;  // refinement: consistent spectra of the iteration before [2B × frames]
  int64_t previousStride;
  float* spectra;  // refinement: receives the consistent spectra of this iteration [2B × frames]
  int64_t spectraStride;
  double* frames;  // receives the frames of this stage, windowed again [L × frames]
  int64_t frameStride;
  double* scratch;
};

/**
 * Overlap-add: blocks[h, b] = (carry[h, b] + Σ_q frames[h + qH, b − q]) / divisors[h, b] for columns [begin, end). The
 * oldest frame is added first. Frames have zeros in the ⌈L/H⌉ − 1 columns before the first and after the last.
 */
struct OverlapTask {
  const FrameTables* tables;
  int64_t begin, end;
  const double* frames;  // [L × frames]
  int64_t frameStride;
  const double* carry;     // sums of earlier frames, for the first `carried` columns [H × carried]
  int64_t carried;         // ⌈L/H⌉ − 1
  const double* divisors;  // [H × blocks], or [H] if the stride is 0. Null for no division
  int64_t divisorStride;
  double* blocks;  // its column 0 receives column `begin`
  int64_t blockStride;
};

/** Number of bins whose ratios of magnitudes are multiplied into one product. */
constexpr int binsPerRatio = 8;

/** The ways to compare the spectrum of a network's audio with that of the recording. */
enum class SpectralKind { error, phase, magnitude };

/** A term of a loss on audio, on `count` consecutive frames, one per lane. The layout is that of FrameTask. */
struct SpectralTask {
  const FrameTables* tables;
  SpectralKind kind;
  int count;
  const double* made;    // the network's audio; for `error` its difference from the recording [H × blocks]
  const double* wanted;  // the recording [H × blocks]
  int64_t blockStride;
  int comparedBins;             // number of bins, from 0 Hz up, that take part
  double share, weight;         // share of a bin in the mean, and factor of the gradient
  const unsigned char* counts;  // `phase`: whether each frame takes part [count]
  double offset, unit;          // `magnitude`: c, and 1/(mean |X| + c)
  double* magnitudes;           // `magnitude`: |X| [comparedBins × frames]
  int64_t magnitudeStride;
  double* ratios;  // `magnitude`: receives products of ratios [⌈comparedBins/binsPerRatio⌉ × frames]
  int64_t ratioStride;
  double* sums;    // receives one sum per frame, with room for all lanes
  double* frames;  // receives the gradient as windowed frames [L × frames]
  int64_t frameStride;
  double* scratch;
};

/** The gradient of one pass of the correction on `count` consecutive frames. The layout is that of FrameTask. */
struct CorrectionGradientTask {
  const FrameTables* tables;
  int count;
  const double* blocks;    // the pass's input [H × blocks]
  const double* byResult;  // ∂loss/∂result, divided by the sum of squared windows [H × blocks]
  int64_t blockStride;
  const double* targets;  // energies of the bands [M × frames]
  int64_t targetStride;
  double* frames;  // receives the gradient as windowed frames [L × frames]
  int64_t frameStride;
  double* scratch;
};

/** Constants of an envelope (src/model/front-end/envelope.ts). B: bins of the mel's transform, M: mel bands. */
struct EnvelopeTables {
  int bins;                  // B
  int bands;                 // M
  const MelFilter* filters;  // [M]
  const double* columnSums;  // [B]
  int updates;               // number of updates of the magnitudes
  double windowNorm;         // factor from the mel's values to magnitudes of a plain transform
  bool squared;              // whether the mel has energies, not magnitudes
  int factor;                // q: bins of the mel's transform per bin of the front end's
  const double* triangle;    // [2q − 1]
  int outputs;               // bins of the front end, with q × (outputs − 1) < B
};

/** The power per bin of the front end that the mel of some frames implies. */
struct EnvelopeTask {
  const EnvelopeTables* tables;
  int64_t frames;
  const double* targets;  // energies of the bands [frames × M]
  float* out;             // [frames × outputs]
  double* scratch;
};

/** Constants of a filter of windows (src/model/front-end/windows.ts). K: samples of a window, S: stride in samples. */
struct WindowFilterTables {
  int size;              // K, a power of two, at least 16
  int stride;            // S
  int bins;              // number of bins that have gains, at most K/2 + 1. Higher bins are removed
  const double* window;  // [K]
  const double* roots;   // e^(−2πik/K), real and imaginary parts interleaved [2K]
};

/** Filters windows of samples: each is multiplied with its gains, windowed again, and added to the sums, in order. */
struct WindowFilterTask {
  const WindowFilterTables* tables;
  int64_t positions;
  const float* samples;     // [S × (positions − 1) + K]
  const float* gains;       // [positions × bins]
  const float* magnitudes;  // whose minimum phase is added to the windows' phases [positions × bins], or null
  double* sums;             // added to [S × (positions − 1) + K]
  double* scratch;
};

/** The kernels of one instruction set. */
struct FrameKernels {
  /** Number of frames that a task takes. */
  int lanes;
  /** Doubles of scratch memory, aligned to 64 bytes, that one worker needs for `refine` and `correct`. */
  int64_t (*scratchSize)(int size);
  /** Runs one iteration of phase refinement. */
  void (*refine)(const FrameTask&);
  /** Runs one pass of the correction. */
  void (*correct)(const FrameTask&);
  void (*overlap)(const OverlapTask&);

  // The kernels below are null in WebAssembly.

  /** Doubles of scratch memory, aligned to 64 bytes, for `envelopes`. */
  int64_t (*envelopeScratchSize)(const EnvelopeTables& tables);
  void (*envelopes)(const EnvelopeTask&);
  /** Doubles of scratch memory, aligned to 64 bytes, for `filter`. */
  int64_t (*filterScratchSize)(int size);
  void (*filter)(const WindowFilterTask&);
  /** Doubles of scratch memory, aligned to 64 bytes, for the next two kernels. */
  int64_t (*spectralScratchSize)(int size);
  /** Computes the recording's magnitudes for a `magnitude` term. It runs before `spectralTerm`. */
  void (*spectralMagnitudes)(const SpectralTask&);
  void (*spectralTerm)(const SpectralTask&);
  /** Doubles of scratch memory, aligned to 64 bytes, for `correctionGradient`. */
  int64_t (*gradientScratchSize)(const FrameTables& tables);
  void (*correctionGradient)(const CorrectionGradientTask&);
};

}  // namespace diffwave
