// Tests of training: the oracle's gradients against finite differences in double, the kernels against the oracle over
// many shapes, and equal bytes for any number of threads and for stored and recomputed gates.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "../reference/reference.h"
#include "../targets/targets.h"
#include "../training/training.h"
#include "random.h"
#include "tests.h"

using namespace diffwave;

namespace {

struct Case {
  const char* name;
  NetworkShape shape;
  std::vector<int64_t> positions;  // per clip
  bool weighted, squared;
};

NetworkShape base(int channels, int layers, int cycle) {
  NetworkShape s;
  s.channels = channels;
  s.layers = layers;
  s.dilationCycle = cycle;
  s.embedding = 8;
  s.hidden = 12;
  return s;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  all.push_back({"unconditional", base(8, 3, 2), {40, 7}, false, true});
  {
    NetworkShape s = base(5, 4, 3);
    s.conditioner = Conditioner::transposed;
    s.bands = 6;
    s.strides = 2;
    s.stride[0] = 4;
    s.stride[1] = 3;
    s.hop = 12;
    all.push_back({"shared upsampler, odd stride, labels", s, {30, 100}, true, false});
    all.back().shape.labels = 3;
    s.upsamplerPerLayer = true;
    s.tanhFirst = true;
    s.residualAfterStep = true;
    s.patch = 2;
    all.push_back({"philsyn: per-layer upsampler, tanh first, after step", s, {41}, false, true});
  }
  {
    NetworkShape s = base(20, 5, 4);
    s.conditioner = Conditioner::frameRate;
    s.bands = 7;
    s.hop = 16;
    s.patch = 4;
    all.push_back({"frame rate, no encoder", s, {83, 20, 1}, true, true});
    s.encoders = 2;
    s.encoderChannels[0] = 9;
    s.encoderChannels[1] = 18;
    s.labels = 2;
    all.push_back({"frame rate, encoder, patch 4", s, {150, 77}, true, false});
    s.channels = 48;
    s.layers = 3;
    s.patch = 16;
    all.push_back({"48 channels, patch 16", s, {300}, false, true});
  }
  {
    NetworkShape s = base(24, 4, 3);
    s.patch = 72;
    all.push_back({"patch 72, wider than the channels", s, {60, 33}, false, false});
    s.inputMask = true;
    all.push_back({"the same with a mask of the input", s, {60, 33}, true, true});
    s.patch = 5;
    all.push_back({"a mask, patch 5, L1", s, {101}, false, false});
  }
  {
    NetworkShape s = base(20, 4, 3);
    s.patch = 4;
    s.windows = {12, 4, 7, false, false};
    s.labels = 2;
    all.push_back({"windows, all bins", s, {90, 33, 1}, true, true});
    s.inputMask = true;
    s.windows.bins = 5;
    s.windows.learned = true;
    all.push_back({"learned windows with a mask", s, {60, 2}, false, true});
    s.inputMask = false;
    s.windows.bins = 7;
    all.push_back({"learned windows, L1", s, {60, 21}, true, false});
    s.patch = 8;
    s.windows = {8, 8, 5, false, false};
    all.push_back({"windows that do not overlap", s, {110}, false, false});
    s.labels = 0;
    s.conditioner = Conditioner::frameRate;
    s.bands = 7;
    s.hop = 24;
    s.patch = 8;
    s.windows = {24, 8, 10, false, true};
    s.encoders = 1;
    s.encoderChannels[0] = 9;
    s.inputMask = true;
    all.push_back({"windows, envelope, mask", s, {150, 77}, true, true});
    s.inputMask = false;
    s.hop = 16;
    s.windows = {16, 8, 9, false, true};
    all.push_back({"windows and envelope, K = 2S", s, {100, 20}, false, false});
    s.windows.envelope = false;
    s.conditioner = Conditioner::transposed;
    s.encoders = 0;
    s.strides = 2;
    s.stride[0] = 8;
    s.stride[1] = 2;
    all.push_back({"windows with an upsampler", s, {44}, false, true});
  }
  all.push_back({"one layer, one position", base(3, 1, 1), {1}, false, true});
  all.push_back({"dilation beyond the clip", base(17, 7, 7), {20, 150}, false, false});
  return all;
}

std::vector<double> randomParameters(const NetworkShape& shape, Random& random) {
  std::vector<double> w(size_t(ParameterOffsets(shape).count));
  for (double& v : w) v = 0.35 * random.signedUniform();
  return w;
}

std::vector<ReferenceClip<double>> randomClips(const Case& c, Random& random) {
  std::vector<ReferenceClip<double>> clips;
  int index = 0;
  for (int64_t positions : c.positions) {
    ReferenceClip<double> clip;
    const int64_t samples = positions * c.shape.patch;
    const auto fill = [&](std::vector<double>& to, int64_t size) {
      for (int64_t i = 0; i < size; i++) to.push_back(float(random.signedUniform()));
    };
    fill(clip.audio, samples);
    fill(clip.target, samples);
    if (c.weighted) fill(clip.weight, samples);
    fill(clip.sinusoids, c.shape.embedding);
    clip.gain = float(random.signedUniform());
    if (c.shape.windows.envelope) {
      fill(clip.deviations, positions * c.shape.windows.bins);
      for (double& v : clip.deviations) v = float(0.02 + std::fabs(v));
    }
    if (c.shape.conditioner != Conditioner::none) {
      clip.frames = (samples + c.shape.hop - 1) / c.shape.hop + (index == 0 ? 1 : 0);
      fill(clip.mel, clip.frames * c.shape.bands);
    }
    clip.label = c.shape.labels > 0 ? index % (c.shape.labels + 1) - 1 : -1;
    index++;
    clips.push_back(clip);
  }
  return clips;
}

/** Largest relative error of central differences over a sample of parameters. Only for L2, because |x| has a corner. */
void testOracle(const Case& c, int differences) {
  Random random{7};
  auto w = randomParameters(c.shape, random);
  const auto clips = randomClips(c, random);
  std::vector<double> g(w.size()), unused(w.size()), losses(clips.size());
  referenceLossGradients(c.shape, w.data(), clips, true, g.data(), losses.data());
  double worst = 0, largest = 0;
  for (double v : g) largest = std::max(largest, std::fabs(v));
  const size_t stride = std::max<size_t>(1, w.size() / size_t(differences));
  for (size_t i = 0; i < w.size(); i += stride) {
    const double h = 1e-6, old = w[i];
    w[i] = old + h;
    const double up = referenceLossGradients(c.shape, w.data(), clips, true, unused.data(), losses.data());
    w[i] = old - h;
    const double down = referenceLossGradients(c.shape, w.data(), clips, true, unused.data(), losses.data());
    w[i] = old;
    worst = std::max(worst, std::fabs((up - down) / (2 * h) - g[i]) / largest);
  }
  check(worst < 1e-5, c.name, "oracle against finite differences", worst);
}

struct FloatBatch {
  std::vector<ReferenceClip<float>> data;
  std::vector<TrainingBatch::Clip> clips;

