// Rows of activations in the form in which AMX tiles load them.
//
// A layer's input and the upsampled mel are stored in their rings as two bfloat16 parts, so that AMX tiles are loaded
// straight from there. Each 32 numbers of a row are 32 high parts followed by 32 low parts, in the memory of 32 floats.
// If a row has an odd number of sixteens, its last sixteen are 16 high and 16 low parts. If the last sixteen steps of a
// tile lie past the row, their weights are zero.
#pragma once

#include "amx.h"
#include "tasks.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace amxTiles {

/**
 * Activations have two parts, which is enough here: ε of the recorded networks is off by 2e-5, and nothing depends on a
 * sign. Weights have two parts as well, or with `precision: 'fast'` one. With one part, a product of floats takes one
 * tile product instead of three.
 */
using Pair = Split<2>;

/** Number of blocks of 32 that cover `steps`. */
static int64_t blocksOf(int64_t steps) { return (steps + depth - 1) / depth; }

/** Number of numbers of a row, from `at` (a multiple of 32) on, whose parts are stored together. */
static int togetherFrom(int at, int numbers) { return numbers - at > side ? depth : side; }

/** Splits a row of floats in place, up to the next multiple of sixteen numbers. */
static void splitRow(float* row, int numbers) {
  for (int at = 0; at < numbers; at += depth) {
    const int together = togetherFrom(at, numbers);
    uint16_t* const to = reinterpret_cast<uint16_t*>(row + at);
    __m256bh parts[2][2];
    for (int n = 0; n * side < together; n++) split(_mm512_loadu_ps(row + at + n * side), parts[n]);
    for (int n = 0; n * side < together; n++) {
      for (int i = 0; i < 2; i++) {
        storePart(to + i * together + n * side, parts[n][i]);
      }
    }
  }
}

/** Implements ForwardKernels::arrangeRows: splits rows [begin, end) of a ring in place. */
static void arrangeRows(const Ring& ring, int64_t begin, int64_t end, int numbers) {
  for (int64_t position = begin; position < end; position++) splitRow(ring.at(position), numbers);
}

/** Places of the high and the low parts of sixteen numbers of a row, from number `at` on, in bfloat16 numbers. */
struct PartsAt {
  PartsAt(int at, int numbers)
      : high(at / depth * depth * 2 + at % depth), low(high + togetherFrom(at / depth * depth, numbers)) {}
  int high, low;
};

/** Loads sixteen numbers of a row, from number `at` on. */
DIFFWAVE_INLINE Vector loadParts(const float* row, int at, int numbers) {
  const PartsAt place(at, numbers);
  const auto* const from = reinterpret_cast<const uint16_t*>(row);
  return reinterpret_cast<Vector>(joined(from + place.high, from + place.low));
}

/** Splits sixteen numbers and stores them in a row, from number `at` on. */
DIFFWAVE_INLINE void storeParts(float* row, int at, int numbers, Vector x) {
  const PartsAt place(at, numbers);
  auto* const to = reinterpret_cast<uint16_t*>(row);
  __m256bh parts[2];
  split(reinterpret_cast<__m512>(x), parts);
  storePart(to + place.high, parts[0]);
  storePart(to + place.low, parts[1]);
}

/** Copies 32 numbers of sixteen rows to a tile. rowAt(r) returns a pointer to row r, or null for a row of zeros. */
template <class RowAt>
static LeftSide copyRows(Pair& to, const RowAt& rowAt, int at, int numbers) {
  const int together = togetherFrom(at, numbers);
  memset(&to, 0, sizeof to);
  for (int r = 0; r < side; r++) {
    const float* const row = rowAt(r);
    if (row == nullptr) continue;
    const uint16_t* const from = reinterpret_cast<const uint16_t*>(row + at);
    for (int i = 0; i < 2; i++) memcpy(to.part[i].rows[r], from + i * together, size_t(together) * sizeof *from);
  }
  return sideOf(to);
}

/**
 * Finds the left sides of positions from `first` on. They lie in their ring, or are copied if rows are zero or the ring
 * wraps around.
 */
static void findLeft(const ConstRing& ring, int64_t first, int64_t length, int numbers, int rowTiles, LeftSide*& to,
                     Pair*& copies) {
  for (int m = 0; m < rowTiles; m++) {
    const int64_t from = first + m * side;
    const bool inPlace = from >= 0 && from + side <= length && ring.contiguous(from, side);
    const auto rowAt = [&](int r) { return from + r < 0 || from + r >= length ? nullptr : ring.at(from + r); };
    for (int at = 0; at < numbers; at += depth) {
      LeftSide& sideAt = to[at / depth * 2 + m];
      if (inPlace) {
        sideAt = {reinterpret_cast<const char*>(ring.at(from) + at), ring.stride * ptrdiff_t(sizeof(float)),
                  togetherFrom(at, numbers) * ptrdiff_t(sizeof(uint16_t))};
      } else {
        sideAt = copyRows(*copies++, rowAt, at, numbers);
      }
    }
  }
  to += 2 * blocksOf(numbers);
}

}  // namespace amxTiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
