// Entry points of losses on audio: spectral terms, and the gradient of the correction towards a mel.
#include "../training/audio-loss.h"

#include "entry-points.h"
#include "frame-chain.h"
#include "job.h"
#include "limits.h"

namespace diffwave {
namespace {

/** The tables for one window length. */
struct SpectralFrames : Handle {
  SpectralFrames() : Handle(Kind::spectralFrames) {}

  FrameTables tables{};
  std::vector<double> window, roots;
};

struct TermsJob : Job {
  using Job::Job;
  double execute() override {
    const bool done = computeTerms(*engine->pool, engine->target->frames(), terms, *cancelled);
    return done ? 0 : resultCancelled;
  }

  std::vector<SpectralTerm> terms;
};

struct CorrectionGradientJob : Job {
  using Job::Job;
  double execute() override {
    const FrameTables tables = settings->tables();
    const bool done = differentiateCorrection(*engine->pool, engine->target->frames(), tables, clips, *cancelled);
    return done ? 0 : resultCancelled;
  }

  FrameChainSettings* settings = nullptr;
  std::vector<CorrectedClip> clips;
};

SpectralKind readKind(const Js& js, napi_value value) {
  const std::string name = js.text(value);
  if (name == "error") return SpectralKind::error;
  if (name == "phase") return SpectralKind::phase;
  require(name == "magnitude", "unknown kind of a spectral term");
  return SpectralKind::magnitude;
}

/** Reads and checks the object `SpectralTermWork` of src/engines/native/addon.ts. */
SpectralTerm readTerm(const Js& js, napi_value object) {
  SpectralTerm term{};
  const auto* frames = js.unwrap<SpectralFrames>(js.property(object, "frames"), Handle::Kind::spectralFrames,
                                                 "expected spectral frames");
  term.tables = &frames->tables;
  term.kind = readKind(js, js.property(object, "kind"));
  term.made = js.floats(js.property(object, "made"), -1, &term.samples);
  term.wanted = js.floats(js.property(object, "wanted"), term.samples);
  const bool comparesMagnitudes = term.kind == SpectralKind::magnitude;
  // The last bin has no partner in its region.
  const int most = comparesMagnitudes ? frames->tables.bins : frames->tables.bins - 1;
  term.comparedBins = js.integer(js.property(object, "bins"), 0, most, "bad number of bins");
  term.weight = js.number(js.property(object, "weight"));
  term.offset = js.number(js.property(object, "offset"));
  const int64_t count = term.frames();
  if (term.kind == SpectralKind::phase) {
    term.counts = js.bytes(js.property(object, "counts"), count);
  }
  term.gradient = js.doubles(js.property(object, "gradient"), term.samples);
  term.sums = js.doubles(js.property(object, "sums"), comparesMagnitudes ? 2 * count : count);
  term.ratios = js.doubles(js.property(object, "ratios"), comparesMagnitudes ? count * term.products() : 0);
  return term;
}

/** Reads and checks the object `CorrectedClipWork` of src/engines/native/addon.ts. */
CorrectedClip readClip(const Js& js, napi_value object, const FrameChainSettings& settings) {
  CorrectedClip clip{};
  clip.input = js.floats(js.property(object, "input"), -1, &clip.samples);
  clip.byResult = js.floats(js.property(object, "byResult"), clip.samples);
  clip.gradient = js.floats(js.property(object, "gradient"), clip.samples);
  int64_t count;
  clip.targets = js.doubles(js.property(object, "targets"), -1, &count);
  clip.frames = count / settings.bands;
  require(count % settings.bands == 0 && clip.frames >= 1 && clip.frames <= clip.samples / settings.hop + 1,
          "a typed array has the wrong length");
  return clip;
}

Engine* engineWithFrames(const Js& js, napi_value handle) {
  Engine* engine = engineOf(js, handle);
  require(engine->target != nullptr && engine->pool != nullptr, "the engine has no losses, or was disposed");
  return engine;
}

}  // namespace

napi_value openSpectralFrames(const Js& js, napi_value* arguments) {
  const napi_value shape = arguments[0];
  auto made = std::make_unique<SpectralFrames>();
  FrameTables& t = made->tables;
  t.size = readTransformSize(js, shape);
  t.overlap = SpectralTerm::overlap;
  t.hop = t.size / t.overlap;
  t.bins = t.size / 2 + 1;
  made->window = js.copyDoubles(js.property(shape, "window"), t.size);
  made->roots = js.copyDoubles(js.property(shape, "roots"), int64_t(2) * t.size);
  t.window = made->window.data();
  t.roots = made->roots.data();
  return js.wrap(std::move(made));
}

napi_value spectralTerms(const Js& js, napi_value* arguments) {
  auto job = std::make_unique<TermsJob>(engineWithFrames(js, arguments[0]));
  const napi_value list = arguments[1];
  for (uint32_t i = 0; i < js.length(list); i++) job->terms.push_back(readTerm(js, js.element(list, i)));
  job->cancelled = js.cancelFlag(arguments[2]);
  return Job::start(js, std::move(job));
}

napi_value correctionGradient(const Js& js, napi_value* arguments) {
  auto job = std::make_unique<CorrectionGradientJob>(engineWithFrames(js, arguments[0]));
  job->settings = frameChainSettings(js, job->engine, arguments[1]);
  require(job->settings->operation == FrameOperation::correct && job->settings->padding == job->settings->size / 2,
          "expected a correction");
  const napi_value list = arguments[2];
  for (uint32_t i = 0; i < js.length(list); i++) {
    job->clips.push_back(readClip(js, js.element(list, i), *job->settings));
  }
  job->cancelled = js.cancelFlag(arguments[3]);
  return Job::start(js, std::move(job));
}

}  // namespace diffwave
