// The working memory of a pass: one block, given out piece by piece.
#pragma once

#include <cstddef>

#include "../network.h"

namespace diffwave {

/** Rounds a number of channels up to the unit that every training kernel takes. */
inline int64_t columnsOf(int64_t channels) { return roundedUp(channels, 16); }

/** Gives out pieces of one block of memory, aligned to 64 bytes. With a null block it only counts them. */
class Arena {
 public:
  explicit Arena(float* block) : block_(block) {}
  float* take(int64_t floats) {
    float* at = block_ == nullptr ? nullptr : block_ + used_;
    used_ += roundedUp(floats, 16);
    return at;
  }
  uint64_t bytes() const { return uint64_t(used_) * sizeof(float); }

 private:
  float* block_;
  int64_t used_ = 0;
};

}  // namespace diffwave
