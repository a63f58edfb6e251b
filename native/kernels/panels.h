// Packed weights, and the product of rows with them (1×1 convolutions, projections of the mel).
#pragma once

#include "gemm.h"
#include "tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

static int paddedChannels(int channels) { return padded(channels); }

/** Source row of packed column n, or −1 for padding. Paired halves alternate vector by vector: a panel of four vectors
 * holds two of the first half, then the same two of the second. */
static int sourceColumn(int n, int columns, bool paired, bool swapped) {
  if (!paired) return n < columns ? n : -1;
  const int half = columns / 2, vectors = 2 * padded(half) / lanes;
  const int vector = n / lanes, panel = vector / blockVectors * blockVectors;
  const int width = vectors - panel < blockVectors ? vectors - panel : blockVectors;
  const int within = vector - panel, second = within >= width / 2;
  const int column = (panel / 2 + within - second * (width / 2)) * lanes + n % lanes;
  return column < half ? column + (second != swapped ? half : 0) : -1;
}

static int packedColumns(int columns, bool paired) { return paired ? 2 * padded(columns / 2) : padded(columns); }

static int64_t packedSize(int columns, bool paired, int64_t panelRows) {
  return packedColumns(columns, paired) * panelRows;
}

static void packPanels(float* packed, const float* from, int columns, int64_t rowStride, int steps, int64_t stepStride,
                       int64_t panelRows, int64_t firstRow, bool paired, bool swapped) {
  const int total = packedColumns(columns, paired);
  for (int first = 0; first < total; first += blockVectors * lanes) {
    const int width = total - first < blockVectors * lanes ? total - first : blockVectors * lanes;
    float* panel = packed + first * panelRows + firstRow * width;
    for (int n = 0; n < width; n++) {
      const int source = sourceColumn(first + n, columns, paired, swapped);
      for (int k = 0; k < steps; k++) {
        panel[static_cast<int64_t>(k) * width + n] = source < 0 ? 0.0f : from[source * rowStride + k * stepStride];
      }
    }
  }
}

static void packBias(float* packed, const float* from, int columns, bool paired, bool swapped) {
  for (int n = 0; n < packedColumns(columns, paired); n++) {
    const int source = sourceColumn(n, columns, paired, swapped);
    packed[n] = source < 0 ? 0.0f : from[source];
  }
}

/**
 * blockRows rows of a ring from `first` on, `stride` apart: in place where they can be, else a copy in which rows outside
 * [0, length), and rows past `count`, are zero.
 */
static const float* gatherRows(const Ring& ring, int64_t first, int count, int64_t length, float*& scratch) {
  if (count == blockRows && first >= 0 && first + blockRows <= length && ring.contiguous(first, blockRows)) {
    return ring.at(first);
  }
  float* const copy = scratch;
  scratch += blockRows * ring.stride;
  for (int r = 0; r < blockRows; r++) {
    const int64_t position = first + r;
    if (r < count && position >= 0 && position < length) {
      memcpy(copy + r * ring.stride, ring.at(position), ring.stride * sizeof(float));
    } else {
      memset(copy + r * ring.stride, 0, ring.stride * sizeof(float));
    }
  }
  return copy;
}

template <int vectors>
static DIFFWAVE_INLINE void rowsPanel(const RowsTask& task, const float* input, float* const* output, int column) {
  Vector sum[blockRows][vectors];
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector bias = load(task.bias + column + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) sum[r][v] = bias;
  }
  multiply(sum, input, task.input.stride, 1, task.weights + column * task.panelRows, vectors * lanes, task.steps);
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector offset = task.offset ? load(task.offset + column + v * lanes) : Vector{};
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) {
      Vector x = sum[r][v];
      if (task.activation == Activation::relu) x = maximum(x, Vector{});
      if (task.activation == Activation::leaky) x = maximum(x, 0.4f * x);
      if (task.offset) x += offset;
      store(output[r] + column + v * lanes, x);
    }
  }
}

static void runRows(const RowsTask& task) {
  const int width = blockVectors * lanes, full = task.columns / width * width;
  for (int64_t position = task.begin; position < task.end; position += blockRows) {
    const int count = static_cast<int>(task.end - position < blockRows ? task.end - position : blockRows);
    float* scratch = task.scratch;
    float* const spare = scratch;
    scratch += task.columns;
    const float* input = gatherRows(task.input, position - task.inputShift, count, INT64_MAX, scratch);
    float* output[blockRows];
    for (int r = 0; r < blockRows; r++) output[r] = r < count ? task.output.at(position + r) : spare;
    for (int column = 0; column < full; column += width) rowsPanel<blockVectors>(task, input, output, column);
    const int left = (task.columns - full) / lanes;
    if (left == 1) rowsPanel<1>(task, input, output, full);
    if (left == 2) rowsPanel<2>(task, input, output, full);
    if (left == 3) rowsPanel<3>(task, input, output, full);
  }
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
