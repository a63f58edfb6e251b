// The windowed front end. Audio enters and leaves the network as coefficients of a short Fourier transform, one
// position every S samples. With the window w[n] = √(½ − ½·cos(2πn/K)), or w = 1 if K = S, and U = √(½·Σ w²):
//
//   X[k, p] = Σ_n analysis[k, n] · x[p·S − D + n]            analysis = w[n]/U · (cos, sin)(2πkn/K)
//   piece[p, n] = Σ_k synthesis[k, n] · Y[k, p]              synthesis = c[k] · w[n]·U/K · (cos, sin)(2πkn/K)
//   y[t] = Σ_p piece[p, t − p·S + D] / Σ_p w[t − p·S + D]²   overlap-add over the clip's positions
//
// k runs over N cosines, then N sines. c is 1 for bins 0 and K/2, else 2. D = (K − S)/2. x is zero outside the clip. X
// and Y are [positions × 2N], the two matrices [2N × K]. If the matrices are not learned, inference computes both
// products by FFT (kernels/window-transform.h). interop/pytorch/README.md has the whole specification, and
// reference/plain-windows.h the plain version.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "network.h"

namespace diffwave {

constexpr double pi = 3.14159265358979323846;  // M_PI is not standard C++

/** (ln E + 6) / 3, the form in which the network reads a deviation E (interop/pytorch/README.md). */
template <class Scalar>
Scalar scaledLogarithm(Scalar deviation) {
  return (std::log(deviation) + 6) / 3;
}

/** Computes the window w [K]. */
inline std::vector<double> windowOf(const WindowsShape& s) {
  std::vector<double> w(size_t(s.kernel), 1.0);
  for (int n = 0; s.kernel > s.stride && n < s.kernel; n++) {
    w[size_t(n)] = std::sqrt(0.5 - 0.5 * std::cos(2 * pi * n / s.kernel));
  }
  return w;
}

/** e^(−2πik/size), real and imaginary parts interleaved [2 × size]. */
inline std::vector<double> unitRoots(int size) {
  std::vector<double> roots;
  for (int k = 0; k < size; k++) {
    roots.push_back(std::cos(2 * pi * k / size));
    roots.push_back(-std::sin(2 * pi * k / size));
  }
  return roots;
}

/** U, the deviation of an unscaled coefficient of white noise under the window w. */
inline double windowUnit(const std::vector<double>& w) {
  double energy = 0;
  for (double v : w) energy += v * v;
  return std::sqrt(energy / 2);
}

/** The two matrices of windows that are not learned, [2N × K] each. */
template <class Scalar>
struct FourierWindows {
  std::vector<Scalar> analysis, synthesis;
  explicit FourierWindows(const WindowsShape& s) {
    const std::vector<double> w = windowOf(s);
    const double unit = windowUnit(w);
    const size_t size = size_t(2) * size_t(s.bins) * size_t(s.kernel);
    analysis.reserve(size);
    synthesis.reserve(size);
    std::vector<double> cosine, sine;
    for (int n = 0; n < s.kernel; n++) {
      cosine.push_back(std::cos(2 * pi * n / s.kernel));
      sine.push_back(std::sin(2 * pi * n / s.kernel));
    }
    for (int k = 0; k < 2 * s.bins; k++) {
      const int64_t bin = k % s.bins;
      const double twice = bin == 0 || 2 * bin == s.kernel ? 1 : 2;
      for (int64_t n = 0; n < s.kernel; n++) {
        const double basis = w[size_t(n)] * (k < s.bins ? cosine : sine)[size_t(bin * n % s.kernel)];
        analysis.push_back(Scalar(basis / unit));
        synthesis.push_back(Scalar(basis * twice * unit / s.kernel));
      }
    }
  }
};

/** Overlap-add of a clip's pieces, one position of S samples at a time, divided by the sum of squared windows. */
class OverlapAdd {
 public:
  explicit OverlapAdd(const WindowsShape& shape) : shape_(shape) {
    for (double v : windowOf(shape)) squares_.push_back(float(v * v));
  }

  /**
   * Computes the samples of position q: out [S] = Σ_p piece[p, t − p·S + D] / Σ_p w[t − p·S + D]².
   *
   * @param end number of positions that have pieces: that of the clip, or any number past q + reach
   * @param pieceOf returns the piece [K] of a position
   */
  template <class PieceOf>
  void run(float* out, int64_t q, int64_t end, const PieceOf& pieceOf) const {
    std::memset(out, 0, size_t(shape_.stride) * sizeof(float));
    forEachWindow(q, end, [&](int64_t p, int64_t from, int64_t to, int64_t shift) {
      const float* piece = pieceOf(p) + shift;
      for (int64_t i = from; i < to; i++) out[i] += piece[i];
    });
    divide(out, q, end);
  }

  /** Divides d [S] of position q by the sum of squared windows: the part of the adjoint that is not a shift. */
  void divide(float* d, int64_t q, int64_t end) const {
    float total[block];
    for (int64_t first = 0; first < shape_.stride; first += block) {
      const int64_t last = first + block < shape_.stride ? first + block : shape_.stride;
      for (int64_t i = first; i < last; i++) total[i - first] = 0;
      forEachWindow(q, end, [&](int64_t, int64_t from, int64_t to, int64_t shift) {
        for (int64_t i = from > first ? from : first; i < (to < last ? to : last); i++) {
          total[i - first] += squares_[size_t(shift + i)];
        }
      });
      for (int64_t i = first; i < last; i++) d[i] /= total[i - first];
    }
  }

 private:
  static constexpr int64_t block = 256;

  /**
   * Calls body(p, from, to, shift) for each position p whose window holds samples from … to − 1 of position q. Sample i
   * is number shift + i of the window.
   */
  template <class Body>
  void forEachWindow(int64_t q, int64_t end, const Body& body) const {
    const int64_t reach = shape_.reach(), first = q > reach ? q - reach : 0;
    const int64_t last = q + reach + 1 < end ? q + reach + 1 : end;
    for (int64_t p = first; p < last; p++) {
      const int64_t shift = (q - p) * shape_.stride + shape_.margin();
      const int64_t from = shift < 0 ? -shift : 0, left = shape_.kernel - shift;
      body(p, from, left < shape_.stride ? left : int64_t(shape_.stride), shift);
    }
  }

  const WindowsShape shape_;
  std::vector<float> squares_;
};

}  // namespace diffwave
