// The Node-API face of phase refinement: the iterations over one clip, fed piece by piece.
#include "../inference/refinement.h"

#include "entry-points.h"
#include "job.h"

namespace diffwave {
namespace {

/** The clip behind a handle. Its refinement is made by the first job, off the event loop. */
struct RefinementHandle : Handle {
  RefinementHandle() : Handle(Kind::refinement) {}

  const Engine* engine;
  RefinementSettings settings;
  std::unique_ptr<Refinement> refinement;
  bool broken = false;  // a job stopped half-way, or all has come out
};

RefinementHandle* refinementOf(const Js& js, napi_value handle) {
  return js.unwrap<RefinementHandle>(handle, Handle::Kind::refinement, "expected a refinement");
}

struct RefinementJob : Job {
  using Job::Job;
  double execute() override;

  RefinementHandle* clip;
  const float* audio;
  int64_t samples, room;
  bool last;
  const float* targets;
  int64_t targetCount;
  float* out;
};

double RefinementJob::execute() {
  clip->broken = true;  // unless it ends well
  if (clip->refinement == nullptr) {
    clip->refinement = std::make_unique<Refinement>(clip->settings, engine->target->refinement(), *engine->pool);
  }
  Refinement& refinement = *clip->refinement;
  const int64_t frames = refinement.framesTaken(samples, last);
  if (targetCount != frames * clip->settings.bands || room < refinement.pending() + samples) return resultRefused;
  const int64_t written = refinement.push(audio, samples, last, targets, out, *cancelled);
  clip->broken = written < 0 || last;
  if (clip->broken) clip->refinement.reset();
  return written < 0 ? resultCancelled : double(written);
}

std::vector<double> readDoubles(const Js& js, napi_value value, int64_t size) {
  const double* data = static_cast<const double*>(js.array(value, napi_float64_array, size, &size));
  return std::vector<double>(data, data + size);
}

/** Reads and checks the object `RefinementShape` of src/engines/native/addon.ts. */
RefinementSettings readSettings(const Js& js, napi_value object) {
  constexpr int64_t maxSize = 65536, maxBands = 65536, maxIterations = 65536;
  const auto integer = [&](const char* name, int64_t low, int64_t high) {
    return js.integer(js.property(object, name), low, high, "bad shape of a refinement");
  };
  RefinementSettings settings{};
  settings.size = integer("size", 16, maxSize);
  require((settings.size & (settings.size - 1)) == 0, "a transform whose size is no power of two");
  settings.hop = integer("hop", 1, settings.size);
  settings.bands = integer("bands", 1, maxBands);
  settings.iterations = integer("iterations", 1, maxIterations);
  settings.padding = integer("padding", 0, settings.size / 2);
  settings.squared = js.boolean(js.property(object, "squared"));
  settings.unit = js.number(js.property(object, "unit"));
  settings.momentum = js.number(js.property(object, "momentum"));
  const int64_t bins = settings.size / 2 + 1;
  settings.window = readDoubles(js, js.property(object, "window"), settings.size);
  settings.roots = readDoubles(js, js.property(object, "roots"), int64_t(2) * settings.size);
  settings.columnSums = readDoubles(js, js.property(object, "columnSums"), bins);
  settings.weights = readDoubles(js, js.property(object, "weights"), -1);
  // Where each filter's first bin lies, and how many it has.
  const std::vector<double> places = readDoubles(js, js.property(object, "filters"), int64_t(2) * settings.bands);
  int64_t weights = 0;
  for (int band = 0; band < settings.bands; band++) {
    const double first = places[size_t(2 * band)], count = places[size_t(2 * band + 1)];
    require(first >= 0 && count >= 0 && first + count <= double(bins), "bad filters");
    settings.filters.push_back({int(first), int(count), nullptr});
    weights += int(count);
  }
  require(weights == int64_t(settings.weights.size()), "filters and their weights differ in number");
  return settings;
}

}  // namespace

napi_value openRefinement(const Js& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  require(engine->target != nullptr, "the readable reference has no refinement");
  auto clip = std::make_unique<RefinementHandle>();
  clip->engine = engine;
  clip->settings = readSettings(js, arguments[1]);
  return js.wrap(std::move(clip));
}

napi_value refine(const Js& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  const napi_value request = arguments[2];
  auto job = std::make_unique<RefinementJob>(engine);
  job->clip = refinementOf(js, arguments[1]);
  require(job->clip->engine == engine && engine->pool != nullptr, "the engine was disposed");
  require(!job->clip->broken, "the refinement has ended");
  job->audio = js.floats(js.property(request, "audio"), -1, &job->samples);
  job->last = js.boolean(js.property(request, "last"));
  job->targets = js.floats(js.property(request, "targets"), -1, &job->targetCount);
  job->out = js.floats(js.property(request, "prediction"), -1, &job->room);
  job->cancelled =
      static_cast<const std::atomic<bool>*>(js.array(js.property(request, "cancelled"), napi_uint8_array, 1));
  return Job::start(js, std::move(job), {request, arguments[0], arguments[1]});
}

napi_value closeRefinement(const Js& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  RefinementHandle* clip = refinementOf(js, arguments[1]);
  require(clip->engine == engine && !engine->busy, "the engine is busy");
  clip->broken = true;
  clip->refinement.reset();
  return nullptr;
}

}  // namespace diffwave
