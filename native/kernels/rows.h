// Products of rows with a matrix: 1×1 convolutions, projections of the mel, convolutions of the encoder.
#pragma once

#include "panels.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

/**
 * output [blockRows × vectors · lanes] = activation(bias + input [blockRows × steps] · weights) + offset, for one
 * register block and the columns of one panel.
 */
template <int vectors>
static DIFFWAVE_NOINLINE void rowsPanel(const RowsTask& task, const BlockOfRows& input, float* const* output,
                                        int column) {
  Vector sum[blockRows][vectors];
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector bias = load(task.bias + column + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) sum[r][v] = bias;
  }
  multiply(sum, input.rows, input.stride, 1, task.weights + column * task.panelRows, vectors * lanes, task.steps);
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector offset = task.offset ? load(task.offset + column + v * lanes) : Vector{};
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) {
      Vector x = sum[r][v];
      if (task.activation == Activation::relu) x = maximum(x, Vector{});
      if (task.activation == Activation::leaky) x = maximum(x, float(leakySlope) * x);
      if (task.offset) x += offset;
      store(output[r] + column + v * lanes, x);
    }
  }
}

/** Implements ForwardKernels::rows (equation: `RowsTask` in tasks.h) over any number of positions. */
static void runRows(const RowsTask& task) {
  for (int64_t position = task.begin; position < task.end; position += blockRows) {
    const int count = int(task.end - position < blockRows ? task.end - position : blockRows);
    float* scratch = task.scratch;
    float* const spare = scratch;
    scratch += task.columns;
    const BlockOfRows input = gatherRows(task.input, position - task.inputShift, count, INT64_MAX, task.steps, scratch);
    float* output[blockRows];
    for (int r = 0; r < blockRows; r++) output[r] = r < count ? task.output.at(position + r) : spare;
    forEachPanel(task.columns, [&](auto vectors, int column) { rowsPanel<vectors>(task, input, output, column); });
  }
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
