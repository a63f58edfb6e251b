// The kernel tables of one instruction set, for which the including file is compiled. That file first defines
// DIFFWAVE_TARGET (a namespace) and DIFFWAVE_LANES. If it also defines DIFFWAVE_BF16, it only has the forward kernels
// of `precision: 'fast'`, with products of bfloat16.
#pragma once

#include "../kernels/frames.h"
#include "../kernels/linear.h"
#include "../kernels/mask.h"
#include "../kernels/peak-flops.h"
#include "../kernels/residual-layer-winograd.h"
#include "../kernels/rows.h"
#include "../kernels/training.h"
#ifdef DIFFWAVE_AMX
#include "../kernels/residual-layer-amx.h"
#endif
#include "../kernels/upsample.h"
#include "../kernels/window-transform.h"
#include "../kernels/windows.h"
#ifndef __wasm__
#include "../kernels/optimiser.h"
#endif

namespace diffwave {
namespace DIFFWAVE_TARGET {

namespace layers {

/** Returns the forward kernels whose layers multiply `Operands`. */
template <class Operands>
const ForwardKernels& vectorTable() {
  static const ForwardKernels kernels = {
      paddedChannels,
      scratchSize,
      melMargin,
      melStride,
      packPanels<FloatOperands>,
      packPanels<Operands>,
      Operands::numbersPerWord,
      packedSize,
      layerPackedSize<Operands>,
      packBias,
      runLayer<Operands>,
      [](const Ring&, int64_t, int64_t, int) {},  // the rows stay floats
      timeBlockPositions,
      winogradMaxDilation,
      runWinogradLayer<Operands>,
      runRows,
      runUpsample,
      runLinear,
      applyMask,
      frames::WindowScratch::size,
      frames::encodeWindows,
      frames::decodeWindows,
      windowsInput,
      windowsOutput,
      multiplyAdds,
  };
  return kernels;
}

#ifdef DIFFWAVE_AMX
/** Returns the forward kernels whose layers run on AMX tiles, with weights of `parts` bfloat16 numbers. */
template <int parts>
const ForwardKernels& tileTable() {
  static const ForwardKernels kernels = [] {
    ForwardKernels tiles = vectorTable<FloatOperands>();
    tiles.scratchSize = amxTiles::scratchSize;
    tiles.packLayer = amxTiles::packLayer<parts>;
    tiles.depth = amxTiles::depth;
    tiles.layerPackedSize = amxTiles::layerPackedSize<parts>;
    tiles.layer = amxTiles::runLayer<parts>;
    tiles.arrangeRows = amxTiles::arrangeRows;
    tiles.layerPositions = amxTiles::blocksAtOnce * amxTiles::blockPositions;
    tiles.maxWinogradDilation = 0;
    return tiles;
  }();
  return kernels;
}
#endif

}  // namespace layers

#ifdef DIFFWAVE_BF16
const ForwardKernels& fastTable();
const ForwardKernels& fastTable() { return layers::vectorTable<BfloatOperands>(); }
#else
const TrainingKernels& trainingTable();
const ForwardKernels& forwardTable();
const FrameKernels& frameTable();

const TrainingKernels& trainingTable() { return trainingKernels(); }

#ifndef __wasm__
const OptimiserKernels& optimiserTable();
const OptimiserKernels& optimiserTable() {
  static const OptimiserKernels kernels = {optimiser::adam, normal::gaussian};
  return kernels;
}
#endif

const FrameKernels& frameTable() { return frameKernels(); }

#ifdef DIFFWAVE_AMX
const ForwardKernels& fastTable();
const ForwardKernels& forwardTable() { return layers::tileTable<2>(); }
const ForwardKernels& fastTable() { return layers::tileTable<1>(); }
#else
const ForwardKernels& forwardTable() { return layers::vectorTable<FloatOperands>(); }
#endif
#endif

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
