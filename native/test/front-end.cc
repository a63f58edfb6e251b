// Tests of the kernels of a windowed front end: every instruction set against plain C++ of two lanes, and transforms
// against products with the matrices. test/engines/native/front-end.test.ts compares the bytes of the TypeScript.
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "../matrix.h"
#include "../targets/targets.h"
#include "signals.h"
#include "tests.h"

using namespace diffwave;

namespace {

/** Computes the powers of `frames` frames from three bands over nine bins. */
std::vector<float> powers(const FrameKernels& kernels, int frames) {
  const std::vector<double> weights{1, 0.5, 0.5, 1, 0.5, 0.25, 1}, columnSums{0, 1, 1, 1, 0.5, 0.25, 1, 0, 0};
  const std::vector<MelFilter> filters{{1, 2, &weights[0]}, {2, 3, &weights[2]}, {5, 2, &weights[5]}};
  const std::vector<double> triangle{0.25, 0.5, 0.25};
  const EnvelopeTables tables{9, 3, filters.data(), columnSums.data(), 5, 1.5, false, 2, triangle.data(), 5};
  std::vector<double> targets;
  for (int i = 0; i < 3 * frames; i++) targets.push_back(1 + 0.3 * (i % 7));
  std::vector<float> out(size_t(5 * frames));
  const Matrix scratch(1, kernels.envelopeScratchSize(tables));
  kernels.envelopes({&tables, frames, targets.data(), out.data(), scratch.row(0)});
  return out;
}

/** Infinities, zeros, denormal numbers and the largest one, among others. */
void spoil(std::vector<float>& numbers) {
  using Limits = std::numeric_limits<float>;
  const float kinds[] = {-0.0f, Limits::denorm_min(), Limits::infinity(), 0, -Limits::infinity(), -Limits::max() / 2};
  for (size_t i = 0; i < numbers.size(); i += 5) numbers[i] = kinds[i / 5 % 6];
}

/** Whether two arrays have the same bytes, or numbers that are both NaN. */
template <class Number>
bool alike(const std::vector<Number>& a, const std::vector<Number>& b) {
  for (size_t i = 0; i < a.size() && a.size() == b.size(); i++) {
    if (std::memcmp(&a[i], &b[i], sizeof a[i]) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  }
  return a.size() == b.size();
}

/** Filters windows of `size` samples with changing gains, and if wanted with the minimum phase of magnitudes. */
std::vector<double> filtered(const FrameKernels& kernels, int size, int positions, bool minimumPhase, bool spoiled) {
  const int stride = spoiled ? size / 4 + 1 : size / 4, bins = spoiled ? size / 2 + 1 : size / 2 - 1;
  std::vector<double> window = hannWindow(size);
  for (double& w : window) w = std::sqrt(w);
  const std::vector<double> roots = unitRoots(size);
  const WindowFilterTables tables{size, stride, bins, window.data(), roots.data()};
  const int length = stride * (positions - 1) + size;
  std::vector<float> samples = chirp(length, 0.05, 1e-3);
  if (spoiled) spoil(samples);
  std::vector<float> gains, magnitudes;
  for (int i = 0; i < positions * bins; i++) {
    gains.push_back(float(1 + 0.1 * (i % 11)));
    magnitudes.push_back(float(0.01 + 0.1 * (i % 7)));
  }
  std::vector<double> sums(size_t(length), 0.5);
  const Matrix scratch(1, kernels.filterScratchSize(size));
  kernels.filter({&tables, positions, samples.data(), gains.data(), minimumPhase ? magnitudes.data() : nullptr,
                  sums.data(), scratch.row(0)});
  return sums;
}

/** Windows of audio, and where the transforms of their positions begin. */
struct Windows {
  WindowsShape shape;
  int positions;
  bool spoiled;

  static constexpr int64_t begin = 5;
  int64_t end() const { return begin + positions; }
};

/** Runs one of the two transforms on rows of `steps` numbers, `stride` apart. Returns rows of `columns` numbers. */
std::vector<float> transformed(const Windows& w, const ForwardKernels& kernels, void (*transform)(const WindowsTask&),
                               const std::vector<float>& from, int stride, int columns) {
  const std::vector<double> window = windowOf(w.shape), roots = unitRoots(w.shape.kernel);
  const WindowTables tables{w.shape.kernel, w.shape.bins, windowUnit(window), window.data(), roots.data()};
  const Buffer scratch(kernels.windowScratchSize(w.shape.kernel));
  // Row p of the output is that of position p. The rows before the first position are not written.
  std::vector<float> out(size_t(w.end() * columns), NAN);
  transform({&tables,
             Windows::begin,
             w.end(),
             {from.data(), INT64_MAX, stride},
             Windows::begin,
             {out.data(), INT64_MAX, columns},
             scratch.data()});
  out.erase(out.begin(), out.begin() + Windows::begin * columns);
  return out;
}

/** Coefficients [positions × 2N] of a chirp's windows. */
std::vector<float> encoded(const Windows& w, const ForwardKernels& kernels) {
  std::vector<float> audio = chirp(w.shape.stride * (w.positions - 1) + w.shape.kernel, 0.05, 1e-3);
  if (w.spoiled) spoil(audio);
  return transformed(w, kernels, kernels.encodeWindows, audio, w.shape.stride, 2 * w.shape.bins);
}

/** Pieces [positions × K] of coefficients. */
std::vector<float> decoded(const Windows& w, const ForwardKernels& kernels) {
  std::vector<float> coefficients = chirp(w.positions * 2 * w.shape.bins, 0.05, 1e-3);
  if (w.spoiled) spoil(coefficients);
  return transformed(w, kernels, kernels.decodeWindows, coefficients, 2 * w.shape.bins, w.shape.kernel);
}

/** The largest differences of both transforms from products with the matrices, relative to the largest number. */
double distanceFromMatrices(const Windows& w, const ForwardKernels& kernels) {
  const FourierWindows<double> matrices(w.shape);
  const int signals = 2 * w.shape.bins, K = w.shape.kernel;
  const std::vector<float> audio = chirp(w.shape.stride * (w.positions - 1) + K, 0.05, 1e-3), X = encoded(w, kernels);
  const std::vector<float> Y = chirp(w.positions * signals, 0.05, 1e-3), pieces = decoded(w, kernels);
  double worst[2] = {}, largest[2] = {};
  const auto compare = [&](int which, double right, double got) {
    worst[which] = std::max(worst[which], std::fabs(right - got));
    largest[which] = std::max(largest[which], std::fabs(right));
  };
  for (int p = 0; p < w.positions; p++) {
    for (int k = 0; k < signals; k++) {
      double sum = 0;
      for (int n = 0; n < K; n++) sum += matrices.analysis[size_t(k * K + n)] * audio[size_t(p * w.shape.stride + n)];
      compare(0, sum, X[size_t(p * signals + k)]);
    }
    for (int n = 0; n < K; n++) {
      double sum = 0;
      for (int k = 0; k < signals; k++) sum += matrices.synthesis[size_t(k * K + n)] * Y[size_t(p * signals + k)];
      compare(1, sum, pieces[size_t(p * K + n)]);
    }
  }
  return std::max(worst[0] / largest[0], worst[1] / largest[1]);
}

/** Tests the transforms of windows on one instruction set. @param plain the kernels to compare with */
void testTransforms(const Target& target, const ForwardKernels& plain) {
  const ForwardKernels& kernels = target.forward();
  for (int kernel : {16, 32, 256}) {
    for (int stride : {kernel / 4, kernel}) {
      for (int bins : {1, kernel / 3, kernel / 2 + 1}) {
        for (int positions : {1, 8, 13}) {
          const WindowsShape shape{kernel, stride, bins, false, false};
          const double distance = distanceFromMatrices({shape, positions, false}, kernels);
          check(distance < 1e-6, target.name, "transforms and matrices", distance);
          for (bool spoiled : {false, true}) {
            const Windows w{shape, positions, spoiled};
            check(alike(encoded(w, kernels), encoded(w, plain)), target.name, "coefficients of windows", kernel);
            check(alike(decoded(w, kernels), decoded(w, plain)), target.name, "pieces of windows", kernel);
          }
        }
      }
    }
  }
}

}  // namespace

void testFrontEnd() {
  const FrameKernels& plain = targetAt(targetCount() - 1).frames();
  for (int i = 0; i < targetCount(); i++) {
    const Target& target = targetAt(i);
    if (!target.runs()) continue;
    for (int frames : {1, 8, 13}) {
      check(same(powers(target.frames(), frames), powers(plain, frames)), target.name, "envelope, frames", frames);
    }
    for (int size : {16, 128, 512}) {
      for (int positions : {1, 8, 13}) {
        for (bool minimumPhase : {false, true}) {
          for (bool spoiled : {false, true}) {
            const auto result = filtered(target.frames(), size, positions, minimumPhase, spoiled);
            const bool equal = alike(result, filtered(plain, size, positions, minimumPhase, spoiled));
            check(equal, target.name, minimumPhase ? "windows of minimum phase, size" : "windows, size", size);
          }
        }
      }
    }
    testTransforms(target, targetAt(targetCount() - 1).forward());
  }
}
