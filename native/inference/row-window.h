// Consecutive rows of floats, which grow at the end and are dropped at the beginning.
#pragma once

#include <cstdint>
#include <vector>

#include "../kernels/tasks.h"

namespace diffwave {

class RowWindow {
 public:
  void open(int stride) { stride_ = stride; }
  /** Appends `count` rows of zeros. */
  void append(int64_t count);
  /** Drops rows before `first`, now or later. On average each row is moved once. */
  void dropBefore(int64_t first);

  float* row(int64_t index) { return rows_.data() + (index - first_) * stride_; }
  const float* row(int64_t index) const { return rows_.data() + (index - first_) * stride_; }
  /** The rows as a ring that never wraps around. Row 0 of the ring is row `first()` of the window. */
  ConstRing ring() const { return {rows_.data(), INT64_MAX, stride_}; }
  int64_t first() const { return first_; }
  int64_t end() const { return end_; }

 private:
  std::vector<float> rows_;
  int stride_ = 0;
  int64_t first_ = 0, end_ = 0;
};

}  // namespace diffwave
