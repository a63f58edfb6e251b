#include "batch-layout.h"

#include <algorithm>

namespace diffwave {

/** Divides items into groups of consecutive ones. Returns the first item of each group [groups + 1]. */
static std::vector<int> groupsOf(int items) {
  const int groups = std::min(trainingGroups, items);
  std::vector<int> start;
  for (int g = 0; g <= groups; g++) start.push_back(int(int64_t(items) * g / groups));
  return start;
}

BatchLayout::BatchLayout(const NetworkShape& s, const Clip* clips, int count, const TrainingKernels& kernels)
    : shape(s), clips(clips), count(count), C(s.channels), columns(columnsOf(s.channels)) {
  for (int i = 0; i < count; i++) {
    positions.push_back(clips[i].samples / shape.patch);
    firstPosition.push_back(firstPosition.back() + positions.back());
    firstFrame.push_back(firstFrame.back() + (shape.conditioner == Conditioner::none ? 0 : clips[i].frames));
    for (int64_t start = 0; start < positions.back(); start += trainingBlockPositions) {
      timeBlocks.push_back({i, start, int(std::min<int64_t>(trainingBlockPositions, positions.back() - start))});
    }
  }
  groupStart = groupsOf(int(timeBlocks.size()));
  for (int l = 0; l < std::min(shape.layers, shape.dilationCycle); l++) {
    tilings.push_back(tile(shape.dilation(l), kernels));
  }
}

WinogradTiling BatchLayout::tile(int64_t dilation, const TrainingKernels& kernels) const {
  WinogradTiling tiling{dilation, {}, {}, 0};
  for (int clip = 0; clip < count; clip++) {
    const int64_t all = winogradBlockCount(positions[size_t(clip)], dilation);
    // Tiles have about the same size, and consist of whole register blocks if possible.
    const int64_t tiles = ceilDivide(all, kernels.maxWinogradBlocks);
    const int64_t size = roundedUp(ceilDivide(all, tiles), kernels.winogradBlockUnit);
    for (int64_t first = 0; first < all; first += size) {
      const int blocks = int(std::min(size, all - first));
      tiling.tiles.push_back({clip, first, blocks, tiling.rows});
      tiling.rows += winogradOutputs * blocks;
    }
  }
  tiling.groupStart = groupsOf(int(tiling.tiles.size()));
  return tiling;
}

WinogradRows BatchLayout::rowsOf(const WinogradTile& tile, int64_t dilation) const {
  WinogradRows rows;
  rows.count = winogradOutputs * tile.blocks;
  const int64_t end = positions[size_t(tile.clip)];
  for (int b = 0; b < tile.blocks; b++) {
    const int64_t first = winogradBlockStart(tile.first + b, dilation);
    for (int j = 0; j < winogradOutputs; j++) {
      const int64_t position = first + j * dilation;
      rows.position[j * tile.blocks + b] = position < end ? position : -1;
    }
  }
  return rows;
}

}  // namespace diffwave
