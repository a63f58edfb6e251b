// The same residual layer where its dilation is small: the dilated convolution four positions at a time, at six points
// (native/winograd.h), which halves its multiplications. A tile's rows stand by member, then quad: row j · quads + q is
// position + j · dilation of quad q.
#pragma once

#include "layer.h"
#include "quads.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace layers {

constexpr int tileRows = quadOutputs * tileQuads, panelWidth = blockVectors * lanes;
static_assert(tileQuads % blockRows == 0, "a tile is whole register blocks");

static int64_t scratchSize(int paddedChannels, int widestRow) {
  const int64_t direct = tilePositions * (4 * paddedChannels + widestRow) + 2 * paddedChannels + 2 * widestRow;
  const int64_t quads = tileQuads * int64_t(quadInputs) * (paddedChannels + panelWidth) +
                        tileRows * int64_t(paddedChannels + panelWidth + widestRow) + 3 * int64_t(paddedChannels);
  return direct > quads ? direct : quads;
}

/** Where the work on a tile of quads lies. */
struct QuadTile {
  int quads;         // whole register blocks
  float* points;     // [6, quads, padded]
  float* products;   // [6, quads, width of a panel]
  float* starts;     // [4 · quads, width]: what the sums start from
  float* mel;        // [4 · quads, stride of the mel]
  float* z;          // [4 · quads, padded]
  int64_t position[tileRows];  // −1: beyond the clip or the tile
  const float* from[tileRows];
  const float* to[tileRows];
  float weight[tileRows];
};

template <int vectors>
static DIFFWAVE_APART void productPanel(const float* rows, int stride, const float* weights, int steps, const float* bias,
                                        float* to) {
  Vector sum[blockRows][vectors];
  DIFFWAVE_UNROLL
  for (int v = 0; v < vectors; v++) {
    const Vector start = bias == nullptr ? Vector{} : load(bias + v * lanes);
    DIFFWAVE_UNROLL
    for (int r = 0; r < blockRows; r++) sum[r][v] = start;
  }
  multiply(sum, rows, stride, 1, weights, vectors * lanes, steps);
  DIFFWAVE_UNROLL
  for (int r = 0; r < blockRows; r++) {
    DIFFWAVE_UNROLL
    for (int v = 0; v < vectors; v++) store(to + (r * vectors + v) * lanes, sum[r][v]);
  }
}

DIFFWAVE_INLINE Vector quadStart(const LayerTask& task, const QuadTile& tile, int row, int width, int column, int at) {
  if (task.conditioning == Conditioning::projected) return load(tile.starts + row * width + at);
  if (task.conditioning == Conditioning::none) return load(task.gateBias + column + at);
  const Vector from = load(tile.from[row] + column + at);
  return fma(splat(tile.weight[row]), load(tile.to[row] + column + at) - from, from);
}

/** z of all the tile's rows, for the columns of one panel. */
template <int pairs>
static void quadGatePanel(const LayerTask& task, const QuadTile& tile, int column) {
  constexpr int vectors = 2 * pairs, width = vectors * lanes;
  const int quads = tile.quads, padded = task.paddedChannels;
  const float* weights =
      task.gateWeights + static_cast<int64_t>(column) * (task.melChannels + quadInputs * task.channels);
  if (task.conditioning == Conditioning::projected) {
    for (int row = 0; row < quadOutputs * quads; row += blockRows) {
      productPanel<vectors>(tile.mel + static_cast<int64_t>(row) * task.mel.stride, task.mel.stride, weights,
                            task.melChannels, task.gateBias + column, tile.starts + row * width);
    }
  }
  weights += task.melChannels * width;
  for (int k = 0; k < quadInputs; k++, weights += task.channels * width) {
    for (int q = 0; q < quads; q += blockRows) {
      productPanel<vectors>(tile.points + static_cast<int64_t>(k * quads + q) * padded, padded, weights, task.channels,
                            nullptr, tile.products + (k * quads + q) * width);
    }
  }
  for (int q = 0; q < quads; q++) {
    for (int v = 0; v < pairs; v++) {
      const int first = v * lanes, second = (pairs + v) * lanes;
      Vector s[quadOutputs], t[quadOutputs];
      DIFFWAVE_UNROLL
      for (int j = 0; j < quadOutputs; j++) {
        s[j] = quadStart(task, tile, j * quads + q, width, column, first);
        t[j] = quadStart(task, tile, j * quads + q, width, column, second);
      }
      training::fromPoints(tile.products + q * width + first, quads * width, s);
      training::fromPoints(tile.products + q * width + second, quads * width, t);
      DIFFWAVE_UNROLL
      for (int j = 0; j < quadOutputs; j++) {
        store(tile.z + static_cast<int64_t>(j * quads + q) * padded + column / 2 + first, gate(s[j], t[j]));
      }
    }
  }
}

