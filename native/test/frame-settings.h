// The settings of a chain that several tests of frames use.
#pragma once

#include <algorithm>

#include "../inference/frame-chain.h"
#include "signals.h"

/** Eight half-overlapping bands of min(8, size / 16) bins each, from bin 2 on, over frames of `size` samples. */
inline diffwave::FrameChainSettings settingsOf(diffwave::FrameOperation operation, int size, int hop, int stages) {
  constexpr int bands = 8;
  const int width = std::min(8, size / 16);
  diffwave::FrameChainSettings settings{};
  settings.operation = operation;
  settings.size = size;
  settings.hop = hop;
  settings.bands = bands;
  settings.stages = stages;
  settings.updates = 3;
  settings.padding = size / 2;
  settings.unit = 1;
  settings.momentum = 0.9;
  settings.relaxation = 1.8;
  settings.columnSums.resize(size_t(size / 2 + 1));
  settings.window = hannWindow(size);
  settings.roots = diffwave::unitRoots(size);
  for (int band = 0; band < bands; band++) {
    settings.filters.push_back({2 + band * width / 2, width, nullptr});
    for (int i = 0; i < width; i++) {
      settings.weights.push_back(1 + 0.1 * i);
      settings.columnSums[size_t(2 + band * width / 2 + i)] += 1 + 0.1 * i;
    }
  }
  return settings;
}
