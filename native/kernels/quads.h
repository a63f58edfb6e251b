// The kernels around the six products of native/winograd.h: transforms of inputs and outputs, with what stands next to
// them (gates, their gradient, the sum of gradients) done while the numbers are in registers. Contracts: native/training.h.
#pragma once

#include "../training.h"
#include "../winograd.h"
#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {
namespace training {

constexpr float squareRootOfHalf = 0.70710678118654752f;

/** Bᵀ·x of one vector. */
DIFFWAVE_INLINE void toPoints(const Vector (&x)[quadInputs], Vector (&out)[quadInputs]) {
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

/** start + Aᵀ·m of one vector. */
DIFFWAVE_INLINE void fromPoints(const float* m, ptrdiff_t plane, Vector (&y)[quadOutputs]) {
  const Vector m1 = load(m + plane), m2 = load(m + 2 * plane), m3 = load(m + 3 * plane), m4 = load(m + 4 * plane);
  const Vector innerSum = m1 + m2, inner = m1 - m2, outerSum = m3 + m4, outer = m3 - m4;
  y[0] += load(m) + (innerSum + outerSum);
  y[1] += fma(splat(outerPoint), outer, splat(innerPoint) * inner);
  y[2] += fma(splat(outerSquare), outerSum, splat(innerSquare) * innerSum);
  y[3] += fma(splat(outerCube), outer, fma(splat(innerCube), inner, load(m + 5 * plane)));
}

/** A·y of one vector: the adjoint of `fromPoints`. */
DIFFWAVE_INLINE void outputsToPoints(const Vector (&y)[quadOutputs], float* to, ptrdiff_t plane) {
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

inline void quadInput(float* out, ptrdiff_t plane, const float* const* rows, int quads, int columns) {
  for (int q = 0; q < quads; q++, rows += quadInputs, out += columns) {
    for (int c = 0; c < columns; c += lanes) {
      Vector x[quadInputs], points[quadInputs];
      DIFFWAVE_UNROLL
      for (int i = 0; i < quadInputs; i++) x[i] = load(rows[i] + c);
      toPoints(x, points);
      DIFFWAVE_UNROLL
      for (int k = 0; k < quadInputs; k++) store(out + k * plane + c, points[k]);
    }
  }
}

/** What row r of a gate starts from, at column c. */
DIFFWAVE_INLINE Vector gateStart(const QuadGates& task, int r, int c) {
  if (task.bias == nullptr) return load(task.halves + ptrdiff_t(r) * 2 * task.columns + c);
  const Vector bias = load(task.bias + c);
  if (task.low == nullptr) return bias;
  const Vector right = splat(task.fraction[r]), left = splat(1.0f - task.fraction[r]);
  return fma(right, load(task.high[r] + c), fma(left, load(task.low[r] + c), bias));
}

inline void quadGates(const QuadGates& task) {
  const int columns = task.columns, quads = task.quads;
  const int sigmoidAt = task.tanhFirst ? columns : 0, tanhAt = task.tanhFirst ? 0 : columns;
  for (int q = 0; q < quads; q++) {
    const float* sums = task.sums + ptrdiff_t(q) * 2 * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector s[quadOutputs], t[quadOutputs];
      DIFFWAVE_UNROLL
      for (int j = 0; j < quadOutputs; j++) {
        s[j] = gateStart(task, j * quads + q, sigmoidAt + c);
        t[j] = gateStart(task, j * quads + q, tanhAt + c);
      }
      fromPoints(sums + sigmoidAt + c, task.plane, s);
      fromPoints(sums + tanhAt + c, task.plane, t);
      DIFFWAVE_UNROLL
      for (int j = 0; j < quadOutputs; j++) {
        const Vector sig = sigmoid(s[j]), tan = hyperbolicTangent(t[j]);
        float* to = task.halves + ptrdiff_t(j * quads + q) * 2 * columns + c;
        store(to + sigmoidAt, sig);
        store(to + tanhAt, tan);
        store(task.gated + (j * quads + q) * task.gatedStride + c, sig * tan);
      }
    }
  }
}

inline void quadGateBackward(const QuadGateBackward& task) {
  const int columns = task.columns, quads = task.quads;
  const int sigmoidAt = task.tanhFirst ? columns : 0, tanhAt = task.tanhFirst ? 0 : columns;
  for (int q = 0; q < quads; q++) {
    float* points = task.points + ptrdiff_t(q) * 2 * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector dSigmoid[quadOutputs], dTanh[quadOutputs];
      Vector sigmoidTotal = load(task.total + sigmoidAt + c), tanhTotal = load(task.total + tanhAt + c);
      DIFFWAVE_UNROLL
      for (int j = 0; j < quadOutputs; j++) {
        const ptrdiff_t r = j * quads + q;
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
      outputsToPoints(dSigmoid, points + sigmoidAt + c, task.plane);
      outputsToPoints(dTanh, points + tanhAt + c, task.plane);
    }
  }
}

inline void quadCombine(const QuadCombine& task) {
  const int columns = task.columns, quads = task.quads;
  const Vector scale = splat(task.scale);
  for (int q = 0; q < quads; q++) {
    const float* sums = task.sums + ptrdiff_t(q) * columns;
    for (int c = 0; c < columns; c += lanes) {
      Vector dy[quadOutputs] = {};
      fromPoints(sums + c, task.plane, dy);
      Vector total = load(task.total + c);
      DIFFWAVE_UNROLL
      for (int j = 0; j < quadOutputs; j++) {
        float* at = task.dx[j * quads + q];
        if (at == nullptr) continue;
        const Vector both = task.fresh ? dy[j] : load(at + c) + dy[j];
        store(at + c, both * scale);
        total += task.totalOfBoth ? both : dy[j];
      }
      store(task.total + c, total);
    }
  }
}

inline void quadWeights(float* taps, ptrdiff_t tapPlane, const float* points, ptrdiff_t plane, int count) {
  for (int i = 0; i < count; i += lanes) {
    Vector p[quadInputs];
    DIFFWAVE_UNROLL
    for (int k = 0; k < quadInputs; k++) p[k] = load(points + k * plane + i);
    const Vector inner = p[1] + p[2], outer = p[3] + p[4];
    const Vector first = fma(splat(pointWeights[0][0]), p[0], splat(pointWeights[1][0]) * inner);
    store(taps + i, fma(splat(pointWeights[3][0]), outer, first));
    const Vector second = splat(pointWeights[1][1]) * (p[1] - p[2]);
    store(taps + tapPlane + i, fma(splat(pointWeights[3][1]), p[3] - p[4], second));
    const Vector third = fma(splat(pointWeights[1][2]), inner, p[5]);
    store(taps + 2 * tapPlane + i, fma(splat(pointWeights[3][2]), outer, third));
  }
}

inline void residual(float* const* skip, float* const* next, const float* const* y, const float* out, const float* minus,
                     const float* plus, int rows, int columns, bool last) {
  for (int r = 0; r < rows; r++, out += 2 * columns) {
    if (skip[r] == nullptr) continue;
    for (int c = 0; c < columns; c += lanes) store(skip[r] + c, load(skip[r] + c) + load(out + c));
    if (last) continue;
    for (int c = 0; c < columns; c += lanes) {
      const Vector sum = load(y[r] + c) - load(minus + c) + load(out + columns + c);
      store(next[r] + c, fma(sum, splat(squareRootOfHalf), load(plus + c)));
    }
  }
}

}  // namespace training
}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
