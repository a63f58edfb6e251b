// Tests of the kernels for losses on audio: every instruction set, with one thread and three, against plain C++ of one
// lane. test/engines/native/loss-kernels.test.ts compares them with the bytes of the TypeScript.
#include "../training/audio-loss.h"

#include "../targets/targets.h"
#include "frame-settings.h"
#include "tests.h"

using namespace diffwave;

namespace {

/** Computes all numbers of one term of each kind. */
std::vector<double> terms(const Target& target, int threads, int size, int64_t samples) {
  FrameChainSettings settings = settingsOf(FrameOperation::correct, size, size / 4, 1);
  const FrameTables tables = settings.tables();
  const std::vector<float> audio = chirp(samples, 0.05), recording = chirp(samples, 0.07);
  const int64_t frames = samples / (size / 4) + 1, ratios = frames * (size / 2 / binsPerRatio);
  const std::vector<unsigned char> counts = [&] {
    std::vector<unsigned char> some;
    for (int64_t frame = 0; frame < frames; frame++) some.push_back(frame % 3 != 0);
    return some;
  }();
  const int64_t perTerm = samples + 2 * frames + ratios;
  std::vector<double> numbers(size_t(3 * perTerm));
  std::vector<SpectralTerm> all;
  for (SpectralKind kind : {SpectralKind::error, SpectralKind::phase, SpectralKind::magnitude}) {
    double* const room = numbers.data() + int64_t(all.size()) * perTerm;
    all.push_back({&tables, kind, audio.data(), recording.data(), samples, size / 2, 0.5, 1e-3, counts.data(), room,
                   room + samples, room + samples + 2 * frames});
  }
  Pool pool(threads);
  check(computeTerms(pool, target.frames(), all, {false}), target.name, "terms", threads);
  return numbers;
}

std::vector<float> gradient(const Target& target, int threads, int size, int hop, int64_t frames) {
  FrameChainSettings settings = settingsOf(FrameOperation::correct, size, hop, 1);
  const FrameTables tables = settings.tables();
  const int64_t samples = hop * frames - 1;
  const std::vector<float> input = chirp(samples, 0.05), byResult = chirp(samples, 0.2);
  std::vector<double> targets;
  for (int64_t i = 0; i < tables.bands * frames; i++) targets.push_back(1 + 0.1 * double(i % 7));
  std::vector<float> result(size_t(2 * samples));
  const CorrectedClip clip{input.data(), byResult.data(), samples, targets.data(), frames, result.data()};
  CorrectedClip again = clip;
  again.gradient += samples;
  Pool pool(threads);
  const bool done = differentiateCorrection(pool, target.frames(), tables, {clip, again}, {false});
  check(done, target.name, "correction gradient", threads);
  return result;
}

}  // namespace

void testAudioLoss() {
  const Target& plain = targetAt(targetCount() - 1);
  for (int i = 0; i < targetCount(); i++) {
    const Target& target = targetAt(i);
    if (!target.runs()) continue;
    for (int size : {16, 128, 512}) {
      for (int64_t samples : {0, 5, 1000}) {
        const bool equal = same(terms(target, 3, size, samples), terms(plain, 1, size, samples));
        check(equal, target.name, "terms, window", size);
      }
    }
    for (int hop : {32, 50, 128}) {
      const bool equal = same(gradient(target, 3, 128, hop, 21), gradient(plain, 1, 128, hop, 21));
      check(equal, target.name, "gradient, hop", hop);
    }
  }
  Pool pool(2);
  check(!computeTerms(pool, plain.frames(), {}, {true}), "terms", "cancelled", 1);
}
