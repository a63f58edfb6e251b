// The Node-API face of streams: one clip's passes, fed piece by piece.
#include "binding.h"
#include "stream.h"

namespace diffwave {
namespace {

/** A clip under way. Made on first use, off the event loop. */
struct Clip {
  const Engine* engine;
  std::vector<float> sinusoids, gains;
  int passes;
  int label;
  std::unique_ptr<Stream> stream;
  bool broken = false;  // stopped in the middle of a block
};

Clip* clipOf(const Values& js, napi_value value) {
  void* pointer = nullptr;
  need(napi_get_value_external(js.env, value, &pointer) == napi_ok && pointer != nullptr, "a stream was expected");
  return static_cast<Clip*>(pointer);
}

/** One piece of audio through one pass, and the mel that came before it. */
struct Feeding : Job {
  struct Frames {
    const float* data;
    int64_t count;
    bool last;
  };
  using Job::Job;
  double execute() override;

  Clip* clip;
  const float* parameters;
  int64_t version;
  std::vector<Frames> mel;
  int64_t pass, samples, room;
  bool last;
  const float* audio;
  float* noise;

 private:
  double feed();
};

double Feeding::feed() {
  if (clip->stream == nullptr) {
    if (engine->version != version) {
      engine->weights = std::make_shared<ForwardWeights>(engine->shape, parameters, engine->target->forward());
      engine->version = version;
    }
    clip->stream = std::make_unique<Stream>(engine->weights, *engine->pool, clip->sinusoids.data(), clip->gains.data(),
                                            clip->passes, clip->label);
  }
  Stream& stream = *clip->stream;
  for (const auto& frames : mel) stream.pushMel(frames.data, frames.count, frames.last);
  if (!stream.accepts(int(pass), samples, last) || room < stream.waiting(int(pass)) + samples) return wasRefused;
  int64_t written = 0;
  const StreamOutcome outcome = stream.predict(int(pass), audio, samples, last, noise, &written, cancelled);
  return outcome == StreamOutcome::done ? double(written) : wasCancelled;
}

double Feeding::execute() {
  double result = outOfMemory;
  try {
    result = feed();
  } catch (const std::bad_alloc&) {
  }
  if (result < 0) {
    clip->broken = true;
    clip->stream.reset();
  }
  return result;
}

}  // namespace

/** openStream(engine, sinusoids [passes × embedding], gains [passes], label or −1) → stream */
napi_value openStream(const Values& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  const NetworkShape& shape = engine->shape;
  need(engine->target != nullptr, "the readable reference has no streams");
  auto clip = std::make_unique<Clip>();
  clip->engine = engine;
  int64_t size;
  const float* sinusoids = js.floats(arguments[1], -1, &size);
  need(size > 0 && size % shape.embedding == 0 && size / shape.embedding <= 65536, "bad sinusoids");
  clip->sinusoids.assign(sinusoids, sinusoids + size);
  clip->passes = int(size / shape.embedding);
  const float* gains = js.floats(arguments[2], clip->passes);
  clip->gains.assign(gains, gains + clip->passes);
  const int64_t label = js.integer(arguments[3]);
  need(label >= -1 && (label == -1 || label < shape.labels), "there is no such label");
  clip->label = label == -1 ? shape.labels : int(label);
  napi_value result;
  js.call(napi_create_external(
      js.env, clip.get(), [](napi_env, void* data, void*) { delete static_cast<Clip*>(data); }, nullptr, &result));
  clip.release();
  return result;
}

/**
 * predict(engine, stream, request) → Promise<samples written; −1 stopped, −2 out of memory, −3 refused; after these the
 * stream is gone>. request: { parameters, version, mels: [{ data, frames, last }], pass, audio, last, noise, cancelled }
 */
napi_value predict(const Values& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  auto f = std::make_unique<Feeding>(engine);
  f->clip = clipOf(js, arguments[1]);
  need(f->clip->engine == engine && engine->pool != nullptr, "the engine is gone");
  need(!f->clip->broken, "the stream was stopped");
  const napi_value request = arguments[2];
  f->parameters = js.floats(js.property(request, "parameters"), engine->parameterCount);
  f->version = js.integer(js.property(request, "version"));
  const napi_value mels = js.property(request, "mels");
  uint32_t count = 0;
  js.call(napi_get_array_length(js.env, mels, &count));
  for (uint32_t i = 0; i < count; i++) {
    napi_value from;
    js.call(napi_get_element(js.env, mels, i, &from));
    Feeding::Frames frames{};
    frames.count = js.integer(js.property(from, "frames"));
    need(engine->shape.conditioner != Conditioner::none && frames.count >= 0 && frames.count < (int64_t(1) << 32),
         "bad mel");
    frames.data = js.floats(js.property(from, "data"), frames.count * engine->shape.bands);
    js.call(napi_get_value_bool(js.env, js.property(from, "last"), &frames.last));
    f->mel.push_back(frames);
  }
  f->pass = js.integer(js.property(request, "pass"));
  need(f->pass >= 0 && f->pass < f->clip->passes, "there is no such pass");
  f->audio = js.floats(js.property(request, "audio"), -1, &f->samples);
  js.call(napi_get_value_bool(js.env, js.property(request, "last"), &f->last));
  f->noise = js.floats(js.property(request, "noise"), -1, &f->room);
  f->cancelled = static_cast<const std::atomic<bool>*>(js.array(js.property(request, "cancelled"), napi_uint8_array, 1));
  return Job::start(js, std::move(f), {request, arguments[0], arguments[1]});
}

/** closeStream(engine, stream): frees its memory now. */
napi_value closeStream(const Values& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  Clip* clip = clipOf(js, arguments[1]);
  need(clip->engine == engine && !engine->busy, "the engine is busy");
  clip->broken = true;
  clip->stream.reset();
  return nullptr;
}

}  // namespace diffwave
