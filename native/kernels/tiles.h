// Matrix products on AMX tiles (Intel SDM, chapter on TMUL), to nearly the precision of float32. A tile product multiplies
// bfloat16 and adds in float32; a float is the sum of two bfloat16, high + low, to 2⁻¹⁷ of itself. So a product of floats
// is high·high + high·low + low·high, three tile products, and low·low, below 2⁻¹⁸, is left out.
//
// A tile is sixteen rows of 64 bytes. Left sides stand as rows of 32 steps; right sides as pairs of steps, sixteen columns a
// row. Every number's sum runs over its steps in order, 32 at a time, so it does not depend on the rows around it.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace tiles {

/** Rows and columns of a tile of sums, and the steps one product takes. */
constexpr int side = 16, depth = 32;

/** One tile of bfloat16, in the order in which it is loaded. */
struct alignas(64) Tile {
  uint16_t rows[side][depth];
};

/** Both parts of a side of a product. */
struct Pair {
  Tile high, low;
};
static_assert(sizeof(Pair) == side * depth * sizeof(float), "pairs take the place of floats");

/** Sets all eight tiles up; a thread needs it before its first product, and gives the tiles back when this goes. */
class Session {
 public:
  Session() {
    struct alignas(64) {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {side, side, side, side, side, side, side, side};
    } config;
    _tile_loadconfig(&config);
  }
  ~Session() { _tile_release(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

DIFFWAVE_INLINE __m512 widened(__m256bh x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(x)), 16));
}

/** The high part of a vector, and what is left, rounded too. */
DIFFWAVE_INLINE void split(__m512 x, __m256bh& high, __m256bh& low) {
  high = _mm512_cvtneps_pbh(x);
  low = _mm512_cvtneps_pbh(_mm512_sub_ps(x, widened(high)));
}

/** Rows of a left side, `steps` ≤ 32 of each from `from` on; the rest of the tile is zeros. */
DIFFWAVE_INLINE void splitRows(Pair& to, const float* from, ptrdiff_t stride, int rows, int steps) {
  const __mmask16 first = steps >= 16 ? 0xffff : __mmask16((1u << steps) - 1);
  const __mmask16 second = steps >= 32 ? 0xffff : steps > 16 ? __mmask16((1u << (steps - 16)) - 1) : 0;
  for (int r = 0; r < side; r++) {
    __m256bh high[2], low[2];
    const float* row = from + (r < rows ? r : 0) * stride;
    split(_mm512_maskz_loadu_ps(r < rows ? first : 0, row), high[0], low[0]);
    split(_mm512_maskz_loadu_ps(r < rows ? second : 0, row + 16), high[1], low[1]);
    for (int h = 0; h < 2; h++) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(&to.high.rows[r][16 * h]), reinterpret_cast<__m256i>(high[h]));
      _mm256_store_si256(reinterpret_cast<__m256i*>(&to.low.rows[r][16 * h]), reinterpret_cast<__m256i>(low[h]));
    }
  }
}

/** Two rows of numbers as one of pairs: the even row in the low half of each lane. */
DIFFWAVE_INLINE __m512i paired(__m256bh even, __m256bh odd) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(even));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(odd));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/** Sixteen columns over `steps` ≤ 32 steps as vectors of pairs, `[16 pairs of steps][16 columns]`; the rest zeros. */
DIFFWAVE_INLINE void splitPairs(__m512i (&high)[side], __m512i (&low)[side], const float* from, ptrdiff_t stride, int steps,
                                __mmask16 columns) {
  for (int p = 0; p < side; p++) {
    __m256bh h[2], l[2];
    for (int odd = 0; odd < 2; odd++) {
      const int k = 2 * p + odd;
      split(_mm512_maskz_loadu_ps(k < steps ? columns : 0, from + (k < steps ? k : 0) * stride), h[odd], l[odd]);
    }
    high[p] = paired(h[0], h[1]);
    low[p] = paired(l[0], l[1]);
  }
}

/** Sixteen columns of a right side. */
DIFFWAVE_INLINE void splitColumns(Pair& to, const float* from, ptrdiff_t stride, int steps, __mmask16 columns = 0xffff) {
  __m512i high[side], low[side];
  splitPairs(high, low, from, stride, steps, columns);
  for (int p = 0; p < side; p++) {
    _mm512_store_si512(to.high.rows[p], high[p]);
    _mm512_store_si512(to.low.rows[p], low[p]);
  }
}

