// Entry points of streams: the passes of one clip, which is fed piece by piece.
#include "../inference/stream.h"

#include "entry-points.h"
#include "job.h"

namespace diffwave {
namespace {

/** The clip behind a stream handle. Its stream is made by the first job, off the event loop. */
struct ClipHandle : Handle {
  ClipHandle() : Handle(Kind::stream) {}

  uint64_t engine = 0;                  // id of the engine
  std::vector<float> sinusoids, gains;  // [passes × embedding], [passes]
  int passes = 0;
  int label = 0;  // row of the label table
  std::unique_ptr<Stream> stream;
  bool broken = false;  // a job was stopped half-way, or all passes have ended
};

ClipHandle* clipOf(const Js& js, napi_value handle) {
  return js.unwrap<ClipHandle>(handle, Handle::Kind::stream, "expected a stream");
}

/** One piece of audio for one pass of one clip, after the mel frames that came before it. */
struct Feeding {
  struct MelFrames {
    const float* data;  // [bands × count]
    int64_t count;
    bool last;
    const float* deviations;  // [positions × bins], if the windowed front end has an envelope
    int64_t positions;
  };

  ClipHandle* clip = nullptr;
  const float* parameters = nullptr;
  int64_t version = 0;
  std::vector<MelFrames> mel;
  int pass = 0;
  int64_t samples = 0;           // of the audio
  int64_t room = 0;              // samples that `prediction` takes
  bool last = false;             // whether the pass ends with this audio
  const float* audio = nullptr;  // [samples]
  float* prediction = nullptr;   // [room]
  std::atomic<bool>* cancelled = nullptr;
  std::shared_ptr<const ForwardWeights> weights;  // for a clip without a stream yet

  /** Returns the number of samples written, or a negative result. */
  double feed(Pool& pool);
  /** Calls `feed`. A clip that was stopped half-way, or whose passes have all ended, frees its memory. */
  double run(Pool& pool);
};

double Feeding::feed(Pool& pool) {
  if (clip->stream == nullptr) {
    clip->stream =
        std::make_unique<Stream>(weights, pool, clip->sinusoids.data(), clip->gains.data(), clip->passes, clip->label);
  }
  Stream& stream = *clip->stream;
  for (const auto& frames : mel) {
    if (stream.melEnded()) return resultRefused;
    stream.pushMel(frames.data, frames.count, frames.last);
    if (frames.positions > 0) stream.pushEnvelope(frames.deviations, frames.positions);
  }
  if (!stream.accepts(pass, samples, last) || room < stream.pending(pass) + samples) return resultRefused;
  int64_t written = 0;
  const StreamOutcome outcome = stream.predict(pass, audio, samples, last, prediction, &written, cancelled);
  return outcome == StreamOutcome::done ? double(written) : resultCancelled;
}

double Feeding::run(Pool& pool) {
  const double result = resultOf([&] { return feed(pool); });
  if (result < 0 || clip->stream->ended()) {
    clip->broken = true;
    clip->stream.reset();
  }
  return result;
}

/** Returns the weights of new streams, packed from the parameters of a version. */
std::shared_ptr<const ForwardWeights> weightsOf(Engine& engine, const float* parameters, int64_t version) {
  if (engine.weights == nullptr || engine.version != version) {
    engine.weights =
        std::make_shared<ForwardWeights>(engine.shape, parameters, *engine.forward, *engine.pool, engine.winograd);
    engine.version = version;
  }
  return engine.weights;
}

/** Packs the weights before a stream asks for them. */
struct PackJob : Job {
  using Job::Job;
  double execute() override {
    weightsOf(*engine, parameters, version);
    return 0;
  }

  const float* parameters = nullptr;
  int64_t version = 0;
};

/** Feeds one clip on all threads, or several clips, one thread each. */
struct StreamJob : Job {
  using Job::Job;
  double execute() override;
  void stop() const override {
    for (const Feeding& feeding : feedings) feeding.cancelled->store(true);
  }

