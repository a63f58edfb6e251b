// Fourier transforms of several frames at once, one frame per lane: from real samples to a spectrum, and back by way of
// a complex transform of half the length. They decimate in time with radix 4 (Cooley & Tukey 1965). Operations and
// their order are those of fft.js and src/audio/transforms/stft.ts, so the bytes are the same.
#pragma once

#include "doubles.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace frames {

/** One complex number per lane. */
struct Complex {
  Doubles re, im;
};

DIFFWAVE_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
DIFFWAVE_INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
DIFFWAVE_INLINE Complex at(const Doubles* numbers, int64_t index) {
  return {numbers[2 * index], numbers[2 * index + 1]};
}
DIFFWAVE_INLINE void put(Doubles* numbers, int64_t index, Complex value) {
  numbers[2 * index] = value.re;
  numbers[2 * index + 1] = value.im;
}
/** value × root, or value × the conjugate of the root. */
template <bool conjugate>
DIFFWAVE_INLINE Complex timesRoot(Complex value, const double* root) {
  const double re = root[0], im = conjugate ? -root[1] : root[1];
  return {value.re * re - value.im * im, value.re * im + value.im * re};
}

/** Reverses the base-4 digits of `number`: the index of a leaf's first input. */
inline int reversedDigits(int number, int digits) {
  int result = 0;
  for (int i = 0; i < digits; i++) result = result << 2 | (number >> 2 * i & 3);
  return result;
}

/** Number of inputs of a leaf: 4 if the length is a power of 4, else 2. */
inline int leafSize(int length) {
  int size = length;
  while (size > 4) size >>= 2;
  return size;
}

/** Calls leaf(number, index of its first input) for each leaf of a transform. */
template <class Leaf>
DIFFWAVE_INLINE void forEachLeaf(int length, const Leaf& leaf) {
  const int count = length / leafSize(length);
  int digits = 0;
  while (1 << 2 * digits < count) digits++;
  for (int i = 0; i < count; i++) leaf(i, reversedDigits(i, digits));
}

/** The four sums of a radix-4 butterfly. The four parts have been multiplied with their roots. */
struct Butterfly {
  Complex t0, t1, t2, t3;
  DIFFWAVE_INLINE Butterfly(Complex a, Complex b, Complex c, Complex d) : t0(a + c), t1(a - c), t2(b + d), t3(b - d) {}
};

/** Inverse transform of `length` complex numbers, without the division by the length. input(k) returns number k. */
template <class Input>
DIFFWAVE_INLINE void inverseTransform(Doubles* out, int length, const double* roots, int rootCount,
                                      const Input& input) {
  const int leaf = leafSize(length);
  const auto butterfly = [&](int64_t index, int64_t quarter, Complex a, Complex b, Complex c, Complex d) {
    const Butterfly s(a, b, c, d);
    const Complex t3{-s.t3.re, -s.t3.im};
    put(out, index, s.t0 + s.t2);
    put(out, index + quarter, {s.t1.re + t3.im, s.t1.im - t3.re});
    put(out, index + 2 * quarter, s.t0 - s.t2);
    put(out, index + 3 * quarter, {s.t1.re - t3.im, s.t1.im + t3.re});
  };
  forEachLeaf(length, [&](int i, int first) {
    if (leaf == 4) {
      const int step = length / 4;
      butterfly(int64_t(4) * i, 1, input(first), input(first + step), input(first + 2 * step), input(first + 3 * step));
    } else {
      const Complex even = input(first), odd = input(first + length / 2);
      put(out, int64_t(2) * i, even + odd);
      put(out, int64_t(2) * i + 1, even - odd);
    }
  });
  for (int size = 4 * leaf; size <= length; size *= 4) {
    const int quarter = size / 4;
    for (int block = 0; block < length; block += size) {
      for (int k = 0; k < quarter; k++) {
        const int64_t index = block + k, root = int64_t(2) * k * (rootCount / size);
        butterfly(index, quarter, at(out, index), timesRoot<true>(at(out, index + quarter), roots + root),
                  timesRoot<true>(at(out, index + 2 * quarter), roots + 2 * root),
                  timesRoot<true>(at(out, index + 3 * quarter), roots + 3 * root));
      }
    }
  }
}