/** A square of sixteen vectors of sixteen, turned. */
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
  // x[4·g + c] now holds column c of rows 4·g … 4·g + 3 in its first quarter, column c + 4 in its second, and so on.
  for (int c = 0; c < 4; c++) {
    const __m512i a = _mm512_shuffle_i32x4(x[c], x[4 + c], 0x88), b = _mm512_shuffle_i32x4(x[c], x[4 + c], 0xdd);
    const __m512i d = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0x88), e = _mm512_shuffle_i32x4(x[8 + c], x[12 + c], 0xdd);
    y[c] = _mm512_shuffle_i32x4(a, d, 0x88);
    y[8 + c] = _mm512_shuffle_i32x4(a, d, 0xdd);
    y[4 + c] = _mm512_shuffle_i32x4(b, e, 0x88);
    y[12 + c] = _mm512_shuffle_i32x4(b, e, 0xdd);
  }
  for (int i = 0; i < side; i++) x[i] = y[i];
}

/** A left side whose steps run down: row r of the tile is column r of `from`. */
DIFFWAVE_INLINE void splitTurned(Pair& to, const float* from, ptrdiff_t stride, int steps, int rows) {
  __m512i high[side], low[side];
  splitPairs(high, low, from, stride, steps, rows >= 16 ? 0xffff : __mmask16((1u << rows) - 1));
  transpose(high);
  transpose(low);
  for (int r = 0; r < side; r++) {
    _mm512_store_si512(to.high.rows[r], high[r]);
    _mm512_store_si512(to.low.rows[r], low[r]);
  }
}

/**
 * One step of 32 of a block of sums, tiles 0 … 3 [rows 2 × columns 2]: left[m] and right[n] pairs, `leftStride` and
 * `rightStride` pairs apart. Tiles 4 … 7 are used.
 */
template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void multiplyAdd(const Pair* left, ptrdiff_t leftStride, const Pair* right, ptrdiff_t rightStride) {
  static_assert(rowTiles >= 1 && rowTiles <= 2 && columnTiles >= 1 && columnTiles <= 2, "what eight tiles hold");
#define DIFFWAVE_TILE_PRODUCTS                                              \
  _tile_dpbf16ps(0, 4, 6);                                                  \
  if constexpr (columnTiles > 1) _tile_dpbf16ps(1, 4, 7);                   \
  if constexpr (rowTiles > 1) _tile_dpbf16ps(2, 5, 6);                      \
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_dpbf16ps(3, 5, 7);
  // Right sides stream through the second-level cache: the next step's lines are asked for now.
  for (int n = 0; n < columnTiles; n++) {
    const char* const next = reinterpret_cast<const char*>(right + 2 + n * rightStride);
    for (size_t line = 0; line < sizeof(Pair); line += 64) __builtin_prefetch(next + line);
  }
  _tile_loadd(6, right->low.rows, 64);
  if constexpr (columnTiles > 1) _tile_loadd(7, right[rightStride].low.rows, 64);
  _tile_loadd(4, left->high.rows, 64);
  if constexpr (rowTiles > 1) _tile_loadd(5, left[leftStride].high.rows, 64);
  DIFFWAVE_TILE_PRODUCTS
  _tile_loadd(6, right->high.rows, 64);
  if constexpr (columnTiles > 1) _tile_loadd(7, right[rightStride].high.rows, 64);
  DIFFWAVE_TILE_PRODUCTS
  _tile_loadd(4, left->low.rows, 64);
  if constexpr (rowTiles > 1) _tile_loadd(5, left[leftStride].low.rows, 64);
  DIFFWAVE_TILE_PRODUCTS
#undef DIFFWAVE_TILE_PRODUCTS
}

/** The four tiles of sums, from rows of floats or zeros, and to them. `stride` in floats. */
template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void loadSums(const float* from, ptrdiff_t stride) {
  const ptrdiff_t bytes = stride * ptrdiff_t(sizeof(float));
  _tile_loadd(0, from, bytes);
  if constexpr (columnTiles > 1) _tile_loadd(1, from + side, bytes);
  if constexpr (rowTiles > 1) _tile_loadd(2, from + side * stride, bytes);
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_loadd(3, from + side * stride + side, bytes);
}

template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void clearSums() {
  _tile_zero(0);
  if constexpr (columnTiles > 1) _tile_zero(1);
  if constexpr (rowTiles > 1) _tile_zero(2);
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_zero(3);
}

template <int rowTiles, int columnTiles>
DIFFWAVE_INLINE void storeSums(float* to, ptrdiff_t stride) {
  const ptrdiff_t bytes = stride * ptrdiff_t(sizeof(float));
  _tile_stored(0, to, bytes);
  if constexpr (columnTiles > 1) _tile_stored(1, to + side, bytes);
  if constexpr (rowTiles > 1) _tile_stored(2, to + side * stride, bytes);
  if constexpr (rowTiles > 1 && columnTiles > 1) _tile_stored(3, to + side * stride + side, bytes);
}

}  // namespace tiles
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
