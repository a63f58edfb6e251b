// Tests of phase refinement: every instruction set, one thread and three, whole and in pieces, against plain C++ of one
// lane. The bytes of the TypeScript are compared in test/engines/native/refinement.test.ts.
#include "../inference/refinement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "../targets/targets.h"
#include "tests.h"

using namespace diffwave;

namespace {

constexpr double pi = 3.14159265358979323846;

/** Eight bands of eight bins each, from bin 2 on, over frames of `size` samples. */
RefinementSettings settingsOf(int size, int hop, int iterations) {
  constexpr int bands = 8, width = 8;
  RefinementSettings settings{};
  settings.size = size;
  settings.hop = hop;
  settings.bands = bands;
  settings.iterations = iterations;
  settings.padding = size / 2;
  settings.unit = 1;
  settings.momentum = 0.9;
  settings.columnSums.resize(size_t(size / 2 + 1));
  for (int i = 0; i < size; i++) {
    settings.window.push_back(0.5 - 0.5 * std::cos(2 * pi * i / size));
    settings.roots.push_back(std::cos(2 * pi * i / size));
    settings.roots.push_back(-std::sin(2 * pi * i / size));
  }
  for (int band = 0; band < bands; band++) {
    settings.filters.push_back({2 + band * width / 2, width, nullptr});
    for (int i = 0; i < width; i++) {
      settings.weights.push_back(1 + 0.1 * i);
      settings.columnSums[size_t(2 + band * width / 2 + i)] += 1 + 0.1 * i;
    }
  }
  return settings;
}

/** A clip of `frames` hops in pieces of `piece` samples. */
std::vector<float> refined(const Target& target, int threads, const RefinementSettings& settings, int frames,
                           int64_t piece) {
  Pool pool(threads);
  Refinement refinement(settings, target.refinement(), pool);
  const int64_t length = int64_t(frames) * settings.hop;
  std::vector<float> audio, targets, result;
  for (int64_t i = 0; i < length; i++) audio.push_back(float(std::sin(0.05 * double(i) + 1e-4 * double(i * i))));
  for (int64_t i = 0; i < int64_t(frames) * settings.bands; i++) targets.push_back(float(1 + i % 7));
  const std::atomic<bool> cancelled{false};
  int64_t taken = 0;
  for (int64_t at = 0; at < length;) {
    const int64_t count = std::min(piece, length - at);
    const bool last = at + count == length;
    std::vector<float> out(size_t(refinement.pending() + count));
    const int64_t frame = refinement.framesTaken(count, last);
    const int64_t written =
        refinement.push(audio.data() + at, count, last, targets.data() + taken * settings.bands, out.data(), cancelled);
    result.insert(result.end(), out.begin(), out.begin() + written);
    taken += frame;
    at += count;
  }
  check(taken == frames, "refinement", "frames taken", double(taken));
  return result;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

void testRefinement() {
  for (const auto& [size, hop, frames] : {std::tuple{128, 32, 70}, {128, 50, 33}, {256, 256, 9}, {512, 128, 1}}) {
    const RefinementSettings settings = settingsOf(size, hop, 5);
    const std::vector<float> expected = refined(targetAt(targetCount() - 1), 1, settings, frames, 1 << 20);
    check(expected.size() == size_t(frames * hop), "refinement", "samples", double(expected.size()));
    for (int i = 0; i < targetCount(); i++) {
      const Target& target = targetAt(i);
      if (!target.runs()) continue;
      for (int threads : {1, 3}) {
        for (int64_t piece : {int64_t(1) << 20, int64_t(7) * hop + 3}) {
          check(same(refined(target, threads, settings, frames, piece), expected), target.name, "refinement, threads",
                threads);
        }
      }
    }
  }
  Pool pool(2);
  Refinement refinement(settingsOf(128, 32, 2), targetAt(targetCount() - 1).refinement(), pool);
  const std::vector<float> audio(3200), targets(800);
  std::vector<float> out(3200);
  const std::atomic<bool> cancelled{true};
  check(refinement.push(audio.data(), 3200, true, targets.data(), out.data(), cancelled) == -1, "refinement",
        "cancelled", 1);
}