/**
 * Transform of `length` real numbers to bins 0 … length/2. `out` has room for `length` complex numbers. An intermediate
 * transform of n numbers has its bins 0 … n/2 at the start of its n places. The other places are not filled: their bins
 * would be the conjugates.
 */
DIFFWAVE_NOINLINE static void realTransform(Doubles* out, int length, const double* roots, const Doubles* input) {
  const int leaf = leafSize(length);
  forEachLeaf(length, [&](int i, int first) {
    if (leaf == 4) {
      const int step = length / 4;
      const Doubles a = input[first], b = input[first + step], c = input[first + 2 * step], d = input[first + 3 * step];
      const Doubles even = a + c, odd = b + d;
      put(out, int64_t(4) * i, {even + odd, Doubles{}});
      put(out, int64_t(4) * i + 1, {a - c, -(b - d)});
      put(out, int64_t(4) * i + 2, {even - odd, Doubles{}});
    } else {
      const Doubles even = input[first], odd = input[first + length / 2];
      put(out, int64_t(2) * i, {even + odd, Doubles{}});
      put(out, int64_t(2) * i + 1, {even - odd, Doubles{}});
    }
  });
  for (int size = 4 * leaf; size <= length; size *= 4) {
    const int quarter = size / 4;
    for (int block = 0; block < length; block += size) {
      for (int k = 0; k <= quarter / 2; k++) {
        const int64_t index = block + k, root = int64_t(2) * k * (length / size);
        const Butterfly s(at(out, index), timesRoot<false>(at(out, index + quarter), roots + root),
                          timesRoot<false>(at(out, index + 2 * quarter), roots + 2 * root),
                          timesRoot<false>(at(out, index + 3 * quarter), roots + 3 * root));
        put(out, index, s.t0 + s.t2);
        put(out, index + quarter, {s.t1.re + s.t3.im, s.t1.im - s.t3.re});
        if (k == 0) put(out, index + 2 * quarter, s.t0 - s.t2);
        if (k == 0 || k == quarter / 2) continue;
        // The same four parts at quarter − k. There each is the conjugate of its value at k.
        put(out, block + quarter - k, {s.t1.re - s.t3.im, -s.t1.im - s.t3.re});
        put(out, block + 2 * quarter - k, {s.t0.re - s.t2.re, s.t2.im - s.t0.im});
      }
    }
  }
}

/**
 * Packs the spectrum of L real samples into half as many complex numbers. Their inverse transform has the even samples
 * as real parts and the odd samples as imaginary parts. With the spectra E and O of the even and the odd samples,
 * X_k = E_k + e^(−2πik/L)·O_k, and E + i·O is the spectrum of even + i·odd. Of the first and the last bin only the real
 * part is used.
 */
DIFFWAVE_INLINE Complex packedBin(const Doubles* spectrum, int size, const double* roots, int bin) {
  const int last = size / 2;
  if (bin == 0) {
    const Doubles first = spectrum[0], nyquist = spectrum[2 * last];
    return {(first + nyquist) * 0.5, (first - nyquist) * 0.5};
  }
  const Complex x = at(spectrum, bin), m = at(spectrum, last - bin);
  const Complex mirror{m.re, -m.im};
  const Complex difference{(x.re - mirror.re) * 0.5, (x.im - mirror.im) * 0.5};
  const Complex odd = timesRoot<true>(difference, roots + 2 * bin);
  return {(x.re + mirror.re) * 0.5 - odd.im, (x.im + mirror.im) * 0.5 + odd.re};
}

/** Samples [size] = size/2 · irfft(spectrum), with the bins 0 … size/2. The first and the last one count as real. */
DIFFWAVE_NOINLINE static void realInverse(Doubles* samples, int size, const double* roots, const Doubles* spectrum) {
  inverseTransform(samples, size / 2, roots, size, [&](int bin) { return packedBin(spectrum, size, roots, bin); });
}

}  // namespace frames
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
