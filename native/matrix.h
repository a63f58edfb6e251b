// Rows of doubles, aligned to 64 bytes.
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
  /** Makes rows of zeros. Throws std::bad_alloc. */
  Matrix(int64_t rows, int64_t columns) : Matrix(unset(rows, columns)) { std::fill_n(row(0), rows * columns, 0.0); }
  /** Makes rows of any numbers, for memory that is written before it is read. Throws std::bad_alloc. */
  static Matrix unset(int64_t rows, int64_t columns) {
    Matrix made;
    made.memory = Buffer(2 * rows * columns);
    if (!made.memory.ok()) throw std::bad_alloc();
    made.stride = columns;
    return made;
  }
  double* row(int64_t i) const { return reinterpret_cast<double*>(memory.data()) + i * stride; }
};

}  // namespace diffwave
