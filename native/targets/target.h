// The tables of kernels for the instruction set a translation unit is compiled for: define DIFFWAVE_TARGET (its namespace)
// and DIFFWAVE_LANES, then include this.
#pragma once

#include "../kernels/backward.h"
#include "../kernels/linear.h"
#include "../kernels/mask.h"
#include "../kernels/multiply-adds.h"
#include "../kernels/quad-layer.h"
#include "../kernels/rows.h"
#ifdef DIFFWAVE_TILES
#include "../kernels/tile-layer.h"
#endif
#include "../kernels/upsample.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

const TrainingKernels& trainingTable();
const ForwardKernels& forwardTable();

const TrainingKernels& trainingTable() { return trainingKernels(); }

const ForwardKernels& forwardTable() {
  using namespace layers;
#ifdef DIFFWAVE_TILES
  constexpr int64_t (*scratch)(int, int) = tiles::scratchSize;
  constexpr auto packOfLayer = tiles::packLayer;
  constexpr int depth = tiles::depth, tile = tiles::blocksAtOnce * tiles::blockPositions, mostQuadDilation = 0;
  constexpr auto layer = tiles::runLayer;
  constexpr auto arrangeRows = tiles::arrangeRows;
#else
  constexpr int64_t (*scratch)(int, int) = scratchSize;
  constexpr auto packOfLayer = packPanels;
  constexpr int depth = 1, tile = tilePositions, mostQuadDilation = quadDilation;
  constexpr auto layer = runLayer;
  constexpr auto arrangeRows = [](const Ring&, int64_t, int64_t, int) {};  // they stay floats
#endif
  static const ForwardKernels kernels = {
      paddedChannels, scratch, melMargin, melStride, packPanels, packOfLayer, depth, packedSize, packBias, layer, arrangeRows, tile,
      mostQuadDilation, runQuadLayer, runRows, runUpsample, runLinear, applyMask, multiplyAdds,
  };
  return kernels;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
