// Products of float32 matrices on AMX tiles (Intel SDM, chapter on TMUL). A tile product multiplies bfloat16 numbers
// and adds in float32. Each float is split into a sum of bfloat16 parts, called high, middle and low.
//
// - Three parts hold a float exactly. Six tile products then have the precision of float32: high·high + high·middle +
//   middle·high + middle·middle + high·low + low·high.
// - Two parts differ from the float by a relative 2⁻¹⁷ at most. Three tile products, high·high + high·low + low·high,
//   are off by 2⁻¹⁵ at most: 2⁻¹⁶ for the missing low·low, and 2⁻¹⁷ for each factor. The root mean square error is
//   below 2⁻¹⁷ (native/test/training.cc).
//
// An AMX tile is 16 rows of 64 bytes. A tile of a left side holds 32 steps per row. A tile of a right side holds a pair
// of steps per row, for 16 columns. Each sum runs over its steps in order, 32 at a time, so it does not depend on the
// rows around it.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace amxTiles {

/** Rows and columns of a tile of sums, and the number of steps that one tile product takes. */
constexpr int side = 16, depth = 32;

/** One AMX tile of bfloat16 numbers, in the order in which it is loaded. */
struct alignas(64) AmxTile {
  uint16_t rows[side][depth];
};

/** One side of a product, split into parts. The highest part comes first. */
template <int parts>
struct Split {
  AmxTile part[parts];
};
static_assert(2 * sizeof(AmxTile) == side * depth * sizeof(float), "two parts take as much room as the floats");

/** Configures all eight tiles of the thread while it exists. A thread needs one before its first product. */
class TileSession {
 public:
  TileSession() {
    struct alignas(64) {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {side, side, side, side, side, side, side, side};
    } config;
    _tile_loadconfig(&config);
  }
  ~TileSession() { _tile_release(); }
  TileSession(const TileSession&) = delete;
  TileSession& operator=(const TileSession&) = delete;
};

/** Converts bfloat16 to float32. */
DIFFWAVE_INLINE __m512 widened(__m256bh x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(x)), 16));
}

/** Splits a vector into parts. Each part is what the parts before it leave of x, rounded to bfloat16. */
template <int parts>
DIFFWAVE_INLINE void split(__m512 x, __m256bh (&to)[parts]) {
  for (int i = 0; i < parts; i++) {
    to[i] = _mm512_cvtneps_pbh(x);
    x = _mm512_sub_ps(x, widened(to[i]));
  }
}

/** Loads and stores one part of sixteen numbers, aligned to 32 bytes. */
DIFFWAVE_INLINE __m256bh loadPart(const uint16_t* from) {
  return reinterpret_cast<__m256bh>(_mm256_load_si256(reinterpret_cast<const __m256i*>(from)));
}
DIFFWAVE_INLINE void storePart(uint16_t* to, __m256bh part) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(part));
}

/** Adds the two parts of sixteen numbers. */
DIFFWAVE_INLINE __m512 joined(const uint16_t* high, const uint16_t* low) {
  return _mm512_add_ps(widened(loadPart(high)), widened(loadPart(low)));
}

/** Splits sixteen numbers into row r of a left side, from step `at` on. */
template <int parts>
DIFFWAVE_INLINE void putRow(Split<parts>& to, int r, int at, __m512 x) {
  __m256bh split16[parts];
  split(x, split16);
  for (int i = 0; i < parts; i++) storePart(&to.part[i].rows[r][at], split16[i]);
}

/** Returns the mask of the first `count` of sixteen lanes. */
DIFFWAVE_INLINE __mmask16 firstLanes(int count) {
  return count >= side ? 0xffff : count > 0 ? __mmask16((1u << count) - 1) : 0;
}

/**
 * Makes a left side from sixteen rows of `steps` ≤ 32 numbers. rowAt(r) returns a pointer to row r, or null for a row
 * of zeros. Steps past the last are zero.
 */
template <int parts, class RowAt>
DIFFWAVE_INLINE void splitRows(Split<parts>& to, const RowAt& rowAt, int steps) {
  static const float nothing[depth] = {};
  for (int r = 0; r < side; r++) {
    const float* row = rowAt(r);
    if (row == nullptr) row = nothing;
    putRow(to, r, 0, _mm512_maskz_loadu_ps(firstLanes(steps), row));
    putRow(to, r, side, _mm512_maskz_loadu_ps(firstLanes(steps - side), row + side));
  }
}

/** Interleaves two rows into one row of pairs. The even row's numbers are the low halves of the lanes. */
DIFFWAVE_INLINE __m512i paired(__m256bh even, __m256bh odd) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(even));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(odd));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/**
 * Splits [steps × columns] floats, at most 32 × 16, into vectors of pairs `[part][16 pairs of steps][16 columns]`.
 * Steps and columns past the last are zero.
 */
template <int parts>
DIFFWAVE_INLINE void splitPairs(__m512i (&to)[parts][side], const float* from, ptrdiff_t stride, int steps,
                                int columns) {
  const __mmask16 lanesThere = firstLanes(columns);
  for (int p = 0; p < side; p++) {
    __m256bh even[parts], odd[parts];
    const int k = 2 * p;
    split(_mm512_maskz_loadu_ps(k < steps ? lanesThere : 0, from + (k < steps ? k : 0) * stride), even);
    split(_mm512_maskz_loadu_ps(k + 1 < steps ? lanesThere : 0, from + (k + 1 < steps ? k + 1 : 0) * stride), odd);
    for (int i = 0; i < parts; i++) to[i][p] = paired(even[i], odd[i]);
  }
}

