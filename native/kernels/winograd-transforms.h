// The kernels around the six products of native/winograd.h: transforms of inputs and outputs, fused with what comes
// next to them (gates, their gradient, the sum of gradients) while the numbers are in registers. Shapes:
// training-tasks.h.
#pragma once

#include "../network.h"
#include "../winograd.h"
#include "training-tasks.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

/** Bᵀ·x, lane by lane: six inputs to six elements of the transform domain. */
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

/** y += Aᵀ·m, lane by lane: six elements `plane` floats apart to four outputs. */
DIFFWAVE_INLINE void outputTransform(const float* m, ptrdiff_t plane, Vector (&y)[winogradOutputs]) {
  const Vector m1 = load(m + plane), m2 = load(m + 2 * plane), m3 = load(m + 3 * plane), m4 = load(m + 4 * plane);
  const Vector innerSum = m1 + m2, inner = m1 - m2, outerSum = m3 + m4, outer = m3 - m4;
  y[0] += load(m) + (innerSum + outerSum);
  y[1] += fma(splat(outerPoint), outer, splat(innerPoint) * inner);
  y[2] += fma(splat(outerSquare), outerSum, splat(innerSquare) * innerSum);
  y[3] += fma(splat(outerCube), outer, fma(splat(innerCube), inner, load(m + 5 * plane)));
}

/** A·y, lane by lane: the adjoint of `outputTransform`, from four gradients to six elements. */
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

/** TrainingKernels::winogradInput: Bᵀ of `blocks` blocks, rows [6·blocks], out 6 planes [blocks × columns]. */
inline void winogradInput(float* out, ptrdiff_t plane, const float* const* rows, int blocks, int columns) {
  for (int b = 0; b < blocks; b++, rows += winogradInputs, out += columns) {
    for (int c = 0; c < columns; c += lanes) {
      Vector x[winogradInputs], transformed[winogradInputs];
      DIFFWAVE_UNROLL
      for (int i = 0; i < winogradInputs; i++) x[i] = load(rows[i] + c);
      inputTransform(x, transformed);
      DIFFWAVE_UNROLL
      for (int k = 0; k < winogradInputs; k++) store(out + k * plane + c, transformed[k]);
    }
  }
}

/** What the sums of row r start from at column c: the mel's projection, the bias, or both interpolated. */
DIFFWAVE_INLINE Vector gateStart(const WinogradGates& task, int r, int c) {
  if (task.bias == nullptr) return load(task.halves + ptrdiff_t(r) * 2 * task.columns + c);
  const Vector bias = load(task.bias + c);
  if (task.low == nullptr) return bias;
  const Vector right = splat(task.fraction[r]), left = splat(1.0f - task.fraction[r]);
  return fma(right, load(task.high[r] + c), fma(left, load(task.low[r] + c), bias));
}

/** TrainingKernels::winogradGates: s = sigmoid, t = tanh of start + Aᵀ·sums, gated = s · t. */
inline void winogradGates(const WinogradGates& task) {
  const int columns = task.columns, blocks = task.blocks;
  const int sigmoidAt = task.tanhFirst ? columns : 0, tanhAt = task.tanhFirst ? 0 : columns;
  for (int b = 0; b < blocks; b++) {
    const float* sums = task.sums + ptrdiff_t(b) * 2 * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector s[winogradOutputs], t[winogradOutputs];
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        s[j] = gateStart(task, j * blocks + b, sigmoidAt + c);
        t[j] = gateStart(task, j * blocks + b, tanhAt + c);
      }
      outputTransform(sums + sigmoidAt + c, task.plane, s);
      outputTransform(sums + tanhAt + c, task.plane, t);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        const Vector sig = sigmoid(s[j]), tan = hyperbolicTangent(t[j]);
        float* to = task.halves + ptrdiff_t(j * blocks + b) * 2 * columns + c;
        store(to + sigmoidAt, sig);
        store(to + tanhAt, tan);
        store(task.gated + (j * blocks + b) * task.gatedStride + c, sig * tan);
      }
    }
  }
}

