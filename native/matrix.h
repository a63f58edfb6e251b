// Rows of doubles, aligned to 64 bytes, zero at first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>

#include "memory.h"

namespace diffwave {

struct Matrix {
  Buffer memory;
  int64_t stride = 0;

  Matrix() = default;
  /** Throws std::bad_alloc. */
  Matrix(int64_t rows, int64_t columns) : memory(2 * rows * columns), stride(columns) {
    if (!memory.ok()) throw std::bad_alloc();
    std::fill_n(row(0), rows * columns, 0.0);
  }
  double* row(int64_t i) const { return reinterpret_cast<double*>(memory.data()) + i * stride; }
};

}  // namespace diffwave