/** Makes a right side from sixteen columns of `from` [steps × columns]. */
template <int parts>
DIFFWAVE_INLINE void splitColumns(Split<parts>& to, const float* from, ptrdiff_t stride, int steps,
                                  int columns = side) {
  __m512i pairs[parts][side];
  splitPairs(pairs, from, stride, steps, columns);
  for (int i = 0; i < parts; i++) {
    for (int p = 0; p < side; p++) _mm512_store_si512(to.part[i].rows[p], pairs[i][p]);
  }
}

/** Transposes a 16 × 16 matrix of 32-bit lanes. */
DIFFWAVE_INLINE void transpose(__m512i (&x)[side]) {
  __m512i y[side];
  for (int i = 0; i < side; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
  for (int i = 0; i < side; i += 4) {
    x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  // Now x[4·g + c] holds column c of rows 4·g … 4·g + 3 in its first quarter, column c + 4 in its second, and so on.
  for (int c = 0; c < 4; c++) {
    const __m512i a = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88), b = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xdd);
    const __m512i d = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88),
                  e = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xdd);
    y[c] = _mm512_shuffle_i32x4(a, d, 0x88);
    y[8 + c] = _mm512_shuffle_i32x4(a, d, 0xdd);
    y[4 + c] = _mm512_shuffle_i32x4(b, e, 0x88);
    y[12 + c] = _mm512_shuffle_i32x4(b, e, 0xdd);
  }
  for (int i = 0; i < side; i++) x[i] = y[i];
}

/** Makes a left side from a transposed matrix: row r of the tile is column r of `from` [steps × rows]. */
template <int parts>
DIFFWAVE_INLINE void splitTransposed(Split<parts>& to, const float* from, ptrdiff_t stride, int steps, int rows) {
  __m512i pairs[parts][side];
  splitPairs(pairs, from, stride, steps, rows);
  for (int i = 0; i < parts; i++) {
    transpose(pairs[i]);
    for (int r = 0; r < side; r++) _mm512_store_si512(to.part[i].rows[r], pairs[i][r]);
  }
}

/** Place of a left side in memory: sixteen rows `stride` bytes apart, with their next parts `nextPart` bytes on. */
struct LeftSide {
  const char* rows;
  ptrdiff_t stride, nextPart;
};

/** Returns the place of a split tile. */
template <int parts>
DIFFWAVE_INLINE LeftSide sideOf(const Split<parts>& split) {
  return {reinterpret_cast<const char*>(split.part[0].rows), sizeof split.part[0].rows[0], sizeof split.part[0]};
}

/**
 * Multiplies 32 steps: sums += left · right. Tiles 0 … 3 are the sums [2 × 2]. `upper` and `lower` are the two left
 * sides, and `right` points to two consecutive right sides. Tiles 4 … 7 are overwritten.
 */
template <int rowTiles, int columnTiles, int parts>
DIFFWAVE_INLINE void multiplyAdd(const LeftSide& upper, const LeftSide& lower, const Split<parts>* right) {
  static_assert(rowTiles >= 1 && rowTiles <= 2 && columnTiles >= 1 && columnTiles <= 2, "what eight tiles hold");
  DIFFWAVE_UNROLL
  for (int j = parts - 1; j >= 0; j--) {
    _tile_loadd(6, right[0].part[j].rows, 64);
    if constexpr (columnTiles > 1) _tile_loadd(7, right[1].part[j].rows, 64);
    DIFFWAVE_UNROLL
    for (int i = 0; i + j < parts; i++) {
      // With two parts, the tiles of the high left sides are still loaded from the product with the low right sides.
      if (parts != 2 || j == 1 || i == 1) {
        _tile_loadd(4, upper.rows + i * upper.nextPart, upper.stride);
        if constexpr (rowTiles > 1) _tile_loadd(5, lower.rows + i * lower.nextPart, lower.stride);
      }
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (columnTiles > 1) _tile_dpbf16ps(1, 4, 7);
      if constexpr (rowTiles > 1) _tile_dpbf16ps(2, 5, 6);
      if constexpr (rowTiles > 1 && columnTiles > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
}

/** Loads the tiles of sums from rows of floats, `stride` floats apart. */
template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void loadSums(const float* from, ptrdiff_t stride) {
  const ptrdiff_t bytes = stride * ptrdiff_t(sizeof(float));
  _tile_loadd(0, from, bytes);
  if constexpr (columnTiles > 1) _tile_loadd(1, from + side, bytes);
  if constexpr (rowTiles > 1) _tile_loadd(2, from + side * stride, bytes);
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_loadd(3, from + side * stride + side, bytes);
}

/** Sets the tiles of sums to zero. */
template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void clearSums() {
  _tile_zero(0);
  if constexpr (columnTiles > 1) _tile_zero(1);
  if constexpr (rowTiles > 1) _tile_zero(2);
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_zero(3);
}

/** Stores the tiles of sums to rows of floats, `stride` floats apart. */
template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void storeSums(float* to, ptrdiff_t stride) {
  const ptrdiff_t bytes = stride * ptrdiff_t(sizeof(float));
  _tile_stored(0, to, bytes);
  if constexpr (columnTiles > 1) _tile_stored(1, to + side, bytes);
  if constexpr (rowTiles > 1) _tile_stored(2, to + side * stride, bytes);
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_stored(3, to + side * stride + side, bytes);
}

}  // namespace amxTiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
