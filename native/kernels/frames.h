// The table of the kernels on frames of audio (`FrameKernels` in frame-tasks.h). It is compiled once per instruction
// set.
#pragma once

#include "correction.h"
#include "frame-tasks.h"
#include "overlap.h"
#include "refinement.h"
#ifndef __wasm__
#include "correction-gradient.h"
#include "envelope.h"
#include "spectral-term.h"
#include "window-filter.h"
#endif

namespace diffwave {
namespace DIFFWAVE_TARGET {

inline const FrameKernels& frameKernels() {
  static const FrameKernels kernels = {
      doubleLanes,
      frames::FrameScratch::size,
      frames::refineFrames,
      frames::correctFrames,
      frames::overlapFrames,
#ifndef __wasm__
      frames::EnvelopeScratch::size,
      frames::frameEnvelopes,
      frames::filterScratchSize,
      frames::addFilteredWindows,
      frames::spectralScratchSize,
      frames::spectralMagnitudes,
      frames::spectralTerm,
      frames::gradientScratchSize,
      frames::correctionGradient,
#else
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
      nullptr,
#endif
  };
  return kernels;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
