// What the products of a residual layer multiply: floats, or bfloat16 in pairs with sums in float32 (`precision:
// 'fast'`). Activations and weights are rows of 32-bit words, one word per step of a product's loop: a float, or two
// neighbouring bfloat16 numbers, the first in the low half. One instruction multiplies both and adds both products
// (x86: vdpbf16ps, Intel SDM; arm64: bfdot, Arm ARM), so a product takes half of the steps.
#pragma once

#include "mask.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Numbers as they are. */
struct FloatOperands {
  static constexpr int numbersPerWord = 1;

  /** sum + a · b, lane by lane. */
  static DIFFWAVE_INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return fma(a, b, sum); }
  /** A word in all lanes. */
  static DIFFWAVE_INLINE Vector splatWord(const float* word) { return splat(*word); }
  static DIFFWAVE_INLINE Vector gated(Vector a, Vector b) { return gate(a, b); }
  /** Stores two vectors of numbers to a row of words, as its numbers `at` …, a multiple of two vectors. */
  static DIFFWAVE_INLINE void put(float* row, int at, Vector first, Vector second) {
    store(row + at, first);
    store(row + at + lanes, second);
  }
  /** The same for the last vector of a row that has an odd number of them. */
  static DIFFWAVE_INLINE void putLast(float* row, int at, Vector last) { store(row + at, last); }
  /** One weight per word. */
  static void putWeights(float* word, const float* numbers) { *word = *numbers; }
};

#ifdef DIFFWAVE_BF16

/** Two neighbouring vectors of numbers, rounded to nearest bfloat16, as one vector of words. */
DIFFWAVE_INLINE Vector roundedPairs(Vector first, Vector second) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(
      _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first)));
#else
  return reinterpret_cast<Vector>(vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(first), second));
#endif
}

/** e^x to 2e-5 relative, of what `exponential` takes: a shorter polynomial of the same kind. */
DIFFWAVE_INLINE Vector fastExponential(Vector x) {
  const Vector rounder = splat(12582912.0f);
  const Vector shifted = fma(x, splat(1.44269504088896341f), rounder);
  const Vector r = fma(shifted - rounder, splat(-0.69314718056f), x);
  Vector p = splat(4.1666666e-2f);
  p = fma(p, r, splat(1.6666666e-1f));
  p = fma(p, r, splat(5.0e-1f));
  p = fma(p, r, splat(1.0f));
  p = fma(p, r, splat(1.0f));
  return reinterpret_cast<Vector>(reinterpret_cast<Integers>(p) + (reinterpret_cast<Integers>(shifted) << 23));
}

/** Pairs of bfloat16. */
struct BfloatOperands {
  static constexpr int numbersPerWord = 2;

  static DIFFWAVE_INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vector>(
        _mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
#else
    return vbfdotq_f32(sum, reinterpret_cast<bfloat16x8_t>(a), reinterpret_cast<bfloat16x8_t>(b));
#endif
  }

  /** As an integer: a pair of bfloat16 need not be a float that arithmetic leaves as it is. */
  static DIFFWAVE_INLINE Vector splatWord(const float* word) {
    int32_t bits;
    std::memcpy(&bits, word, sizeof bits);
    return reinterpret_cast<Vector>(Integers{} + bits);
  }

  /** sigmoid(a) · tanh(b), to 5e-5: bfloat16 holds no more. */
  static DIFFWAVE_INLINE Vector gated(Vector a, Vector b) {
    const Vector ea = fastExponential(-clamp(a, -40.0f, 40.0f));
    const Vector eb = fastExponential(-2.0f * clamp(b, -20.0f, 20.0f));
    return (1.0f - eb) / ((1.0f + ea) * (1.0f + eb));
  }

  static DIFFWAVE_INLINE void put(float* row, int at, Vector first, Vector second) {
    store(row + at / 2, roundedPairs(first, second));
  }
  static DIFFWAVE_INLINE void putLast(float* row, int at, Vector last) { put(row, at, last, Vector{}); }

  static void putWeights(float* word, const float* numbers) {
    uint32_t bits[2];
    std::memcpy(bits, numbers, sizeof bits);
    // Rounds to the nearest, and to the even one of two.
    for (uint32_t& b : bits) b = (b + 0x7fff + (b >> 16 & 1)) >> 16;
    const uint32_t both = bits[1] << 16 | bits[0];
    std::memcpy(word, &both, sizeof both);
  }
};

#endif

/** Words that `numbers` numbers of a row take in a product. */
template <class Operands>
DIFFWAVE_INLINE int wordsOf(int numbers) {
  return (numbers + Operands::numbersPerWord - 1) / Operands::numbersPerWord;
}

/** Words of a row in memory: whole vectors. */
template <class Operands>
DIFFWAVE_INLINE int rowWords(int numbers) {
  return (wordsOf<Operands>(numbers) + lanes - 1) / lanes * lanes;
}

/** Copies a row of `count` floats to a row of words, the rest of which is zeros. */
template <class Operands>
static void copyNumbers(float* row, const float* from, int count) {
  if constexpr (Operands::numbersPerWord == 1) {
    std::memcpy(row, from, static_cast<size_t>(count) * sizeof(float));
  } else {
    int at = 0;
    for (; at + 2 * lanes <= count; at += 2 * lanes) {
      Operands::put(row, at, load(from + at), load(from + at + lanes));
    }
    if (at == count) return;
    const int left = count - at, first = left < lanes ? left : lanes;
    const Vector second = left > lanes ? loadFirst(from + at + lanes, left - lanes) : Vector{};
    Operands::put(row, at, loadFirst(from + at, first), second);
  }
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
