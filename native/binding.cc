// The Node-API face of the native engine. Every number that reaches a kernel is checked here against the buffers' sizes; the
// values were checked in TypeScript (src/engines/native.ts). Work runs on libuv's pool, never on the event loop; the
// caller runs one piece of work an engine at a time.
#include <node_api.h>

#include <memory>
#include <string>

#include "reference.h"
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
    engine->training = std::make_unique<Training>(engine->shape, *engine->pool, *engine->target->training,
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
    if (!targetAt(i).runs()) continue;
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
