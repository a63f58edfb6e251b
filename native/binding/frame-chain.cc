// Entry points of phase refinement and of the correction: passes over one clip, which is fed piece by piece.
#include "frame-chain.h"

#include "entry-points.h"
#include "job.h"
#include "limits.h"
#include "mel-filters.h"

namespace diffwave {
namespace {

/** The clip behind a handle. Its chain is made by the first job, off the event loop. */
struct FrameChainHandle : Handle {
  FrameChainHandle() : Handle(Kind::frameChain) {}

  uint64_t engine = 0;  // id of the engine
  FrameChainSettings settings;
  std::unique_ptr<FrameChain> chain;
  bool broken = false;  // a job was stopped half-way, or all samples have come out
};

FrameChainHandle* chainOf(const Js& js, napi_value handle) {
  return js.unwrap<FrameChainHandle>(handle, Handle::Kind::frameChain, "expected a frame chain");
}

struct FrameChainJob : Job {
  using Job::Job;
  double execute() override;

  FrameChainHandle* clip = nullptr;
  const float* audio = nullptr;  // [samples]
  int64_t samples = 0;
  bool last = false;                // whether the clip ends with this audio
  const double* targets = nullptr;  // [frames × bands]
  int64_t targetCount = 0;          // frames × bands
  float* out = nullptr;             // [room]
  int64_t room = 0;
};

double FrameChainJob::execute() {
  clip->broken = true;  // unless the job ends well
  if (clip->chain == nullptr) {
    clip->chain = std::make_unique<FrameChain>(clip->settings, engine->target->frames(), *engine->pool);
  }
  FrameChain& chain = *clip->chain;
  const int64_t bands = clip->settings.bands, frames = targetCount / bands;
  if (targetCount % bands != 0 || frames < chain.minFramesTaken(samples, last) ||
      frames > chain.framesTaken(samples, last) || room < chain.pending() + samples) {
    return resultRefused;
  }
  const int64_t written = chain.push(audio, samples, last, targets, frames, out, *cancelled);
  clip->broken = written < 0 || last;
  if (clip->broken) clip->chain.reset();
  return written < 0 ? resultCancelled : double(written);
}

FrameOperation readOperation(const Js& js, napi_value value) {
  const std::string name = js.text(value);
  require(name == "refine" || name == "correct", "unknown operation of a frame chain");
  return name == "refine" ? FrameOperation::refine : FrameOperation::correct;
}

/** Reads and checks the object `FrameChainShape` of src/engines/native/addon.ts. */
FrameChainSettings readSettings(const Js& js, napi_value object) {
  constexpr int64_t maxStages = 65536;
  const auto integer = [&](const char* name, int64_t low, int64_t high) {
    return js.integer(js.property(object, name), low, high, "bad shape of a frame chain");
  };
  FrameChainSettings settings{};
  settings.size = readTransformSize(js, object);
  settings.hop = integer("hop", 1, settings.size);
  settings.bands = integer("bands", 1, maxMelBands);
  settings.operation = readOperation(js, js.property(object, "operation"));
  settings.stages = integer("stages", 1, maxStages);
  settings.updates = integer("updates", 0, maxUpdates);
  settings.padding = integer("padding", 0, settings.size / 2);
  settings.squared = js.boolean(js.property(object, "squared"));
  settings.unit = js.number(js.property(object, "unit"));
  settings.momentum = js.number(js.property(object, "momentum"));
  settings.relaxation = js.number(js.property(object, "relaxation"));
  const int64_t bins = settings.size / 2 + 1;
  settings.window = js.copyDoubles(js.property(object, "window"), settings.size);
  settings.roots = js.copyDoubles(js.property(object, "roots"), int64_t(2) * settings.size);
  settings.columnSums = js.copyDoubles(js.property(object, "columnSums"), bins);
  settings.weights = js.copyDoubles(js.property(object, "weights"), -1);
  settings.filters = readFilters(js, object, settings.bands, bins, int64_t(settings.weights.size()));
  return settings;
}

}  // namespace

FrameChainSettings* frameChainSettings(const Js& js, const Engine* engine, napi_value handle) {
  FrameChainHandle* clip = chainOf(js, handle);
  require(clip->engine == engine->id, "the frame chain is another engine's");
  return &clip->settings;
}

napi_value openFrameChain(const Js& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  require(engine->target != nullptr, "the readable reference has no frame chains");
  auto clip = std::make_unique<FrameChainHandle>();
  clip->engine = engine->id;
  clip->settings = readSettings(js, arguments[1]);
  return js.wrap(std::move(clip));
}

napi_value pushFrameChain(const Js& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  const napi_value request = arguments[2];
  auto job = std::make_unique<FrameChainJob>(engine);
  job->clip = chainOf(js, arguments[1]);
  require(job->clip->engine == engine->id, "the frame chain is another engine's");
  require(engine->pool != nullptr, "the engine was disposed");
  require(!job->clip->broken, "the frame chain has ended");
  job->audio = js.floats(js.property(request, "audio"), -1, &job->samples);
  job->last = js.boolean(js.property(request, "last"));
  job->targets = js.doubles(js.property(request, "targets"), -1, &job->targetCount);
  job->out = js.floats(js.property(request, "prediction"), -1, &job->room);
  job->cancelled = js.cancelFlag(js.property(request, "cancelled"));
  return Job::start(js, std::move(job));
}

napi_value closeFrameChain(const Js& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  FrameChainHandle* clip = chainOf(js, arguments[1]);
  require(clip->engine == engine->id, "the frame chain is another engine's");
  require(!engine->busy, "the engine is busy");
  clip->broken = true;
  clip->chain.reset();
  return nullptr;
}

}  // namespace diffwave
