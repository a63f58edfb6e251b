// The layout of a batch's positions and frames in memory, and their division into tasks. Both depend on the batch
// alone, so results are the same for any number of threads.
#pragma once

#include <atomic>
#include <vector>

#include "../kernels/training-tasks.h"
#include "../pool.h"
#include "../winograd.h"
#include "arena.h"
#include "training.h"

namespace diffwave {

/** What a pass reads and writes, except for its working memory. */
struct TrainingCall {
  const ParameterOffsets& offsets;
  Pool& pool;
  const TrainingKernels& kernels;
  const float* parameters;
  const float *analysis, *synthesis;  // the windows' matrices [2N × K], learned or not; null without windows
  float* gradients;                   // added to
  const std::atomic<bool>* cancelFlag;
  bool squared;
  int64_t samples;  // of the whole batch: the divisor of the mean

  bool cancelled() const { return cancelFlag != nullptr && cancelFlag->load(std::memory_order_relaxed); }
};

/** Position-major activations of all clips, [positions × stride]. */
struct Rows {
  float* data = nullptr;
  ptrdiff_t stride = 0;
};

/** Consecutive positions of one clip. */
struct TimeBlock {
  int clip;
  int64_t start;
  int count;
};

/** Consecutive Winograd blocks of one clip (native/winograd.h). */
struct WinogradTile {
  int clip;
  int64_t first;
  int blocks;
  int64_t row;  // index of its first row among the 4·blocks rows of each tile
};

/** All positions of a batch in Winograd blocks, for one dilation. */
struct WinogradTiling {
  int64_t dilation;
  std::vector<WinogradTile> tiles;
  std::vector<int> groupStart;  // first tile of each group [groups + 1]
  int64_t rows;

  int groups() const { return int(groupStart.size()) - 1; }
};

/** The position of each row of a tile, or −1 past the clip's end. */
struct WinogradRows {
  int count;
  int64_t position[maxTileRows];
};

class BatchLayout {
 public:
  using Clip = TrainingBatch::Clip;

  BatchLayout(const NetworkShape& shape, const Clip* clips, int count, const TrainingKernels& kernels);

  float* row(const Rows& rows, int64_t clip, int64_t position) const {
    return rows.data + (firstPosition[size_t(clip)] + position) * rows.stride;
  }
  Rows takeRows(Arena& arena, int64_t stride) const {
    return {arena.take(firstPosition.back() * stride), ptrdiff_t(stride)};
  }
  /** Index of a frame's row. Frames have one row of zeros before, between and after the clips. */
  int64_t frameRow(int64_t clip, int64_t frame) const { return firstFrame[size_t(clip)] + frame + clip + 1; }
  int64_t frameRows() const { return firstFrame.back() + count + 1; }

  const WinogradTiling& tilingOf(int layer) const { return tilings[size_t(layer % shape.dilationCycle)]; }
  /** Column of an output channel among the two halves of the gate, or of residual and skip, which are padded each. */
  int64_t columnOf(int64_t channel) const { return channel < C ? channel : channel - C + columns; }
  WinogradRows rowsOf(const WinogradTile& tile, int64_t dilation) const;
  int groups() const { return int(groupStart.size()) - 1; }

  /** Runs body(block, its number, group, worker) over all time blocks, one group per task. */
  template <class Body>
  void forEachTimeBlock(const TrainingCall& call, const Body& body) const;
  /**
   * Runs body(tile, its number, group, worker) over the tiles of a layer, and end(group, worker) after each group. Runs
   * extra(task, worker) over `extraTasks` further tasks at the same time.
   */
  template <class Body, class End, class Extra>
  void forEachTile(const TrainingCall& call, const WinogradTiling& tiling, const Body& body, const End& end,
                   int extraTasks, const Extra& extra) const;

  const NetworkShape& shape;
  const Clip* const clips;
  const int count;
  const int64_t C, columns;                              // number of channels, and the same rounded up
  std::vector<int64_t> firstPosition{0}, firstFrame{0};  // [clips + 1]
  std::vector<int64_t> positions;                        // [clips]
  std::vector<TimeBlock> timeBlocks;
  std::vector<int> groupStart;          // first time block of each group [groups + 1]
  std::vector<WinogradTiling> tilings;  // one per dilation

 private:
  WinogradTiling tile(int64_t dilation, const TrainingKernels& kernels) const;
};

template <class Body>
void BatchLayout::forEachTimeBlock(const TrainingCall& call, const Body& body) const {
  call.pool.forEach(groups(), [&](int group, int worker) {
    if (call.cancelled()) return;
    for (int t = groupStart[size_t(group)]; t < groupStart[size_t(group) + 1]; t++) {
      body(timeBlocks[size_t(t)], t, group, worker);
    }
  });
}

template <class Body, class End, class Extra>
void BatchLayout::forEachTile(const TrainingCall& call, const WinogradTiling& tiling, const Body& body, const End& end,
                              int extraTasks, const Extra& extra) const {
  const int groups = tiling.groups();
  call.pool.forEach(groups + extraTasks, [&](int task, int worker) {
    if (call.cancelled()) return;
    if (task >= groups) return extra(task - groups, worker);
    for (int t = tiling.groupStart[size_t(task)]; t < tiling.groupStart[size_t(task) + 1]; t++) {
      body(tiling.tiles[size_t(t)], t, task, worker);
    }
    end(task, worker);
  });
}

}  // namespace diffwave