/** At most tileQuads quads: from the task's `quadBegin` to `quadEnd`, counted from its `begin`. */
static void runQuadLayer(const LayerTask& task) {
  const int padded = task.paddedChannels, count = static_cast<int>(task.quadEnd - task.quadBegin);
  const int64_t dilation = task.dilation;
  QuadTile tile;
  const int quads = tile.quads = (count + blockRows - 1) / blockRows * blockRows;
  float* scratch = task.scratch;
  auto room = [&](int64_t size) {
    float* const at = scratch;
    scratch += size;
    return at;
  };
  tile.points = room(static_cast<int64_t>(quadInputs) * quads * padded);
  tile.products = room(quadInputs * quads * panelWidth);
  tile.starts = room(quadOutputs * quads * panelWidth);
  tile.z = room(static_cast<int64_t>(quadOutputs) * quads * padded);
  float* const spare = room(2 * padded);
  float* const zeros = room(padded);
  tile.mel = scratch;
  memset(zeros, 0, padded * sizeof(float));

  const float* x[tileRows];
  for (int q = 0; q < quads; q++) {
    const int64_t quad = task.quadBegin + q;
    const int64_t position = task.begin + quad / dilation * quadOutputs * dilation + quad % dilation;
    const float* rows[quadInputs];
    for (int i = 0; i < quadInputs; i++) {
      const int64_t p = position + (i - 1) * dilation;
      rows[i] = q < count && p >= 0 && p < task.length ? task.input.at(p) : zeros;
    }
    for (int c = 0; c < padded; c += lanes) {
      Vector in[quadInputs], points[quadInputs];
      DIFFWAVE_UNROLL
      for (int i = 0; i < quadInputs; i++) in[i] = load(rows[i] + c);
      training::toPoints(in, points);
      DIFFWAVE_UNROLL
      for (int k = 0; k < quadInputs; k++) {
        store(tile.points + static_cast<int64_t>(k * quads + q) * padded + c, points[k]);
      }
    }
    for (int j = 0; j < quadOutputs; j++) {
      const int row = j * quads + q;
      const int64_t p = position + j * dilation;
      const bool real = q < count && p < task.end;
      x[row] = rows[j + 1];
      tile.position[row] = real ? p : -1;
      const int64_t settled = real ? p : task.begin;
      if (task.conditioning == Conditioning::projected) {
        memcpy(tile.mel + static_cast<int64_t>(row) * task.mel.stride, task.mel.at(settled),
               task.melChannels * sizeof(float));
      } else if (task.conditioning == Conditioning::interpolated) {
        findFrames(task, settled, tile.from[row], tile.to[row], tile.weight[row]);
      }
    }
  }
  forEachPanel(2 * padded, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) quadGatePanel<vectors / 2>(task, tile, column);
  });
  Block blocks[tileRows / blockRows];
  for (int row = 0; row < quadOutputs * quads; row++) {
    Block& block = blocks[row / blockRows];
    const int r = row % blockRows;
    const int64_t p = tile.position[row];
    block.x[r] = x[row];
    block.output[r] = p >= 0 && task.output.rows ? task.output.at(p) : spare;
    block.skip[r] = p >= 0 ? task.skip.at(p) : spare;
  }
  forEachPanel(2 * padded, [&](auto vectors, int column) {
    if constexpr (vectors % 2 == 0) {
      for (int row = 0; row < quadOutputs * quads; row += blockRows) {
        outputPanel<vectors / 2>(task, blocks[row / blockRows], column, tile.z + static_cast<int64_t>(row) * padded);
      }
    }
  });
}

}  // namespace layers
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
