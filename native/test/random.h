// Random numbers that are the same on every system.
#pragma once

#include <cstdint>
#include <vector>

/** A linear congruential generator (Knuth's MMIX). Its upper bits are random enough to choose test cases. */
struct Random {
  uint64_t state;

  /** In [0, 1). */
  double uniform() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return double(state >> 11) * 0x1p-53;
  }
  /** In [−1, 1). */
  double signedUniform() { return 2 * uniform() - 1; }
  int64_t between(int64_t low, int64_t high) { return low + int64_t(uniform() * double(high - low + 1)); }
  bool coin() { return uniform() < 0.5; }
  /** In [−scale, scale). */
  std::vector<float> numbers(int64_t size, double scale) {
    std::vector<float> all(static_cast<size_t>(size));
    for (float& v : all) v = float(scale * signedUniform());
    return all;
  }
};
