// Tests of phase refinement and of the correction: every instruction set, with one thread and three, whole and in
// pieces, against plain C++ of one lane. test/engines/native/frame-chain.test.ts compares the bytes of the TypeScript.
#include <algorithm>
#include <new>
#include <tuple>
#include <utility>

#include "../targets/targets.h"
#include "frame-settings.h"
#include "tests.h"

using namespace diffwave;

namespace {

int64_t lengthOf(const FrameChainSettings& settings, int frames) {
  const int64_t length = int64_t(frames) * settings.hop;
  return settings.operation == FrameOperation::refine ? length : length - settings.hop / 2;
}

/** Runs a clip of `frames` hops in pieces of `piece` samples. For a correction it is half a hop shorter. */
std::vector<float> passed(const Target& target, int threads, const FrameChainSettings& settings, int frames,
                          int64_t piece) {
  Pool pool(threads);
  FrameChain chain(settings, target.frames(), pool);
  const int64_t length = lengthOf(settings, frames);
  const std::vector<float> audio = chirp(length, 0.05);
  std::vector<float> result;
  std::vector<double> targets;
  for (int64_t i = 0; i < int64_t(frames) * settings.bands; i++) targets.push_back(1 + 0.1 * double(i % 7));
  const std::atomic<bool> cancelled{false};
  int64_t taken = 0;
  for (int64_t at = 0; at < length;) {
    const int64_t count = std::min(piece, length - at);
    const bool last = at + count == length;
    std::vector<float> out(size_t(chain.pending() + count));
    const int64_t frame = chain.framesTaken(count, last);
    const int64_t written = chain.push(audio.data() + at, count, last, targets.data() + taken * settings.bands, frame,
                                       out.data(), cancelled);
    result.insert(result.end(), out.begin(), out.begin() + written);
    taken += frame;
    at += count;
  }
  check(taken == frames, "frame chain", "frames taken", double(taken));
  return result;
}

}  // namespace

static void testOperation(FrameOperation operation, const char* name) {
  for (const auto& [size, hop, frames] : {std::tuple{128, 32, 70}, {128, 50, 33}, {256, 256, 9}, {512, 128, 1}}) {
    const FrameChainSettings settings = settingsOf(operation, size, hop, 5);
    const std::vector<float> expected = passed(targetAt(targetCount() - 1), 1, settings, frames, 1 << 20);
    check(int64_t(expected.size()) == lengthOf(settings, frames), name, "samples", double(expected.size()));
    for (int i = 0; i < targetCount(); i++) {
      const Target& target = targetAt(i);
      if (!target.runs()) continue;
      for (int threads : {1, 3}) {
        for (int64_t piece : {int64_t(1) << 20, int64_t(7) * hop + 3}) {
          check(same(passed(target, threads, settings, frames, piece), expected), target.name, name, threads);
        }
      }
    }
  }
}

static void testCancellation() {
  Pool pool(2);
  FrameChain chain(settingsOf(FrameOperation::refine, 128, 32, 2), targetAt(targetCount() - 1).frames(), pool);
  const std::vector<float> audio(3200);
  const std::vector<double> targets(800);
  std::vector<float> out(3200);
  const std::atomic<bool> cancelled{true};
  check(chain.push(audio.data(), 3200, true, targets.data(), 100, out.data(), cancelled) == -1, "frame chain",
        "cancelled", 1);
}

/** A model's config may ask for a transform of 16,384 samples with a hop of 1, and a caller for many stages. */
static void testMemoryLimit() {
  Pool pool(1);
  for (const auto& [hop, stages] : {std::pair{1, 1}, {4096, 60000}}) {
    bool refused = false;
    try {
      const FrameChain chain(settingsOf(FrameOperation::refine, 16384, hop, stages), targetAt(0).frames(), pool);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    check(refused, "frame chain", "one that needs 19 GB or more is refused", stages);
  }
}

void testFrameChain() {
  testOperation(FrameOperation::refine, "refinement, threads");
  testOperation(FrameOperation::correct, "correction, threads");
  testCancellation();
  testMemoryLimit();
}