  std::vector<Feeding> feedings;
  double* results = nullptr;  // per feeding, if there are several
};

double StreamJob::execute() {
  for (Feeding& feeding : feedings) {
    if (feeding.clip->stream == nullptr) feeding.weights = weightsOf(*engine, feeding.parameters, feeding.version);
  }
  Pool& pool = *engine->pool;
  if (results == nullptr) return feedings[0].run(pool);
  pool.forEachAlone(int(feedings.size()), [&](int i) { results[i] = feedings[size_t(i)].run(pool); });
  return 0;
}

/** Reads a request of `predict`. */
Feeding readFeeding(const Js& js, const Engine& engine, napi_value stream, napi_value request) {
  Feeding feeding{};
  feeding.clip = clipOf(js, stream);
  require(feeding.clip->engine == engine.id, "the stream is another engine's");
  require(engine.pool != nullptr, "the engine was disposed");
  require(!feeding.clip->broken, "the stream has ended");
  feeding.parameters = js.floats(js.property(request, "parameters"), engine.parameterCount);
  feeding.version = js.integer(js.property(request, "version"));
  const napi_value mels = js.property(request, "mels");
  const uint32_t count = js.length(mels);
  for (uint32_t i = 0; i < count; i++) {
    const napi_value from = js.element(mels, i);
    Feeding::MelFrames frames{};
    frames.count = js.integer(js.property(from, "frames"));
    require(engine.shape.conditioner != Conditioner::none && frames.count >= 0 && frames.count < (int64_t(1) << 32),
            "bad mel");
    frames.data = js.floats(js.property(from, "data"), frames.count * engine.shape.bands);
    frames.last = js.boolean(js.property(from, "last"));
    if (engine.shape.windows.envelope) {
      int64_t size;
      frames.deviations = js.floats(js.property(from, "deviations"), -1, &size);
      require(size % engine.shape.windows.bins == 0, "bad envelope");
      frames.positions = size / engine.shape.windows.bins;
    }
    feeding.mel.push_back(frames);
  }
  feeding.pass = js.integer(js.property(request, "pass"), 0, feeding.clip->passes - 1, "unknown pass");
  feeding.audio = js.floats(js.property(request, "audio"), -1, &feeding.samples);
  feeding.last = js.boolean(js.property(request, "last"));
  feeding.prediction = js.floats(js.property(request, "prediction"), -1, &feeding.room);
  feeding.cancelled = js.cancelFlag(js.property(request, "cancelled"));
  return feeding;
}

}  // namespace

napi_value packWeights(const Js& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  require(engine->target != nullptr && engine->pool != nullptr, "the engine has no streams, or was disposed");
  auto job = std::make_unique<PackJob>(engine);
  job->parameters = js.floats(arguments[1], engine->parameterCount);
  job->version = js.integer(arguments[2]);
  return Job::start(js, std::move(job));
}

napi_value openStream(const Js& js, napi_value* arguments) {
  constexpr int64_t maxPasses = 65536;
  const Engine* engine = engineOf(js, arguments[0]);
  const NetworkShape& shape = engine->shape;
  require(engine->target != nullptr, "the readable reference has no streams");
  auto clip = std::make_unique<ClipHandle>();
  clip->engine = engine->id;
  int64_t size;
  const float* sinusoids = js.floats(arguments[1], -1, &size);
  require(size > 0 && size % shape.embedding == 0 && size / shape.embedding <= maxPasses, "bad sinusoids");
  clip->sinusoids.assign(sinusoids, sinusoids + size);
  clip->passes = int(size / shape.embedding);
  const float* gains = js.floats(arguments[2], clip->passes);
  clip->gains.assign(gains, gains + clip->passes);
  const int label = js.integer(arguments[3], -1, int64_t(shape.labels) - 1, "unknown label");
  clip->label = label == -1 ? shape.labels : label;
  return js.wrap(std::move(clip));
}

napi_value predict(const Js& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  auto job = std::make_unique<StreamJob>(engine);
  job->feedings.push_back(readFeeding(js, *engine, arguments[1], arguments[2]));
  return Job::start(js, std::move(job));
}

napi_value predictTogether(const Js& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  auto job = std::make_unique<StreamJob>(engine);
  const uint32_t count = js.length(arguments[1]);
  require(count > 0 && js.length(arguments[2]) == count, "the lists of streams and requests differ in length");
  for (uint32_t i = 0; i < count; i++) {
    job->feedings.push_back(readFeeding(js, *engine, js.element(arguments[1], i), js.element(arguments[2], i)));
    for (uint32_t k = 0; k < i; k++) {
      require(job->feedings[k].clip != job->feedings[i].clip, "a stream is fed twice at once");
    }
  }
  job->results = js.doubles(arguments[3], count);
  return Job::start(js, std::move(job));
}

napi_value closeStream(const Js& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  ClipHandle* clip = clipOf(js, arguments[1]);
  require(clip->engine == engine->id, "the stream is another engine's");
  require(!engine->busy, "the engine is busy");
  clip->broken = true;
  clip->stream.reset();
  return nullptr;
}

}  // namespace diffwave
