// The transforms of Winograd's F(4,3) (native/winograd.h). Kernels fuse them with the work before and after them, while
// the numbers are in registers.
#pragma once

#include "../winograd.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/** Bᵀ·x, lane by lane: from six inputs to six elements of the transform domain. */
DIFFWAVE_INLINE void inputTransform(const Vector (&x)[winogradInputs], Vector (&out)[winogradInputs]) {
  const Vector inner = splat(innerPoint), outer = splat(outerPoint);
  out[0] = fma(splat(squareProduct), x[0], fma(splat(-squareSum), x[2], x[4]));
  const Vector even = fma(splat(-outerSquare), x[2], x[4]), odd = fma(splat(-outerSquare), x[1], x[3]);
  out[1] = fma(inner, odd, even);
  out[2] = fma(-inner, odd, even);
  const Vector evenOuter = fma(splat(-innerSquare), x[2], x[4]), oddOuter = fma(splat(-innerSquare), x[1], x[3]);
  out[3] = fma(outer, oddOuter, evenOuter);
  out[4] = fma(-outer, oddOuter, evenOuter);
  out[5] = fma(splat(squareProduct), x[1], fma(splat(-squareSum), x[3], x[5]));
}

/** y += Aᵀ·m, lane by lane: from six elements, `plane` floats apart, to four outputs. */
DIFFWAVE_INLINE void outputTransform(const float* m, ptrdiff_t plane, Vector (&y)[winogradOutputs]) {
  const Vector m1 = load(m + plane), m2 = load(m + 2 * plane), m3 = load(m + 3 * plane), m4 = load(m + 4 * plane);
  const Vector innerSum = m1 + m2, inner = m1 - m2, outerSum = m3 + m4, outer = m3 - m4;
  y[0] += load(m) + (innerSum + outerSum);
  y[1] += fma(splat(outerPoint), outer, splat(innerPoint) * inner);
  y[2] += fma(splat(outerSquare), outerSum, splat(innerSquare) * innerSum);
  y[3] += fma(splat(outerCube), outer, fma(splat(innerCube), inner, load(m + 5 * plane)));
}

/** A·y, lane by lane, the adjoint of `outputTransform`: from four gradients to six elements, `plane` floats apart. */
DIFFWAVE_INLINE void outputTransformAdjoint(const Vector (&y)[winogradOutputs], float* to, ptrdiff_t plane) {
  store(to, y[0]);
  const Vector even = fma(splat(innerSquare), y[2], y[0]);
  const Vector odd = fma(splat(innerCube), y[3], splat(innerPoint) * y[1]);
  store(to + plane, even + odd);
  store(to + 2 * plane, even - odd);
  const Vector evenOuter = fma(splat(outerSquare), y[2], y[0]);
  const Vector oddOuter = fma(splat(outerCube), y[3], splat(outerPoint) * y[1]);
  store(to + 3 * plane, evenOuter + oddOuter);
  store(to + 4 * plane, evenOuter - oddOuter);
  store(to + 5 * plane, y[3]);
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
