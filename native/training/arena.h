// The working memory of a pass: one block, given out piece by piece.
#pragma once

#include <cstddef>

#include "../network.h"

namespace diffwave {

/** Floats of a cache line of 64 bytes, and of the widest vector. */
constexpr int64_t lineFloats = 16;

/** Rounds a number of channels up to the unit that every training kernel takes. */
inline int64_t columnsOf(int64_t channels) { return roundedUp(channels, lineFloats); }

/** Gives out pieces of one block of memory, aligned to cache lines. With a null block it only counts them. */
class Arena {
 public:
  explicit Arena(float* block) : block_(block) {}
  float* take(int64_t floats) {
    float* at = block_ == nullptr ? nullptr : block_ + used_;
    used_ += roundedUp(floats, lineFloats);
    return at;
  }
  uint64_t bytes() const { return uint64_t(used_) * sizeof(float); }

 private:
  float* block_;
  int64_t used_ = 0;
};

}  // namespace diffwave
