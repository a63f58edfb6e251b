// Logarithm, sine and cosine in double precision, within two units in the last place (test/elementary.cc). They are not
// those of the C library, which differ from system to system.
#pragma once

#include "doubles.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/**
 * ln x for normal, positive x, within one unit. With x = 2ᵏ·(1 + f), 1 + f in [√½, √2] and s = f / (2 + f),
 * ln(1 + f) = f − f²/2 + s·(f²/2 + R(s²)), where R is the minimax polynomial of fdlibm's e_log.c.
 */
DIFFWAVE_INLINE Doubles logarithm(Doubles x) {
  constexpr uint64_t rootHalf = 0x3fe6a09e667f3bcd;  // bits of √½
  const Longs exponent = reinterpret_cast<Longs>(reinterpret_cast<Bits>(x) - rootHalf) >> 52;
  const Bits mantissa = reinterpret_cast<Bits>(x) - (reinterpret_cast<Bits>(exponent) << 52);
  const Doubles k = __builtin_convertvector(exponent, Doubles);
  const Doubles f = reinterpret_cast<Doubles>(mantissa) - 1.0;
  const Doubles s = f / (2.0 + f);
  const Doubles z = s * s;
  Doubles r = 1.479819860511658591e-01 * z + 1.531383769920937332e-01;
  r = r * z + 1.818357216161805012e-01;
  r = r * z + 2.222219843214978396e-01;
  r = r * z + 2.857142874366239149e-01;
  r = r * z + 3.999999999940941908e-01;
  r = r * z + 6.666666666666735130e-01;
  r = r * z;
  const Doubles half = 0.5 * f * f;
  return k * 6.93147180369123816490e-01 - ((half - (s * (half + r) + k * 1.90821492927058770002e-10)) - f);
}

/**
 * sin and cos of x, at most 2²⁰·π/2 in size. x = n·π/2 + r, with r rounded once because π/2 is subtracted in three
 * parts. Then the polynomials of fdlibm's k_sin.c and k_cos.c follow.
 */
DIFFWAVE_INLINE void sineCosine(Doubles x, Doubles* sine, Doubles* cosine) {
  const Doubles rounder = splatDouble(0x1.8p52);
  const Doubles shifted = x * 6.36619772367581382433e-01 + rounder;
  const Doubles n = shifted - rounder;
  // The first two parts of π/2 have 33 bits, so that their products with n are exact.
  const Doubles first = x - n * 1.57079632673412561417e+00, part = n * 6.07710050630396597660e-11;
  const Doubles second = first - part, lost = (first - second) - part;  // what `second` was rounded by
  const Doubles r = second + (lost - n * 2.02226624879595063154e-21);
  const Doubles z = r * r;
  Doubles p = 1.58969099521155010221e-10 * z - 2.50507602534068634195e-08;
  p = p * z + 2.75573137070700676789e-06;
  p = p * z - 1.98412698298579493134e-04;
  p = p * z + 8.33333333332248946124e-03;
  p = p * z - 1.66666666666666324348e-01;
  const Doubles sin = r + r * z * p;
  Doubles q = -1.13596475577881948265e-11 * z + 2.08757232129817482790e-09;
  q = q * z - 2.75573143513906633035e-07;
  q = q * z + 2.48015872894767294178e-05;
  q = q * z - 1.38888888888741095749e-03;
  q = q * z + 4.16666666666666019037e-02;
  const Doubles half = 0.5 * z;
  const Doubles w = 1.0 - half;
  const Doubles cos = w + (((1.0 - w) - half) + z * z * q);
  const Bits quadrant = reinterpret_cast<Bits>(shifted);
  const Bits sign = Bits{} + (uint64_t(1) << 63);
  const Longs swap = (quadrant & 1) != 0;
  const Doubles s = swap ? cos : sin, c = swap ? sin : cos;
  *sine = reinterpret_cast<Doubles>(reinterpret_cast<Bits>(s) ^ ((quadrant << 62) & sign));
  *cosine = reinterpret_cast<Doubles>(reinterpret_cast<Bits>(c) ^ (((quadrant + 1) << 62) & sign));
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
