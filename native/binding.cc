// The Node-API face of the native engine. Every number that reaches a kernel is checked here against the buffers' sizes; the
// values were checked in TypeScript (src/engines/native.ts). Work runs on libuv's pool, never on the event loop; the
// caller runs one piece of work an engine at a time.
#include <node_api.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "reference.h"
#include "stream.h"
#include "targets.h"
#include "training.h"

namespace diffwave {
namespace {

/** Thrown here, turned into a JavaScript error at the border. */
struct Failure {
  std::string message;
};

void need(bool good, const char* what) {
  if (!good) throw Failure{what};
}

struct Values {
  napi_env env;

  void call(napi_status status) const { need(status == napi_ok, "a Node-API call failed"); }
  napi_value property(napi_value object, const char* name) const {
    napi_value value;
    call(napi_get_named_property(env, object, name, &value));
    return value;
  }
  bool isNothing(napi_value value) const {
    napi_valuetype type;
    call(napi_typeof(env, value, &type));
    return type == napi_undefined || type == napi_null;
  }
  int64_t integer(napi_value value) const {
    int64_t result;
    need(napi_get_value_int64(env, value, &result) == napi_ok, "a number was expected");
    return result;
  }
  double number(napi_value value) const {
    double result;
    need(napi_get_value_double(env, value, &result) == napi_ok, "a number was expected");
    return result;
  }
  /** The floats of a Float32Array of exactly `size` (−1: any size, told in `found`). */
  float* floats(napi_value value, int64_t size, int64_t* found = nullptr) const {
    return static_cast<float*>(array(value, napi_float32_array, size, found));
  }
  void* array(napi_value value, napi_typedarray_type type, int64_t size, int64_t* found = nullptr) const {
    bool is = false;
    call(napi_is_typedarray(env, value, &is));
    need(is, "a typed array was expected");
    napi_typedarray_type actual;
    size_t length;
    void* data;
    call(napi_get_typedarray_info(env, value, &actual, &length, &data, nullptr, nullptr));
    need(actual == type, "a typed array has the wrong type");
    need(size < 0 || int64_t(length) == size, "a typed array has the wrong length");
    if (found != nullptr) *found = int64_t(length);
    return data;
  }
};

struct Engine {
  NetworkShape shape;
  int64_t parameterCount = 0;
  const Target* target = nullptr;  // null: the readable reference
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Training> training;
  std::shared_ptr<const ForwardWeights> weights;  // packed from the parameters of `version`
  int64_t version = -1;
  bool busy = false;
};

/** Order of the numbers: src/engines/native.ts, `shapeNumbers`. */
NetworkShape readShape(const int32_t* n) {
  NetworkShape s;
  s.channels = n[0];
  s.layers = n[1];
  s.dilationCycle = n[2];
  s.patch = n[3];
  s.embedding = n[4];
  s.hidden = n[5];
  s.tanhFirst = n[6] != 0;
  s.residualAfterStep = n[7] != 0;
  need(n[8] >= 0 && n[8] <= 2, "bad conditioner");
  s.conditioner = Conditioner(n[8]);
  s.bands = n[9];
  s.hop = n[10];
  s.upsamplerPerLayer = n[11] != 0;
  s.labels = n[12];
  s.strides = n[13];
  s.encoders = n[14];
  need(s.channels > 0 && s.layers > 0 && s.layers <= NetworkShape::maxLayers && s.dilationCycle > 0 &&
           s.dilationCycle <= 24 && s.patch > 0 && s.embedding > 0 && s.hidden > 0 && s.labels >= 0 && s.strides >= 0 &&
           s.strides <= NetworkShape::maxStrides && s.encoders >= 0 && s.encoders <= NetworkShape::maxEncoder,
       "bad network shape");
  if (s.conditioner != Conditioner::none) need(s.bands > 0 && s.hop > 0 && s.hop % s.patch == 0, "bad mel shape");
  int64_t product = 1;
  for (int i = 0; i < s.strides; i++) {
    s.stride[i] = n[15 + i];
    need(s.stride[i] > 0, "bad stride");
    product *= s.stride[i];
  }
  if (s.conditioner == Conditioner::transposed) need(s.strides > 0 && product == s.hop, "strides do not make the hop");
  for (int i = 0; i < s.encoders; i++) {
    s.encoderChannels[i] = n[15 + NetworkShape::maxStrides + i];
    need(s.encoderChannels[i] > 0, "bad encoder");
  }
  return s;
}
constexpr int shapeNumbers = 15 + NetworkShape::maxStrides + NetworkShape::maxEncoder;

Engine* engineOf(const Values& js, napi_value value) {
  void* pointer = nullptr;
  need(napi_get_value_external(js.env, value, &pointer) == napi_ok && pointer != nullptr, "an engine was expected");
  return static_cast<Engine*>(pointer);
}

/** create(shape: Int32Array, target: name or 'scalar', threads, memoryLimit in bytes) → engine */
napi_value create(const Values& js, napi_value* arguments) {
  auto engine = std::make_unique<Engine>();
  engine->shape = readShape(static_cast<int32_t*>(js.array(arguments[0], napi_int32_array, shapeNumbers)));
  engine->parameterCount = ParameterPlaces(engine->shape).count;
  char name[32];
  size_t length;
  js.call(napi_get_value_string_utf8(js.env, arguments[1], name, sizeof name, &length));
  const int64_t threads = js.integer(arguments[2]);
  need(threads >= 1 && threads <= 256, "bad number of threads");
  if (std::string(name) != "scalar") {
    for (int i = 0; i < targetCount(); i++) {
      if (name == std::string(targetAt(i).name) && targetAt(i).runs()) engine->target = &targetAt(i);
    }
    need(engine->target != nullptr, "this processor does not run that instruction set");
    engine->pool = std::make_unique<Pool>(int(threads));
    engine->training = std::make_unique<Training>(engine->shape, *engine->pool, engine->target->training(),
                                                  size_t(js.number(arguments[3])));
  }
  napi_value result;
  js.call(napi_create_external(
      js.env, engine.get(), [](napi_env, void* data, void*) { delete static_cast<Engine*>(data); }, nullptr, &result));
  engine.release();
  return result;
}

/** targets() → names of the instruction sets this processor runs, best first */
napi_value targetNames(const Values& js, napi_value*) {
  napi_value list;
  js.call(napi_create_array(js.env, &list));
  uint32_t count = 0;
  for (int i = 0; i < targetCount(); i++) {
    if (targetAt(i).hidden || !targetAt(i).runs()) continue;
    napi_value name;
    js.call(napi_create_string_utf8(js.env, targetAt(i).name, NAPI_AUTO_LENGTH, &name));
    js.call(napi_set_element(js.env, list, count++, name));
  }
  return list;
}

/** One piece of work: noise, or loss and gradients, of a batch. */
struct Work {
  Engine* engine;
  const float* parameters;
  std::vector<TrainingBatch::Clip> clips;
  bool squared = false;
  float* gradients = nullptr;  // null: noise
  float* clipLosses = nullptr;
  const std::atomic<bool>* cancelled;
  double loss = 0;
  TrainingOutcome outcome = TrainingOutcome::done;
  napi_ref request = nullptr;  // keeps every array alive
  napi_ref handle = nullptr;
  napi_deferred promise = nullptr;
  napi_async_work job = nullptr;
};

ReferenceClip<float> referenceClip(const TrainingBatch::Clip& clip, const NetworkShape& shape) {
  ReferenceClip<float> r;
  r.audio.assign(clip.audio, clip.audio + clip.samples);
  if (clip.target != nullptr) r.target.assign(clip.target, clip.target + clip.samples);
  if (clip.weight != nullptr) r.weight.assign(clip.weight, clip.weight + clip.samples);
  r.sinusoids.assign(clip.sinusoids, clip.sinusoids + shape.embedding);
  if (clip.mel != nullptr) r.mel.assign(clip.mel, clip.mel + clip.frames * shape.bands);
  r.frames = clip.frames;
  r.melOffset = clip.melOffset;
  r.label = clip.label;
  return r;
}

void runReference(Work& work) {
  std::vector<ReferenceClip<float>> clips;
  for (const auto& clip : work.clips) clips.push_back(referenceClip(clip, work.engine->shape));
  if (work.gradients != nullptr) {
    work.loss = referenceLossGradients(work.engine->shape, work.parameters, clips, work.squared, work.gradients,
                                       work.clipLosses);
    return;
  }
  for (size_t i = 0; i < clips.size(); i++) {
    const auto noise = referenceNoise(work.engine->shape, work.parameters, clips[i]);
    std::copy(noise.begin(), noise.end(), work.clips[i].noise);
  }
}

void execute(napi_env, void* data) {
  Work& work = *static_cast<Work*>(data);
  try {
    const TrainingBatch batch{work.clips.data(), int(work.clips.size()), work.squared};
    if (work.engine->training == nullptr) {
      runReference(work);
    } else if (work.gradients != nullptr) {
      work.outcome = work.engine->training->lossGradients(work.parameters, batch, work.gradients, &work.loss,
                                                          work.clipLosses, work.cancelled);
    } else {
      work.outcome = work.engine->training->predictNoise(work.parameters, batch, work.cancelled);
    }
  } catch (const std::bad_alloc&) {
    work.outcome = TrainingOutcome::outOfMemory;
  }
}

/** The promise gives the loss, or −1 when cancelled, or −2 when memory does not suffice. */
void complete(napi_env env, napi_status, void* data) {
  std::unique_ptr<Work> work(static_cast<Work*>(data));
  work->engine->busy = false;
  napi_value result;
  const double value = work->outcome == TrainingOutcome::done        ? work->loss
                       : work->outcome == TrainingOutcome::cancelled ? -1
                                                                     : -2;
  napi_create_double(env, value, &result);
  napi_delete_async_work(env, work->job);
  napi_delete_reference(env, work->request);
  napi_delete_reference(env, work->handle);
  napi_resolve_deferred(env, work->promise, result);
}

/**
 * run(engine, request) → Promise<number>. request: { parameters, clips: [{ audio, sinusoids, label, target?, weight?, mel?,
 * frames, melOffset, noise? }], squared, gradients?, clipLosses?, cancelled: Uint8Array }
 */
napi_value run(const Values& js, napi_value* arguments) {
  auto work = std::make_unique<Work>();
  Engine* engine = work->engine = engineOf(js, arguments[0]);
  need(!engine->busy, "the engine is busy");
  const NetworkShape& shape = engine->shape;
  const napi_value request = arguments[1];
  work->parameters = js.floats(js.property(request, "parameters"), engine->parameterCount);
  const napi_value gradients = js.property(request, "gradients"), clips = js.property(request, "clips");
  const bool learns = !js.isNothing(gradients);
  uint32_t count = 0;
  js.call(napi_get_array_length(js.env, clips, &count));
  need(count > 0, "a batch is empty");
  if (learns) {
    work->gradients = js.floats(gradients, engine->parameterCount);
    work->clipLosses = js.floats(js.property(request, "clipLosses"), count);
    js.call(napi_get_value_bool(js.env, js.property(request, "squared"), &work->squared));
  }
  work->cancelled = static_cast<const std::atomic<bool>*>(js.array(js.property(request, "cancelled"), napi_uint8_array, 1));
  for (uint32_t i = 0; i < count; i++) {
    napi_value from;
    js.call(napi_get_element(js.env, clips, i, &from));
    TrainingBatch::Clip clip{};
    clip.audio = js.floats(js.property(from, "audio"), -1, &clip.samples);
    need(clip.samples > 0 && clip.samples % shape.patch == 0, "audio has the wrong length");
    clip.sinusoids = js.floats(js.property(from, "sinusoids"), shape.embedding);
    clip.label = int(js.integer(js.property(from, "label")));
    need(clip.label >= -1 && (clip.label == -1 || clip.label < shape.labels), "there is no such label");
    if (learns) {
      clip.target = js.floats(js.property(from, "target"), clip.samples);
      const napi_value weight = js.property(from, "weight");
      if (!js.isNothing(weight)) clip.weight = js.floats(weight, clip.samples);
    } else {
      clip.noise = js.floats(js.property(from, "noise"), clip.samples);
    }
    if (shape.conditioner != Conditioner::none) {
      clip.frames = js.integer(js.property(from, "frames"));
      clip.melOffset = js.integer(js.property(from, "melOffset"));
      need(clip.frames > 0 && clip.frames < (int64_t(1) << 32) && clip.melOffset >= 0 &&
               clip.melOffset % shape.hop == 0 && clip.melOffset + clip.samples <= clip.frames * shape.hop,
           "audio passes its mel");
      clip.mel = js.floats(js.property(from, "mel"), clip.frames * shape.bands);
    }
    work->clips.push_back(clip);
  }
  napi_value promise, name;
  js.call(napi_create_promise(js.env, &work->promise, &promise));
  js.call(napi_create_reference(js.env, request, 1, &work->request));
  js.call(napi_create_reference(js.env, arguments[0], 1, &work->handle));
  js.call(napi_create_string_utf8(js.env, "diffwave", NAPI_AUTO_LENGTH, &name));
  js.call(napi_create_async_work(js.env, nullptr, name, execute, complete, work.get(), &work->job));
  js.call(napi_queue_async_work(js.env, work->job));
  engine->busy = true;
  work.release();
  return promise;
}

/** A clip under way. Made on first use, off the event loop. */
struct Clip {
  std::vector<float> sinusoids;
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

/** openStream(engine, sinusoids [passes × embedding], label or −1) → stream */
napi_value openStream(const Values& js, napi_value* arguments) {
  const Engine* engine = engineOf(js, arguments[0]);
  const NetworkShape& shape = engine->shape;
  need(engine->target != nullptr, "the readable reference has no streams");
  auto clip = std::make_unique<Clip>();
  int64_t size;
  const float* sinusoids = js.floats(arguments[1], -1, &size);
  need(size > 0 && size % shape.embedding == 0 && size / shape.embedding <= 65536, "bad sinusoids");
  clip->sinusoids.assign(sinusoids, sinusoids + size);
  clip->passes = int(size / shape.embedding);
  const int64_t label = js.integer(arguments[2]);
  need(label >= -1 && (label == -1 || label < shape.labels), "there is no such label");
  clip->label = label == -1 ? shape.labels : int(label);
  napi_value result;
  js.call(napi_create_external(
      js.env, clip.get(), [](napi_env, void* data, void*) { delete static_cast<Clip*>(data); }, nullptr, &result));
  clip.release();
  return result;
}

/** One piece of audio through one pass, and the mel that came before it. */
struct Feeding {
  struct Frames {
    const float* data;
    int64_t count;
    bool last;
  };
  Engine* engine;
  Clip* clip;
  const float* parameters;
  int64_t version;
  std::vector<Frames> mel;
  int64_t pass, samples, room;
  bool last;
  const float* audio;
  float* noise;
  const std::atomic<bool>* cancelled;
  int64_t written = 0;
  napi_ref request = nullptr, handle = nullptr, stream = nullptr;
  napi_deferred promise = nullptr;
  napi_async_work job = nullptr;
};
constexpr int64_t wasCancelled = -1, outOfMemory = -2, refused = -3;

void executeFeeding(napi_env, void* data) {
  Feeding& f = *static_cast<Feeding*>(data);
  Engine& engine = *f.engine;
  try {
    if (f.clip->stream == nullptr) {
      if (engine.version != f.version) {
        engine.weights = std::make_shared<ForwardWeights>(engine.shape, f.parameters, engine.target->forward());
        engine.version = f.version;
      }
      f.clip->stream = std::make_unique<Stream>(engine.weights, *engine.pool, f.clip->sinusoids.data(), f.clip->passes,
                                                f.clip->label);
    }
    Stream& stream = *f.clip->stream;
    for (const auto& frames : f.mel) stream.pushMel(frames.data, frames.count, frames.last);
    if (!stream.accepts(int(f.pass), f.samples, f.last) || f.room < f.samples + stream.latency()) {
      f.written = refused;
    } else if (stream.predict(int(f.pass), f.audio, f.samples, f.last, f.noise, &f.written, f.cancelled) ==
               StreamOutcome::cancelled) {
      f.written = wasCancelled;
    }
  } catch (const std::bad_alloc&) {
    f.written = outOfMemory;
  }
  if (f.written < 0) {
    f.clip->broken = true;
    f.clip->stream.reset();
  }
}

void completeFeeding(napi_env env, napi_status, void* data) {
  std::unique_ptr<Feeding> f(static_cast<Feeding*>(data));
  f->engine->busy = false;
  napi_value result;
  napi_create_int64(env, f->written, &result);
  napi_delete_async_work(env, f->job);
  napi_delete_reference(env, f->request);
  napi_delete_reference(env, f->handle);
  napi_delete_reference(env, f->stream);
  napi_resolve_deferred(env, f->promise, result);
}

/**
 * predict(engine, stream, request) → Promise<samples written; −1 stopped, −2 out of memory, −3 refused; after these the
 * stream is gone>. request: { parameters, version, mels: [{ data, frames, last }], pass, audio, last, noise, cancelled }
 */
napi_value predict(const Values& js, napi_value* arguments) {
  auto f = std::make_unique<Feeding>();
  Engine* engine = f->engine = engineOf(js, arguments[0]);
  f->clip = clipOf(js, arguments[1]);
  need(!engine->busy && engine->pool != nullptr, "the engine is busy or gone");
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
  napi_value promise, name;
  js.call(napi_create_promise(js.env, &f->promise, &promise));
  js.call(napi_create_reference(js.env, request, 1, &f->request));
  js.call(napi_create_reference(js.env, arguments[0], 1, &f->handle));
  js.call(napi_create_reference(js.env, arguments[1], 1, &f->stream));
  js.call(napi_create_string_utf8(js.env, "diffwave", NAPI_AUTO_LENGTH, &name));
  js.call(napi_create_async_work(js.env, nullptr, name, executeFeeding, completeFeeding, f.get(), &f->job));
  js.call(napi_queue_async_work(js.env, f->job));
  engine->busy = true;
  f.release();
  return promise;
}

/** closeStream(engine, stream): frees its memory now. */
napi_value closeStream(const Values& js, napi_value* arguments) {
  need(!engineOf(js, arguments[0])->busy, "the engine is busy");
  Clip* clip = clipOf(js, arguments[1]);
  clip->broken = true;
  clip->stream.reset();
  return nullptr;
}

/** measurePeak(engine) → FLOP/s of multiply-adds on registers, all of the engine's threads together. Blocks for 0.3 s. */
napi_value measurePeak(const Values& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  need(!engine->busy && engine->pool != nullptr && engine->target != nullptr, "the engine is busy or gone");
  const ForwardKernels& kernels = engine->target->forward();
  double best = 0;
  for (int attempt = 0; attempt < 6; attempt++) {
    std::vector<double> done(size_t(engine->pool->threads()));
    const auto start = std::chrono::steady_clock::now();
    engine->pool->forEach(engine->pool->threads() * 8, [&](int, int worker) {
      float sink[3] = {0.999f, 0.001f, 0};
      done[size_t(worker)] += kernels.multiplyAdds(1000000, sink);
    });
    double sum = 0;
    for (double d : done) sum += d;
    best = std::max(best, sum / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  napi_value result;
  js.call(napi_create_double(js.env, best, &result));
  return result;
}

/** dispose(engine): frees threads and memory now, not when the handle is collected. */
napi_value dispose(const Values& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  need(!engine->busy, "the engine is busy");
  engine->training.reset();
  engine->pool.reset();
  return nullptr;
}

template <napi_value (*function)(const Values&, napi_value*)>
napi_value guarded(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  try {
    const Values js{env};
    js.call(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
    return function(js, arguments);
  } catch (const Failure& failure) {
    napi_throw_error(env, nullptr, failure.message.c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

napi_value init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"create", nullptr, guarded<create>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"targets", nullptr, guarded<targetNames>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"run", nullptr, guarded<run>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"openStream", nullptr, guarded<openStream>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"predict", nullptr, guarded<predict>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"closeStream", nullptr, guarded<closeStream>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"measurePeak", nullptr, guarded<measurePeak>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"dispose", nullptr, guarded<dispose>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}

}  // namespace
}  // namespace diffwave

extern "C" {
NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1() { return 8; }
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  return diffwave::init(env, exports);
}
}
