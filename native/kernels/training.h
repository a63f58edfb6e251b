// The table of the training kernels (`TrainingKernels` in training-tasks.h). It is compiled once per instruction set.
#pragma once

#include "column-sums.h"
#include "interpolate-backward.h"
#include "mask.h"
#include "residual-sum.h"
#include "training-product.h"
#include "training-tasks.h"
#include "weight-gradient.h"
#include "windows.h"
#include "winograd-gate-backward.h"
#include "winograd-gates.h"
#include "winograd-input.h"
#include "winograd-residual-backward.h"
#include "winograd-weight-gradient.h"
#ifdef DIFFWAVE_AMX
#include "amx-gemm.h"
#endif

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Returns the table of this instruction set. */
inline const TrainingKernels& trainingKernels() {
  using namespace training;
#ifdef DIFFWAVE_AMX
  constexpr int panelWidth = amxTiles::panelColumns, depth = amxTiles::depth;
  constexpr int maxBlocks = maxTileBlocks, blockUnit = amxTiles::depth, forwardBytes = 3 * 2;
  constexpr auto arrange = amxTiles::arrange;
  constexpr auto backwardProduct = amxTiles::product<2>, forwardProduct = amxTiles::product<3>;
  constexpr auto outerProduct = amxTiles::outer;
#else
  // Tiles of 24 to 72 blocks take the same time (docs/log/training-step.md).
  constexpr int panelWidth = width, depth = 1, maxBlocks = 36, blockUnit = blockRows, forwardBytes = 4;
  constexpr decltype(TrainingKernels::arrange) arrange = nullptr;
  constexpr auto backwardProduct = product, forwardProduct = product;
  constexpr auto outerProduct = outer;
#endif
  static constexpr TrainingKernels table{
      panelWidth,
      depth,
      maxBlocks,
      blockUnit,
      arrange,
      forwardBytes,
      backwardProduct,
      forwardProduct,
      outerProduct,
      winogradInput,
      winogradGates,
      winogradGateBackward,
      winogradResidualBackward,
      winogradWeightGradient,
      residual,
      interpolateBackward,
      columnSums,
      applyMask,
      maskBackward,
      windowsInput,
      windowsOutput,
      windowsOutputBackward,
  };
  return table;
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
