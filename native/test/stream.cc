// Tests of streams: random networks, lengths and chunks against the oracle, on every instruction set. Every buffer has
// exactly the promised size, so that AddressSanitizer detects an access past its end.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../inference/stream.h"
#include "../reference/reference.h"
#include "../targets/targets.h"
#include "emulated-amx.h"
#include "random.h"
#include "tests.h"

using namespace diffwave;

namespace {

constexpr int trials = 40, emulatedTrials = 12;
/**
 * Bound for `precision: 'fast'`. bfloat16 has 8 bits, so each factor of a product is off by a relative 2⁻⁹ at most.
 * Sums of products of random signs are off by about as much. The Winograd transforms and several layers add to it.
 */
constexpr double fastBound = 0.03;
const std::atomic<bool> goOn{false};  // never cancelled

NetworkShape randomShape(Random& random) {
  NetworkShape s;
  s.channels = int(random.coin() ? random.between(1, 20) : random.between(16, 72));
  s.layers = int(random.between(1, 8));
  s.dilationCycle = int(random.between(1, 8));
  s.patch = random.between(0, 4) > 0 ? 1 << random.between(0, 3) : int(random.between(30, 80));
  s.inputMask = random.coin();
  if (random.coin()) {
    // Windows of 2ⁱ ≥ 16 samples that are not learned are transformed, others multiplied with matrices.
    const bool transformed = random.coin();
    s.patch = transformed ? 2 << random.between(0, 3) : 2 * int(random.between(1, 6));
    const int kernel =
        transformed ? std::max(16, s.patch << random.between(0, 3)) : s.patch * int(random.between(1, 5));
    s.windows = {kernel, s.patch, 0, !transformed && random.coin(), false};
    s.windows.bins = int(random.between(1, s.windows.kernel / 2 + 1));
  }
  s.embedding = int(random.between(1, 9));
  s.hidden = int(random.between(1, 13));
  s.tanhFirst = random.coin();
  s.residualAfterStep = random.coin();
  s.labels = random.coin() ? int(random.between(1, 3)) : 0;
  s.conditioner = Conditioner(random.between(0, 2));
  if (s.conditioner == Conditioner::none) return s;
  s.bands = int(random.between(1, 20));
  if (s.conditioner == Conditioner::transposed) {
    s.strides = int(random.between(1, 2));
    s.upsamplerPerLayer = random.coin();
    s.stride[0] = s.patch * int(random.between(1, 5));
    if (s.strides == 2) s.stride[1] = int(random.between(1, 5));
    s.hop = s.stride[0] * (s.strides == 2 ? s.stride[1] : 1);
  } else {
    s.hop = s.patch * int(random.between(1, 12));
    s.encoders = int(random.between(0, 2));
    s.windows.envelope = s.windowed() && !s.windows.learned && random.coin();
    for (int i = 0; i < s.encoders; i++) s.encoderChannels[i] = int(random.between(1, 30));
  }
  return s;
}

struct Fed {
  int64_t samples = 0;
  bool ended = false;
  std::vector<float> noise;
};

/** Pushes the deviations of the positions that have become known with the frames up to `pushed`. */
void pushEnvelope(Stream& stream, const NetworkShape& shape, const ReferenceClip<float>& clip, int64_t pushed,
                  int64_t& positions) {
  if (!shape.windows.envelope) return;
  const int64_t known = (pushed == clip.frames ? pushed : pushed - 1) * (shape.hop / shape.patch);
  const auto from = clip.deviations.begin() + positions * shape.windows.bins;
  const std::vector<float> rows(from, from + (known - positions) * shape.windows.bins);
  stream.pushEnvelope(rows.data(), known - positions);
  positions = known;
}

/** Computes ε of every pass, with its audio cut at random. Returns false if the stream broke a promise. */
bool predictInPieces(Stream& stream, const NetworkShape& shape, const ReferenceClip<float>& clip, Random random,
                     std::vector<Fed>& passes) {
  const int64_t length = int64_t(clip.audio.size());
  int64_t pushed = 0, positions = 0;
  for (size_t left = passes.size(); left > 0;) {
    const int pass = int(random.between(0, int64_t(passes.size()) - 1));
    Fed& fed = passes[size_t(pass)];
    if (fed.ended) continue;
    const int64_t samples = std::min(random.between(0, 60) * shape.patch, length - fed.samples);
    const bool last = fed.samples + samples == length && random.coin();
    while (!stream.accepts(pass, samples, last)) {
      if (pushed == clip.frames) return false;
      const int64_t count = random.between(1, clip.frames - pushed);
      std::vector<float> piece;
      for (int m = 0; m < shape.bands; m++) {
        const float* from = clip.mel.data() + m * clip.frames + pushed;
        piece.insert(piece.end(), from, from + count);
      }
      piece.shrink_to_fit();
      pushed += count;
      stream.pushMel(piece.data(), count, pushed == clip.frames);
      pushEnvelope(stream, shape, clip, pushed, positions);
    }
    const std::vector<float> audio(clip.audio.begin() + fed.samples, clip.audio.begin() + fed.samples + samples);
    std::vector<float> noise(size_t(stream.pending(pass) + samples), NAN);
    int64_t written = 0;
    stream.predict(pass, audio.data(), samples, last, noise.data(), &written, &goOn);
    if (written > int64_t(noise.size())) return false;
    fed.noise.insert(fed.noise.end(), noise.begin(), noise.begin() + written);
    fed.samples += samples;
    fed.ended = last;
    if (last) left--;
  }
  return true;
}

/** @param bound bound of the difference from the oracle, relative to the oracle's largest number */
void testStream(int trial, const char* target, const ForwardKernels& kernels, double bound) {
  Random random{uint64_t(trial) * 7919 + 1};
  const NetworkShape shape = randomShape(random);
  const std::vector<float> parameters = random.numbers(ParameterOffsets(shape).count, 0.3);
  ReferenceClip<float> clip;
  if (shape.conditioner != Conditioner::none) {
    clip.frames = random.between(1, 30);
    clip.mel = random.numbers(clip.frames * shape.bands, 1);
  }
  if (shape.windows.envelope) {
    clip.deviations = random.numbers(clip.frames * shape.hop / shape.patch * shape.windows.bins, 1);
    for (float& v : clip.deviations) v = 0.02f + std::fabs(v);
  }
  const int64_t most = clip.frames > 0 ? clip.frames * shape.hop / shape.patch : 300;
  clip.audio = random.numbers(random.between(1, most) * shape.patch, 1);
  clip.label = shape.labels > 0 ? int(random.between(-1, shape.labels - 1)) : -1;
  const int count = int(random.between(1, 3));
  const std::vector<float> sinusoids = random.numbers(int64_t(count) * shape.embedding, 1);
  const std::vector<float> gains = random.numbers(count, 1);

  Pool pool(int(random.between(1, 3)));
  const bool winograd = trial % 4 != 0;
  const auto weights = std::make_shared<const ForwardWeights>(shape, parameters.data(), kernels, pool, winograd);
  Stream stream(weights, pool, sinusoids.data(), gains.data(), count, clip.label == -1 ? shape.labels : clip.label);
  std::vector<Fed> passes(static_cast<size_t>(count));
  char name[100];
  std::snprintf(name, sizeof name, "%s, stream %d: %d channels, %d layers", target, trial, shape.channels,
                shape.layers);
  if (!predictInPieces(stream, shape, clip, random, passes)) return check(false, name, "promises", 0);
  std::atomic<int> equal{0};
  constexpr int clips = 4;
  pool.forEachAlone(clips, [&](int) {
    Stream alone(weights, pool, sinusoids.data(), gains.data(), count, clip.label == -1 ? shape.labels : clip.label);
    std::vector<Fed> own(static_cast<size_t>(count));
    bool same = predictInPieces(alone, shape, clip, random, own);
    for (size_t i = 0; same && i < own.size(); i++) same = own[i].noise == passes[i].noise;
    if (same) equal++;
  });
  check(equal == clips, name, "several clips, a thread each, equal bytes", double(equal));
  double worst = 0;
  for (int pass = 0; pass < count; pass++) {
    clip.sinusoids.assign(sinusoids.begin() + pass * shape.embedding, sinusoids.begin() + (pass + 1) * shape.embedding);
    clip.gain = gains[size_t(pass)];
    const auto expected = referencePredict(shape, parameters.data(), clip);
    const auto& actual = passes[size_t(pass)].noise;
    if (actual.size() != expected.size()) return check(false, name, "samples of noise", double(actual.size()));
    double largest = 1e-6;
    for (float v : expected) largest = std::max(largest, double(std::fabs(v)));
    for (size_t i = 0; i < expected.size(); i++) {
      const double difference = std::fabs(actual[i] - expected[i]) / largest;
      if (!(difference <= worst)) worst = difference;
    }
  }
  check(worst < bound, name, "noise", worst);
}

/** Whether the processor has AVX-512 with BF16. */
bool hasVectorsOfBfloat() {
  for (int i = 0; i < targetCount(); i++) {
    const Target& target = targetAt(i);
    if (std::strcmp(target.name, "avx512") == 0) return target.runs() && target.fast() != nullptr;
  }
  return false;
}

}  // namespace

void testStreams() {
  const EmulatedAmx amx = emulatedAmx();
  for (int trial = 0; amx.exact != nullptr && hasVectorsOfBfloat() && trial < emulatedTrials; trial++) {
    testStream(trial, "emulated AMX", *amx.exact(), 1e-4);
    testStream(trial, "emulated AMX fast", *amx.fast(), fastBound);
  }
  for (int trial = 0; trial < trials; trial++) {
    for (int i = 0; i < targetCount(); i++) {
      const Target& target = targetAt(i);
      if (!target.runs()) continue;
      testStream(trial, target.name, target.forward(), 1e-4);
      if (target.fast() == nullptr) continue;
      testStream(trial, (std::string(target.name) + " fast").c_str(), *target.fast(), fastBound);
    }
  }
}
