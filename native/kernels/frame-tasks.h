// The tasks on the frames of audio, and the table of kernels that each instruction set fills (kernels/frames.h): phase
// refinement and the correction towards a mel (native/inference/frame-chain.h), the front end's arithmetic, and the
// losses of training (native/training/audio-loss.h). All numbers are computed in double precision in the order of the
// readable versions in src/, so the bytes are the same.
#pragma once

#include <cstdint>

namespace diffwave {

/** One triangular mel filter: weights of the bins `first` … `first + count − 1`. */
struct MelFilter {
  int first, count;
  const double* weights;
};

/** What all frames share. L: samples of a frame, H: the hop, B = L/2 + 1 bins, M mel bands. */
struct FrameTables {
  int size;                  // L, a power of two, at least 16
  int hop;                   // H
  int overlap;               // ⌈L/H⌉: blocks of H samples under a frame
  int bins;                  // B
  int bands;                 // M
  const double* window;      // [L]
  const double* roots;       // e^(−2πik/L), real and imaginary part in turn [2L]
  const MelFilter* filters;  // [M]
  const double* columnSums;  // sum of all filters' weights over a bin [B]; 0: the mel tells nothing of it
  double unit;               // of a refinement: factor from this transform to the mel's
  bool squared;              // the mel is of energies, not of magnitudes
  double momentum, relaxation;
  int updates;  // of the gains per pass of a correction
};

/**
 * One stage on `count` consecutive frames, one per lane. Matrices are transposed, frames or blocks in columns, and
 * have room for as many columns as the instruction set has lanes.
 */
struct FrameTask {
  const FrameTables* tables;
  int count;
  const double* blocks;  // [H × blocks]: sample h of block b; column 0 is the first block of the first frame
  int64_t blockStride;
  const double* targets;  // energy of each band [M × frames]
  int64_t targetStride;
  const float* previous;  // of a refinement: consistent spectra of the iteration before [2B × frames]
  int64_t previousStride;
  float* spectra;  // of a refinement: takes those of this iteration [2B × frames]
  int64_t spectraStride;
  double* frames;  // takes the frames of this stage, windowed again [L × frames]
  int64_t frameStride;
  double* scratch;
};

/**
 * Overlapping frames added up: blocks[h, b] = (carry[h, b] + Σ frames[h + qH, b − q]) / divisors[h, b], oldest frame
 * first, for columns [begin, end). Frames have zeros in the ⌈L/H⌉ − 1 columns before the first and after the last.
 */
struct OverlapTask {
  const FrameTables* tables;
  int64_t begin, end;
  const double* frames;  // [L × frames]
  int64_t frameStride;
  const double* carry;     // sums of earlier frames, for the first `carried` columns [H × carried]
  int64_t carried;         // ⌈L/H⌉ − 1
  const double* divisors;  // [H × blocks], or [H] if the stride is 0; null: 1
  int64_t divisorStride;
  double* blocks;  // column `begin` goes to its column 0
  int64_t blockStride;
};

/** Bins whose ratios of magnitudes share a product. */
constexpr int binsPerRatio = 8;

/** How the spectra of audio and of its recording are compared. */
enum class SpectralKind { error, phase, magnitude };

/** A term of a loss of audio on `count` consecutive frames, one per lane. Matrices are those of FrameTask. */
struct SpectralTask {
  const FrameTables* tables;
  SpectralKind kind;
  int count;
  const double* made;    // the audio, of `error` its difference from the recording [H × blocks]
  const double* wanted;  // the recording [H × blocks]
  int64_t blockStride;
  int counted;                  // bins from 0 Hz up that count
  double share, weight;         // of a bin in the mean, and of the gradient
  const unsigned char* counts;  // of `phase`: whether each frame counts [count]
  double offset, unit;          // of `magnitude`: c, and 1/(mean |X| + c)
  double* magnitudes;           // of `magnitude`: |X| [counted × frames]
  int64_t magnitudeStride;
  double* ratios;  // of `magnitude`: takes products of ratios [⌈counted/binsPerRatio⌉ × frames]
  int64_t ratioStride;
  double* sums;    // takes a sum per frame: room for all lanes
  double* frames;  // takes the gradient's frames, windowed [L × frames]
  int64_t frameStride;
  double* scratch;
};

/** The gradient of a pass of the correction on `count` consecutive frames. Matrices are those of FrameTask. */
struct CorrectionGradientTask {
  const FrameTables* tables;
  int count;
  const double* blocks;    // the pass's input [H × blocks]
  const double* byResult;  // ∂loss/∂result, over the squared windows' sum [H × blocks]
  int64_t blockStride;
  const double* targets;  // energy of each band [M × frames]
  int64_t targetStride;
  double* frames;  // takes the gradient's frames, windowed [L × frames]
  int64_t frameStride;
  double* scratch;
};

/** What an envelope is made of (src/model/front-end/envelope.ts). B bins of the mel's transform, M mel bands. */
struct EnvelopeTables {
  int bins;                  // B
  int bands;                 // M
  const MelFilter* filters;  // [M]
  const double* columnSums;  // [B]
  int updates;               // of the magnitudes
  double windowNorm;         // factor from the mel's magnitudes to the transform's
  bool squared;              // the mel is of energies
  int factor;                // q: bins of the mel's transform per bin of the front end's
  const double* triangle;    // [2q − 1]
  int outputs;               // bins of the front end: q × (outputs − 1) < B
};

/** The power that the mel of some frames implies per bin of the front end. */
struct EnvelopeTask {
  const EnvelopeTables* tables;
  int64_t frames;
  const double* targets;  // energy of each band [frames × M]
  float* out;             // [frames × outputs]
  double* scratch;
};

/** A filter of windows (src/model/front-end/windows.ts). K samples of a window, S from one to the next. */
struct WindowFilterTables {
  int size;              // K, a power of two, at least 16
  int stride;            // S
  int bins;              // that have gains; those beyond are removed: at most K/2 + 1
  const double* window;  // [K]
  const double* roots;   // e^(−2πik/K), real and imaginary part in turn [2K]
};

/** Windows of samples, each through its gains, windowed again and added to sums, one window after the other. */
struct WindowFilterTask {
  const WindowFilterTables* tables;
  int64_t positions;
  const float* samples;  // [S × (positions − 1) + K]
  const float* gains;    // [positions × bins]
  double* sums;          // as long as the samples
  double* scratch;
};

struct FrameKernels {
  /** Frames that a task takes. */
  int lanes;
  /** Doubles of scratch memory, aligned to 64 bytes, that one worker needs. */
  int64_t (*scratchSize)(int size);
  /** An iteration of phase refinement. */
  void (*refine)(const FrameTask&);
  /** A pass of the correction. */
  void (*correct)(const FrameTask&);
  void (*overlap)(const OverlapTask&);
  /** Doubles of scratch memory, aligned to 64 bytes, for `envelopes`. */
  int64_t (*envelopeScratchSize)(const EnvelopeTables& tables);
  void (*envelopes)(const EnvelopeTask&);
  /** The same for `filter`. */
  int64_t (*filterScratchSize)(int size);
  void (*filter)(const WindowFilterTask&);
  /** Doubles of scratch memory, aligned to 64 bytes, for the two below. Null, as those below, in WebAssembly. */
  int64_t (*spectralScratchSize)(int size);
  /** The recording's magnitudes of a `magnitude` term, before its frames. */
  void (*spectralMagnitudes)(const SpectralTask&);
  void (*spectralTerm)(const SpectralTask&);
  /** The same for `correctionGradient`. */
  int64_t (*gradientScratchSize)(const FrameTables& tables);
  void (*correctionGradient)(const CorrectionGradientTask&);
};

}  // namespace diffwave
