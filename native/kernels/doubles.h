// Vectors of double-precision numbers. They are as wide as the registers, whatever DIFFWAVE_LANES is.
#pragma once

#include <cmath>

#include "vector.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Number of doubles in a vector. */
#if defined(__AVX512F__)
constexpr int doubleLanes = 8;
#elif defined(__AVX__)
constexpr int doubleLanes = 4;
#else
constexpr int doubleLanes = 2;
#endif

typedef double Doubles __attribute__((vector_size(8 * doubleLanes)));
typedef int64_t Longs __attribute__((vector_size(8 * doubleLanes)));
/** The bits of doubles. Sums and shifts of them wrap around, whatever the numbers are. */
typedef uint64_t Bits __attribute__((vector_size(8 * doubleLanes)));
/** A vector of as many floats as `Doubles` has doubles. */
typedef float Floats __attribute__((vector_size(4 * doubleLanes)));

DIFFWAVE_INLINE Doubles splatDouble(double value) { return value - Doubles{}; }

/** √x, correctly rounded as IEEE 754 requires. */
DIFFWAVE_INLINE Doubles squareRoot(Doubles x) {
#if defined(__AVX512F__)
  return reinterpret_cast<Doubles>(_mm512_sqrt_pd(reinterpret_cast<__m512d>(x)));
#elif defined(__AVX__)
  return reinterpret_cast<Doubles>(_mm256_sqrt_pd(reinterpret_cast<__m256d>(x)));
#elif defined(__SSE2__)
  return reinterpret_cast<Doubles>(_mm_sqrt_pd(reinterpret_cast<__m128d>(x)));
#elif defined(__aarch64__)
  return reinterpret_cast<Doubles>(vsqrtq_f64(reinterpret_cast<float64x2_t>(x)));
#else
  for (int i = 0; i < doubleLanes; i++) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

typedef double UnalignedDoubles __attribute__((vector_size(8 * doubleLanes), aligned(8), may_alias));

DIFFWAVE_INLINE Doubles loadDoubles(const double* from) { return *reinterpret_cast<const UnalignedDoubles*>(from); }
DIFFWAVE_INLINE void storeDoubles(double* to, Doubles value) { *reinterpret_cast<UnalignedDoubles*>(to) = value; }

/** Rounds to float and widens again. */
DIFFWAVE_INLINE Doubles rounded(Doubles value) {
  return __builtin_convertvector(__builtin_convertvector(value, Floats), Doubles);
}

/** Loads `count` ≤ doubleLanes floats and widens them. The other lanes are zero. */
DIFFWAVE_INLINE Doubles loadWide(const float* from, int count) {
  Floats narrow = {};
  std::memcpy(&narrow, from, size_t(count) * sizeof(float));
  return __builtin_convertvector(narrow, Doubles);
}

/** Rounds to floats and stores the first `count`. Returns the rounded numbers, widened again. */
DIFFWAVE_INLINE Doubles storeNarrow(float* to, Doubles value, int count) {
  const Floats narrow = __builtin_convertvector(value, Floats);
  std::memcpy(to, &narrow, size_t(count) * sizeof(float));
  return __builtin_convertvector(narrow, Doubles);
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
