// One vector type for all processors, made of the compiler's vector extensions. Each file in native/targets/ includes
// the kernels once, with its vector width (DIFFWAVE_LANES) and its namespace (DIFFWAVE_TARGET). Everything that a
// kernel defines lies in that namespace, so that the linker does not merge an inline function that was compiled for two
// instruction sets.
//
// Purity rule: every function here works lane by lane and rounds in an order that is written out (contraction is off,
// `fma` is explicit). So a lane's result never depends on its place in a vector, time block or chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in GCC's own headers of intrinsics (bug 105593)
#endif
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__wasm_relaxed_simd__)
#include <wasm_simd128.h>
#endif

#define DIFFWAVE_INLINE inline __attribute__((always_inline))
/** Marks a function with a register block of its own. Inlined, it would lose registers to the code around it. */
#define DIFFWAVE_NOINLINE __attribute__((noinline))
/** Unrolls a loop over a register block. Without it, the block would live in memory. */
#define DIFFWAVE_UNROLL _Pragma("GCC unroll 16")

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Number of floats in a vector. */
constexpr int lanes = DIFFWAVE_LANES;

typedef float Vector __attribute__((vector_size(4 * DIFFWAVE_LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * DIFFWAVE_LANES)));
typedef float UnalignedVector __attribute__((vector_size(4 * DIFFWAVE_LANES), aligned(4), may_alias));

DIFFWAVE_INLINE Vector load(const float* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
DIFFWAVE_INLINE void store(float* to, Vector value) { *reinterpret_cast<UnalignedVector*>(to) = value; }
DIFFWAVE_INLINE Vector splat(float value) { return value - Vector{}; }

/**
 * a × b + c, rounded once if the instruction set has a fused multiply-add, else twice. It is the same in every lane.
 */
DIFFWAVE_INLINE Vector fma(Vector a, Vector b, Vector c) {
#if defined(__AVX512F__) && DIFFWAVE_LANES == 16
  return reinterpret_cast<Vector>(
      _mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__) && DIFFWAVE_LANES == 8
  return reinterpret_cast<Vector>(
      _mm256_fmadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
#elif defined(__FMA__) && DIFFWAVE_LANES == 16
  union Halves {
    Vector whole;
    __m256 half[2];
  } x{a}, y{b}, z{c}, sum;
  sum.half[0] = _mm256_fmadd_ps(x.half[0], y.half[0], z.half[0]);
  sum.half[1] = _mm256_fmadd_ps(x.half[1], y.half[1], z.half[1]);
  return sum.whole;
#elif defined(__ARM_NEON) && DIFFWAVE_LANES == 4
  return vfmaq_f32(c, a, b);
#elif defined(__wasm_relaxed_simd__)
  return reinterpret_cast<Vector>(
      wasm_f32x4_relaxed_madd(reinterpret_cast<v128_t>(a), reinterpret_cast<v128_t>(b), reinterpret_cast<v128_t>(c)));
#else
  return a * b + c;
#endif
}

/** Returns a in the lanes in which `mask`, the result of a comparison, is set, and b in the others. */
DIFFWAVE_INLINE Vector choose(Integers mask, Vector a, Vector b) { return mask ? a : b; }
DIFFWAVE_INLINE Vector maximum(Vector a, Vector b) { return a > b ? a : b; }
DIFFWAVE_INLINE Vector minimum(Vector a, Vector b) { return a < b ? a : b; }
DIFFWAVE_INLINE Vector clamp(Vector x, float low, float high) { return minimum(maximum(x, splat(low)), splat(high)); }
DIFFWAVE_INLINE Vector absolute(Vector x) {
  return reinterpret_cast<Vector>(reinterpret_cast<Integers>(x) & (Integers{} + 0x7fffffff));
}

/** 1.5 × 2²³: adding it to a small number rounds that to the nearest integer, which then is in the low bits. */
constexpr float roundingTerm = 12582912.0f;
constexpr float log2e = 1.44269504088896341f;
/** Beyond these arguments the sigmoid and the tanh are within 1e-17 of their limits. */
constexpr float sigmoidRange = 40.0f, tanhRange = 20.0f;

/**
 * eˣ for x in [−87, 88], to a relative 1e-7: x = n ln 2 + r with |r| ≤ ln 2 / 2, a polynomial for eʳ (coefficients of
 * Cephes' expf, S. Moshier), and n added to the bits of the exponent.
 */
DIFFWAVE_INLINE Vector exponential(Vector x) {
  const Vector shifted = fma(x, splat(log2e), splat(roundingTerm));
  const Vector n = shifted - splat(roundingTerm);
  Vector r = fma(n, splat(-0.693359375f), x);
  r = fma(n, splat(2.12194440e-4f), r);
  Vector p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  p = fma(p, r * r, r + 1.0f);
  return reinterpret_cast<Vector>(reinterpret_cast<Integers>(p) + (reinterpret_cast<Integers>(shifted) << 23));
}

/** 1/(1 + e⁻ˣ). */
DIFFWAVE_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponential(-clamp(x, -sigmoidRange, sigmoidRange))); }

/** tanh x, to an absolute 2e-7. */
DIFFWAVE_INLINE Vector hyperbolicTangent(Vector x) {
  const Vector e = exponential(-2.0f * clamp(x, -tanhRange, tanhRange));
  return (1.0f - e) / (1.0f + e);
}

/** sigmoid(a) · tanh(b) as one quotient: (1 − e⁻²ᵇ) / ((1 + e⁻ᵃ)(1 + e⁻²ᵇ)). */
DIFFWAVE_INLINE Vector gate(Vector a, Vector b) {
  const Vector ea = exponential(-clamp(a, -sigmoidRange, sigmoidRange));
  const Vector eb = exponential(-2.0f * clamp(b, -tanhRange, tanhRange));
  return (1.0f - eb) / ((1.0f + ea) * (1.0f + eb));
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