  explicit FloatBatch(const std::vector<ReferenceClip<double>>& from) {
    for (const auto& clip : from) {
      const auto cast = [](const std::vector<double>& v) { return std::vector<float>(v.begin(), v.end()); };
      data.push_back({cast(clip.audio), cast(clip.target), cast(clip.weight), cast(clip.sinusoids), cast(clip.mel),
                      clip.frames, clip.melOffset, clip.label, float(clip.gain), cast(clip.deviations)});
    }
    for (const auto& clip : data) {
      clips.push_back({clip.audio.data(), clip.target.data(), clip.weight.empty() ? nullptr : clip.weight.data(),
                       clip.sinusoids.data(), clip.mel.data(), int64_t(clip.audio.size()), clip.frames, clip.label});
      clips.back().gain = clip.gain;
      clips.back().deviations = clip.deviations.data();
    }
  }
};

struct Result {
  TrainingOutcome outcome;
  double loss = 0;
  std::vector<float> gradients, clipLosses;
};

Result byKernels(const Case& c, const TrainingKernels& kernels, int threads, size_t limit, const std::vector<float>& w,
                 const FloatBatch& batch) {
  Pool pool(threads);
  Training training(c.shape, pool, kernels, limit);
  Result result;
  result.gradients.assign(w.size(), NAN);
  result.clipLosses.resize(batch.clips.size());
  for (int i = 0; i < 2; i++) {  // the second run reuses the memory
    result.outcome = training.lossGradients(w.data(), {batch.clips.data(), int(batch.clips.size()), c.squared},
                                            result.gradients.data(), &result.loss, result.clipLosses.data(), nullptr);
  }
  return result;
}

/** Largest error, relative to the largest gradient of all parameters. */
double difference(const std::vector<float>& a, const std::vector<double>& b) {
  double worst = 0, largest = 0;
  for (double v : b) largest = std::max(largest, std::fabs(v));
  for (size_t i = 0; i < a.size(); i++) {
    const double d = std::fabs(a[i] - b[i]) / largest;
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

/**
 * Bound of the error of gradients, by the measure above. For floats it is 1e-5; most are off by 1e-7.
 *
 * On AMX each factor of a backward product is x = h + l + e, with h and l rounded to the eight bits of bfloat16. If x
 * has the exponent 0, the rest x − h is spread evenly over ±2⁻⁸. e depends on the exponent of that rest; its root mean
 * square (RMS) is 0.76 · 2⁻¹⁷ / √3. A product of x and x' leaves out l·l', and what e and e' would add. Relative to the
 * product that is an RMS of at most √((2⁻¹⁶ / 3)² + 2 · (0.76 · 2⁻¹⁷ / √3)²) = 0.91 · 2⁻¹⁷, and 2⁻¹⁵ at worst. These
 * errors are as good as independent. So sums of products have the same relative RMS, and n products in turn have √n
 * times that. The longest way back has n = 2 · layers + 5 products: windows, outputs, skips, two per layer, learned
 * windows, and the weight's own. The largest gradient and the largest error are both extremes of as many sums, so their
 * ratio is about that of their RMS.
 *
 * A fault is larger: a product without the low part of one factor is off by about 2⁻⁹.
 */
double allowedError(const Target& target, const NetworkShape& shape) {
  if (std::strcmp(target.name, "amx") != 0) return 1e-5;
  return std::ldexp(std::sqrt(2.0 * shape.layers + 5), -17);
}

bool same(const Result& a, const Result& b) {
  return a.loss == b.loss && ::same(a.gradients, b.gradients) && ::same(a.clipLosses, b.clipLosses);
}

void testKernels(const Case& c, const Target& target) {
  Random random{7};
  const auto wide = randomParameters(c.shape, random);
  const auto clips = randomClips(c, random);
  const std::vector<float> w(wide.begin(), wide.end());
  const std::vector<double> rounded(w.begin(), w.end());
  const FloatBatch batch(clips);
  std::vector<double> g(w.size()), losses(clips.size());
  const double loss = referenceLossGradients(c.shape, rounded.data(), clips, c.squared, g.data(), losses.data());

  const size_t enough = size_t(1) << 30;
  const TrainingKernels& kernels = target.training();
  const Result one = byKernels(c, kernels, 1, enough, w, batch);
  char name[200];
  std::snprintf(name, sizeof name, "%s, %s", target.name, c.name);
  check(std::fabs(one.loss - loss) < 1e-5 * (1 + std::fabs(loss)), name, "loss", one.loss - loss);
  double clipError = 0;
  for (size_t i = 0; i < losses.size(); i++) clipError = std::max(clipError, std::fabs(one.clipLosses[i] - losses[i]));
  check(clipError < 1e-5 * (1 + std::fabs(loss)), name, "clip losses", clipError);
  const double allowed = allowedError(target, c.shape);
  check(difference(one.gradients, g) < allowed, name, "gradients", difference(one.gradients, g));
  check(same(one, byKernels(c, kernels, 3, enough, w, batch)), name, "3 threads, equal bytes", 0);

  Pool pool(1);
  const Training probe(c.shape, pool, kernels, enough);
  size_t single = 0;
  for (const auto& clip : batch.clips) single = std::max(single, probe.memory(&clip, 1, Checkpointing::recomputeGates));
  if (batch.clips.size() == 1) {
    check(same(one, byKernels(c, kernels, 1, single, w, batch)), name, "gates computed again, equal bytes", 0);
  } else {
    const Result split = byKernels(c, kernels, 1, single, w, batch);
    check(split.outcome == TrainingOutcome::done && difference(split.gradients, g) < allowed, name,
          "in parts, gates computed again", difference(split.gradients, g));
  }
  check(byKernels(c, kernels, 1, single - 64, w, batch).outcome == TrainingOutcome::outOfMemory, name, "refused", 0);
}

/**
 * Checks the two halves of a pass. The second half runs once, and only after a complete first half of the same batch.
 */
void testHalves(const Case& c) {
  Random random{7};
  const auto wide = randomParameters(c.shape, random);
  const std::vector<float> w(wide.begin(), wide.end());
  const FloatBatch batch(randomClips(c, random));
  std::vector<TrainingBatch::Clip> clips = batch.clips;
  std::vector<std::vector<float>> predictions;
  for (auto& clip : clips) {
    predictions.emplace_back(size_t(clip.samples));
    clip.prediction = predictions.back().data();
  }
  const TrainingBatch whole{clips.data(), int(clips.size()), c.squared};
  Pool pool(1);
  Training training(c.shape, pool, targetAt(targetCount() - 1).training(), size_t(1) << 30);
  std::atomic<bool> cancelled{true};
  const TrainingOutcome stopped = training.forward(w.data(), whole, &cancelled);
  check(stopped == TrainingOutcome::cancelled && !training.awaits(whole), c.name,
        "after a forward pass that was stopped none is awaited", 0);
  cancelled = false;
  const TrainingOutcome done = training.forward(w.data(), whole, &cancelled);
  check(done == TrainingOutcome::done && training.awaits(whole), c.name,
        "after a forward pass the other half is awaited", 0);
  clips[0].melOffset += c.shape.hop;
  check(!training.awaits(whole), c.name, "but not with another part of the mel", 0);
  clips[0].melOffset -= c.shape.hop;
  std::vector<float> gradients(w.size());
  training.backward(w.data(), whole, gradients.data(), &cancelled);
  check(!training.awaits(whole), c.name, "nor after it has run", 0);
}

}  // namespace

void testTraining(int differences) {
  for (const Case& c : cases()) {
    testOracle(c, differences);
    for (int i = 0; i < targetCount(); i++) {
      if (targetAt(i).runs()) testKernels(c, targetAt(i));
    }
  }
  const std::vector<Case> all = cases();
  const auto withMel = [](const Case& c) { return c.shape.conditioner != Conditioner::none; };
  testHalves(*std::find_if(all.begin(), all.end(), withMel));
}
