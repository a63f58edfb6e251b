#include "row-window.h"

#include <algorithm>

#include "../memory.h"

namespace diffwave {

void RowWindow::append(int64_t count) {
  rows_.resize(vectorSize((end_ - first_ + count) * stride_));
  end_ += count;
}

void RowWindow::dropBefore(int64_t first) {
  const int64_t count = std::min(first, end_) - first_;
  if (count < 64 || 2 * count < end_ - first_) return;
  rows_.erase(rows_.begin(), rows_.begin() + count * stride_);
  first_ += count;
}

}  // namespace diffwave
