// Tests of the kernels around a windowed front end: every instruction set against plain C++ of one lane.
// test/engines/native/front-end.test.ts compares the bytes of the TypeScript.
#include <cmath>
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

/** Filters windows of `size` samples with changing gains, and if wanted with the minimum phase of magnitudes. */
std::vector<double> filtered(const FrameKernels& kernels, int size, int positions, bool minimumPhase) {
  const int stride = size / 4, bins = size / 2 - 1;
  std::vector<double> window = hannWindow(size);
  for (double& w : window) w = std::sqrt(w);
  const std::vector<double> roots = unitRoots(size);
  const WindowFilterTables tables{size, stride, bins, window.data(), roots.data()};
  const int length = stride * (positions - 1) + size;
  const std::vector<float> samples = chirp(length, 0.05, 1e-3);
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
          const auto result = filtered(target.frames(), size, positions, minimumPhase);
          const bool equal = same(result, filtered(plain, size, positions, minimumPhase));
          check(equal, target.name, minimumPhase ? "windows of minimum phase, size" : "windows, size", size);
        }
      }
    }
  }
}
