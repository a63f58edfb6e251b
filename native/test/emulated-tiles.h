// AMX tiles in plain C++, instead of the compiler's intrinsics. With them the kernels on tiles run, and are tested, on
// any processor with AVX-512 and bfloat16. Sums are those of TDPBF16PS in the Intel SDM: each sum takes its pairs in
// order, the even step of a pair before the odd one. Rounding differs from the processor's, which treats numbers below
// 2⁻¹²⁶ as zero.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace diffwave {
namespace emulatedTiles {

constexpr int rows = 16, pairs = 16, rowBytes = 64;

/** The eight tiles of a thread. */
static thread_local unsigned char tiles[8][rows][rowBytes];

static inline void load(int tile, const void* from, ptrdiff_t stride) {
  for (int r = 0; r < rows; r++) std::memcpy(tiles[tile][r], static_cast<const char*>(from) + r * stride, rowBytes);
}

static inline void store(int tile, void* to, ptrdiff_t stride) {
  for (int r = 0; r < rows; r++) std::memcpy(static_cast<char*>(to) + r * stride, tiles[tile][r], rowBytes);
}

static inline float widened(uint16_t number) {
  const uint32_t bits = uint32_t(number) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static inline void clear(int tile) { std::memset(tiles[tile], 0, sizeof tiles[tile]); }

/** sum [16 × 16] += left [16 × 32] · right [32 × 16]. The right side consists of pairs of steps. */
static inline void multiply(int sum, int left, int right) {
  for (int r = 0; r < rows; r++) {
    for (int c = 0; c < pairs; c++) {
      float total;
      std::memcpy(&total, &tiles[sum][r][4 * c], sizeof total);
      for (int k = 0; k < pairs; k++) {
        uint16_t a[2], b[2];
        std::memcpy(a, &tiles[left][r][4 * k], sizeof a);
        std::memcpy(b, &tiles[right][k][4 * c], sizeof b);
        total += widened(a[0]) * widened(b[0]);
        total += widened(a[1]) * widened(b[1]);
      }
      std::memcpy(&tiles[sum][r][4 * c], &total, sizeof total);
    }
  }
}

}  // namespace emulatedTiles
}  // namespace diffwave

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadconfig(from) static_cast<void>(from)
#define _tile_release() static_cast<void>(0)
#define _tile_loadd(tile, from, stride) diffwave::emulatedTiles::load(tile, from, stride)
#define _tile_stored(tile, to, stride) diffwave::emulatedTiles::store(tile, to, stride)
#define _tile_zero(tile) diffwave::emulatedTiles::clear(tile)
#define _tile_dpbf16ps(sum, left, right) diffwave::emulatedTiles::multiply(sum, left, right)