/** TrainingKernels::winogradGateBackward: dSigmoid = d · s · t · (1 − s), dTanh = d · (s − s · t²). */
inline void winogradGateBackward(const WinogradGateBackward& task) {
  const int columns = task.columns, blocks = task.blocks;
  const int sigmoidAt = task.tanhFirst ? columns : 0, tanhAt = task.tanhFirst ? 0 : columns;
  for (int b = 0; b < blocks; b++) {
    float* transformed = task.transformed + ptrdiff_t(b) * 2 * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector dSigmoid[winogradOutputs], dTanh[winogradOutputs];
      Vector sigmoidTotal = load(task.total + sigmoidAt + c), tanhTotal = load(task.total + tanhAt + c);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        const ptrdiff_t r = j * blocks + b;
        const float* from = task.halves + r * 2 * columns + c;
        const Vector s = load(from + sigmoidAt), t = load(from + tanhAt), d = load(task.dGated + r * columns + c);
        const Vector both = s * t;
        dSigmoid[j] = d * both * (1.0f - s);
        dTanh[j] = d * (s - both * t);
        store(task.gated + r * task.gatedStride + c, both);
        sigmoidTotal += dSigmoid[j];
        tanhTotal += dTanh[j];
        float* to = task.dSums[r];
        if (to == nullptr) continue;
        store(to + sigmoidAt + c, dSigmoid[j]);
        store(to + tanhAt + c, dTanh[j]);
      }
      store(task.total + sigmoidAt + c, sigmoidTotal);
      store(task.total + tanhAt + c, tanhTotal);
      outputTransformAdjoint(dSigmoid, transformed + sigmoidAt + c, task.plane);
      outputTransformAdjoint(dTanh, transformed + tanhAt + c, task.plane);
    }
  }
}

/** TrainingKernels::winogradResidualBackward: dx = (dx + Aᵀ·sums) · scale, and the total over all rows. */
inline void winogradResidualBackward(const WinogradResidualBackward& task) {
  const int columns = task.columns, blocks = task.blocks;
  const Vector scale = splat(task.scale);
  for (int b = 0; b < blocks; b++) {
    const float* sums = task.sums + ptrdiff_t(b) * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector dy[winogradOutputs] = {};
      outputTransform(sums + c, task.plane, dy);
      Vector total = load(task.total + c);
      DIFFWAVE_UNROLL
      for (int j = 0; j < winogradOutputs; j++) {
        float* at = task.dx[j * blocks + b];
        if (at == nullptr) continue;
        const Vector both = task.fresh ? dy[j] : load(at + c) + dy[j];
        store(at + c, both * scale);
        total += task.totalOfBoth ? both : dy[j];
      }
      store(task.total + c, total);
    }
  }
}

/** TrainingKernels::winogradWeightGradient: Gᵀ, from six planes of `count` numbers to three. */
inline void winogradWeightGradient(float* taps, ptrdiff_t tapPlane, const float* transformed, ptrdiff_t plane,
                                   int count) {
  for (int i = 0; i < count; i += lanes) {
    Vector p[winogradInputs];
    DIFFWAVE_UNROLL
    for (int k = 0; k < winogradInputs; k++) p[k] = load(transformed + k * plane + i);
    const Vector inner = p[1] + p[2], outer = p[3] + p[4];
    const Vector first = fma(splat(kernelTransform[0][0]), p[0], splat(kernelTransform[1][0]) * inner);
    store(taps + i, fma(splat(kernelTransform[3][0]), outer, first));
    const Vector second = splat(kernelTransform[1][1]) * (p[1] - p[2]);
    store(taps + tapPlane + i, fma(splat(kernelTransform[3][1]), p[3] - p[4], second));
    const Vector third = fma(splat(kernelTransform[1][2]), inner, p[5]);
    store(taps + 2 * tapPlane + i, fma(splat(kernelTransform[3][2]), outer, third));
  }
}

/** TrainingKernels::residual: skip += out[first half], next = (y − minus + out[second half]) · √½ + plus. */
inline void residual(float* const* skip, float* const* next, const float* const* y, const float* out,
                     const float* minus, const float* plus, int rows, int columns, bool last) {
  for (int r = 0; r < rows; r++, out += 2 * columns) {
    if (skip[r] == nullptr) continue;
    for (int c = 0; c < columns; c += lanes) store(skip[r] + c, load(skip[r] + c) + load(out + c));
    if (last) continue;
    for (int c = 0; c < columns; c += lanes) {
      const Vector sum = load(y[r] + c) - load(minus + c) + load(out + columns + c);
      store(next[r] + c, fma(sum, splat(sqrtHalf), load(plus + c)));
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
