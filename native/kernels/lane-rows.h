// Rows of floats as columns of vectors of doubles: each lane reads, or writes, a row of its own.
#pragma once

#include "doubles.h"
#include "tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/**
 * Rows from `position` on, one per lane. A lane past the last row, `end` − 1, takes the first one again, so that all
 * lanes can be read and written.
 */
template <class Float>
struct LaneRows {
  Float* row[doubleLanes];

  LaneRows(const RowRing<Float>& ring, int64_t position, int64_t end) {
    for (int lane = 0; lane < doubleLanes; lane++)
      row[lane] = ring.at(position + lane < end ? position + lane : position);
  }
  DIFFWAVE_INLINE Doubles load(int at) const {
    Floats numbers;
    DIFFWAVE_UNROLL
    for (int lane = 0; lane < doubleLanes; lane++) numbers[lane] = row[lane][at];
    return __builtin_convertvector(numbers, Doubles);
  }
  DIFFWAVE_INLINE void store(int at, Doubles value) const {
    const Floats numbers = __builtin_convertvector(value, Floats);
    DIFFWAVE_UNROLL
    for (int lane = 0; lane < doubleLanes; lane++) row[lane][at] = numbers[lane];
  }
};

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
