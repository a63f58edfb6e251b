// The kernel tables of the instruction set that the including file is compiled for. Define DIFFWAVE_TARGET (its
// namespace) and DIFFWAVE_LANES first.
#pragma once

#include "../kernels/backward.h"
#include "../kernels/linear.h"
#include "../kernels/mask.h"
#include "../kernels/optimiser.h"
#include "../kernels/peak-flops.h"
#include "../kernels/residual-layer-winograd.h"
#include "../kernels/rows.h"
#ifdef DIFFWAVE_AMX
#include "../kernels/residual-layer-amx.h"
#endif
#include "../kernels/upsample.h"
#include "../kernels/windows.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

const TrainingKernels& trainingTable();
const ForwardKernels& forwardTable();
const OptimiserKernels& optimiserTable();

const TrainingKernels& trainingTable() { return trainingKernels(); }

const OptimiserKernels& optimiserTable() {
  static const OptimiserKernels kernels = {optimiser::adam, normal::gaussian};
  return kernels;
}

const ForwardKernels& forwardTable() {
  using namespace layers;
#ifdef DIFFWAVE_AMX
  constexpr int64_t (*scratch)(int, int) = amxTiles::scratchSize;
  constexpr auto packOfLayer = amxTiles::packLayer;
  constexpr int depth = amxTiles::depth, positions = amxTiles::blocksAtOnce * amxTiles::blockPositions,
                maxWinogradDilation = 0;
  constexpr auto layer = amxTiles::runLayer;
  constexpr auto arrangeRows = amxTiles::arrangeRows;
#else
  constexpr int64_t (*scratch)(int, int) = scratchSize;
  constexpr auto packOfLayer = packPanels;
  constexpr int depth = 1, positions = timeBlockPositions, maxWinogradDilation = winogradMaxDilation;
  constexpr auto layer = runLayer;
  constexpr auto arrangeRows = [](const Ring&, int64_t, int64_t, int) {};  // the rows stay floats
#endif
  static const ForwardKernels kernels = {
      paddedChannels, scratch,     melMargin, melStride,   packPanels,   packOfLayer,         depth,
      packedSize,     packBias,    layer,     arrangeRows, positions,    maxWinogradDilation, runWinogradLayer,
      runRows,        runUpsample, runLinear, applyMask,   windowsInput, windowsOutput,       multiplyAdds,
  };
  return kernels;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
