// The windowed front end (native/windows.h) in plain loops, forward and backward. Coefficients are [2N × P], matrices
// [2N × K], and audio has P·S samples.
#pragma once

#include <cstdint>
#include <vector>

#include "../windows.h"

namespace diffwave {
namespace plain {

/** Calls body(k, p, n, t) for each coefficient k of each position p, and each sample t, number n of its window. */
template <class Body>
void forEachInWindows(const WindowsShape& s, int64_t P, const Body& body) {
  for (int k = 0; k < 2 * s.bins; k++) {
    for (int64_t p = 0; p < P; p++) {
      for (int n = 0; n < s.kernel; n++) {
        const int64_t t = p * s.stride - s.margin() + n;
        if (t >= 0 && t < P * s.stride) body(k, p, n, t);
      }
    }
  }
}

/** X [2N × P] = analysis · windows of the audio. */
template <class Scalar>
std::vector<Scalar> encode(const WindowsShape& s, const Scalar* analysis, const std::vector<Scalar>& audio) {
  const int64_t P = int64_t(audio.size()) / s.stride;
  std::vector<Scalar> X(size_t(2 * s.bins * P));
  forEachInWindows(s, P,
                   [&](int k, int64_t p, int n, int64_t t) { X[k * P + p] += analysis[k * s.kernel + n] * audio[t]; });
  return X;
}

/** Adds to dAnalysis [2N × K] for the gradient dX [2N × P] of `encode`'s result. */
template <class Scalar>
void encodeBackward(const WindowsShape& s, Scalar* dAnalysis, const std::vector<Scalar>& dX,
                    const std::vector<Scalar>& audio) {
  const int64_t P = int64_t(audio.size()) / s.stride;
  forEachInWindows(
      s, P, [&](int k, int64_t p, int n, int64_t t) { dAnalysis[k * s.kernel + n] += dX[k * P + p] * audio[t]; });
}

/** Σ_p w[t − p·S + D]² of each sample t. */
template <class Scalar>
std::vector<Scalar> squaredWindows(const WindowsShape& s, int64_t P) {
  const std::vector<double> w = windowOf(s);
  std::vector<Scalar> sums(size_t(P * s.stride));
  WindowsShape once = s;
  once.bins = 1;
  forEachInWindows(once, P, [&](int k, int64_t, int n, int64_t t) { sums[t] += k == 0 ? Scalar(w[n] * w[n]) : 0; });
  return sums;
}

/** y [P·S] = overlap-add of synthesisᵀ · Y, divided by the sum of the squared windows. */
template <class Scalar>
std::vector<Scalar> decode(const WindowsShape& s, const Scalar* synthesis, const std::vector<Scalar>& Y, int64_t P) {
  std::vector<Scalar> y(size_t(P * s.stride));
  forEachInWindows(s, P,
                   [&](int k, int64_t p, int n, int64_t t) { y[t] += synthesis[k * s.kernel + n] * Y[k * P + p]; });
  const std::vector<Scalar> sums = squaredWindows<Scalar>(s, P);
  for (size_t t = 0; t < y.size(); t++) y[t] /= sums[t];
  return y;
}

/**
 * Returns the gradient of Y [2N × P] for the gradient d [P·S] of `decode`'s result, and adds to dSynthesis [2N × K]
 * unless it is null.
 */
template <class Scalar>
std::vector<Scalar> decodeBackward(const WindowsShape& s, Scalar* dSynthesis, const Scalar* synthesis,
                                   const std::vector<Scalar>& Y, std::vector<Scalar> d) {
  const int64_t P = int64_t(d.size()) / s.stride;
  const std::vector<Scalar> sums = squaredWindows<Scalar>(s, P);
  for (size_t t = 0; t < d.size(); t++) d[t] /= sums[t];
  std::vector<Scalar> dY(Y.size());
  forEachInWindows(s, P, [&](int k, int64_t p, int n, int64_t t) {
    dY[k * P + p] += synthesis[k * s.kernel + n] * d[t];
    if (dSynthesis != nullptr) dSynthesis[k * s.kernel + n] += Y[k * P + p] * d[t];
  });
  return dY;
}

}  // namespace plain
}  // namespace diffwave
