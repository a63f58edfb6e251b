// The operands of a residual layer's products: floats, or pairs of bfloat16 numbers that are summed in float32
// (`precision: 'fast'`). Rows of activations and weights consist of 32-bit words, one word per step of a product's
// loop. A word is a float, or two neighbouring bfloat16 numbers with the first in its low half. One instruction
// multiplies both numbers and adds both products (x86: vdpbf16ps, Intel SDM; arm64: bfdot, Arm ARM), so the product
// takes half as many steps.
#pragma once

#include "partial-vectors.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Float operands: one number per word. */
struct FloatOperands {
  static constexpr int numbersPerWord = 1;

  /** sum + a · b, lane by lane. */
  static DIFFWAVE_INLINE Vector multiplyAdd(Vector a, Vector b, Vector sum) { return fma(a, b, sum); }
  /** Broadcasts a word to all lanes. */
  static DIFFWAVE_INLINE Vector splatWord(const float* word) { return splat(*word); }
  static DIFFWAVE_INLINE Vector gated(Vector a, Vector b) { return gate(a, b); }
  /** Stores two vectors as numbers `at` … of a row. `at` is a multiple of two vectors. */
  static DIFFWAVE_INLINE void put(float* row, int at, Vector first, Vector second) {
    store(row + at, first);
    store(row + at + lanes, second);
  }
  /** Stores the last vector of a row that has an odd number of vectors. */
  static DIFFWAVE_INLINE void putLast(float* row, int at, Vector last) { store(row + at, last); }
  /** Stores one weight. */
  static void putWeights(float* word, const float* numbers) { *word = *numbers; }
};

#ifdef DIFFWAVE_BF16

/** Rounds two neighbouring vectors to the nearest bfloat16 numbers, and returns them as one vector of words. */
DIFFWAVE_INLINE Vector roundedPairs(Vector first, Vector second) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vector>(
      _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first)));
#else
  return reinterpret_cast<Vector>(vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(first), second));
#endif
}

/** e^x to a relative 2e-5, for the x that `exponential` takes. The polynomial is a shorter one of the same kind. */
DIFFWAVE_INLINE Vector fastExponential(Vector x) {
  const Vector shifted = fma(x, splat(log2e), splat(roundingTerm));
  const Vector r = fma(shifted - splat(roundingTerm), splat(-0.69314718056f), x);
  Vector p = splat(4.1666666e-2f);
  p = fma(p, r, splat(1.6666666e-1f));
  p = fma(p, r, splat(5.0e-1f));
  p = fma(p, r, splat(1.0f));
  p = fma(p, r, splat(1.0f));
  return reinterpret_cast<Vector>(reinterpret_cast<Integers>(p) + (reinterpret_cast<Integers>(shifted) << 23));
}

/** Operands in pairs of bfloat16 numbers. */
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

  /** Broadcasts as an integer: float arithmetic may change the bits of a pair, for example those of a NaN. */
  static DIFFWAVE_INLINE Vector splatWord(const float* word) {
    int32_t bits;
    std::memcpy(&bits, word, sizeof bits);
    return reinterpret_cast<Vector>(Integers{} + bits);
  }

  /** sigmoid(a) · tanh(b) to 5e-5, which is finer than bfloat16. */
  static DIFFWAVE_INLINE Vector gated(Vector a, Vector b) {
    const Vector ea = fastExponential(-clamp(a, -sigmoidRange, sigmoidRange));
    const Vector eb = fastExponential(-2.0f * clamp(b, -tanhRange, tanhRange));
    return (1.0f - eb) / ((1.0f + ea) * (1.0f + eb));
  }

  static DIFFWAVE_INLINE void put(float* row, int at, Vector first, Vector second) {
    store(row + at / 2, roundedPairs(first, second));
  }
  static DIFFWAVE_INLINE void putLast(float* row, int at, Vector last) { put(row, at, last, Vector{}); }

  static void putWeights(float* word, const float* numbers) {
    uint32_t bits[2];
    std::memcpy(bits, numbers, sizeof bits);
    // Rounds to the nearest, ties to even.
    for (uint32_t& b : bits) b = (b + 0x7fff + (b >> 16 & 1)) >> 16;
    const uint32_t both = bits[1] << 16 | bits[0];
    std::memcpy(word, &both, sizeof both);
  }
};

#endif

/** Number of words of a row of `numbers` numbers in a product. */
template <class Operands>
DIFFWAVE_INLINE int wordsOf(int numbers) {
  return (numbers + Operands::numbersPerWord - 1) / Operands::numbersPerWord;
}

/** Number of words of a row in memory: whole vectors. */
template <class Operands>
DIFFWAVE_INLINE int rowWords(int numbers) {
  return (wordsOf<Operands>(numbers) + lanes - 1) / lanes * lanes;
}

/** Copies `count` floats to a row of words. Words past the last number are zero. */
template <class Operands>
static void copyNumbers(float* row, const float* from, int count) {
  if constexpr (Operands::numbersPerWord == 1) {
    std::memcpy(row, from, size_t(count) * sizeof(float));
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
