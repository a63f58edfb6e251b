// The tables of kernels for the instruction set a translation unit is compiled for: define DIFFWAVE_TARGET (its namespace)
// and DIFFWAVE_LANES, then include this.
#pragma once

#include "../kernels/backward.h"
#include "../kernels/linear.h"
#include "../kernels/multiply-adds.h"
#include "../kernels/quad-layer.h"
#include "../kernels/rows.h"
#include "../kernels/upsample.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

const TrainingKernels& trainingTable();
const ForwardKernels& forwardTable();

const TrainingKernels& trainingTable() { return trainingKernels(); }

const ForwardKernels& forwardTable() {
  using namespace layers;
  static const ForwardKernels kernels = {
      paddedChannels, scratchSize,  melMargin, melStride,   packPanels, packedSize,   packBias,
      runLayer,       runQuadLayer, runRows,   runUpsample, runLinear,  multiplyAdds,
  };
  return kernels;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
