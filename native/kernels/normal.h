// Normal numbers keyed by position: Philox4x32-10 (Salmon et al. 2011) and the Box–Muller transform in double
// precision, as in src/core/random.ts.
#pragma once

#include "elementary.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace normal {

/**
 * Bound of the relative difference of two correct results, ours and JavaScript's. Logarithm, sine and cosine are each
 * within one unit in the last place in V8 and within two here. With the square root and the product this makes less
 * than eight units of 2⁻⁵³. The bound of 64 units leaves room.
 */
constexpr double doubt = 0x1p-47;

/** Philox4x32-10: four words from the counter {low, high, draw, 0} and the seed as key. */
DIFFWAVE_INLINE void philox(uint64_t index, uint32_t draw, uint64_t seed, uint32_t* words) {
  uint32_t c0 = uint32_t(index), c1 = uint32_t(index >> 32), c2 = draw, c3 = 0;
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t product0 = uint64_t(0xd2511f53u) * c0, product1 = uint64_t(0xcd9e8d57u) * c2;
    c0 = uint32_t(product1 >> 32) ^ c1 ^ k0;
    c1 = uint32_t(product1);
    c2 = uint32_t(product0 >> 32) ^ c3 ^ k1;
    c3 = uint32_t(product0);
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** Implements OptimiserKernels::gaussian. One iteration of the loop makes `doubleLanes` pairs of numbers. */
inline int64_t gaussian(uint64_t seed, uint32_t draw, int64_t start, int64_t count, float* out, uint32_t* doubtful) {
  constexpr int quadruples = doubleLanes / 2, numbers = 4 * quadruples;
  int64_t listed = 0;
  const int64_t end = start + count;
  for (int64_t first = start / 4 * 4; first < end; first += numbers) {
    uint32_t words[numbers];
    for (int i = 0; i < quadruples; i++) philox(uint64_t(first / 4 + i), draw, seed, words + 4 * i);
    Doubles u, angle, sine, cosine;
    for (int i = 0; i < doubleLanes; i++) {
      u[i] = (double(words[2 * i]) + 1) * 0x1p-32;
      angle[i] = (6.283185307179586 * double(words[2 * i + 1])) * 0x1p-32;
    }
    const Doubles radius = squareRoot(-2.0 * logarithm(u));
    sineCosine(angle, &sine, &cosine);
    const Doubles pair[2] = {radius * cosine, radius * sine};
    for (int half = 0; half < 2; half++) {
      const Floats low = __builtin_convertvector(pair[half] * (1 - doubt), Floats);
      const Floats high = __builtin_convertvector(pair[half] * (1 + doubt), Floats);
      for (int i = 0; i < doubleLanes; i++) {
        const int64_t at = first + 2 * i + half - start;
        if (at < 0 || at >= count) continue;
        out[at] = low[i];
        if (low[i] != high[i] || low[i] == 0) doubtful[listed++] = uint32_t(at);
      }
    }
  }
  return listed;
}

}  // namespace normal
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
