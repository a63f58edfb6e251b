// The Node-API face of the native engine. Every number that reaches a kernel is checked here against the buffers' sizes; the
// values were checked in TypeScript (src/engines/native.ts). Work runs on libuv's pool, never on the event loop; the
// caller runs one piece of work an engine at a time.
#include "binding.h"

#include <algorithm>
#include <chrono>

#include "reference.h"

namespace diffwave {

Engine* engineOf(const Values& js, napi_value value) {
  void* pointer = nullptr;
  need(napi_get_value_external(js.env, value, &pointer) == napi_ok && pointer != nullptr, "an engine was expected");
  return static_cast<Engine*>(pointer);
}

void Job::work(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  try {
    job.result_ = job.execute();
  } catch (const std::bad_alloc&) {
    job.result_ = outOfMemory;
  }
}

void Job::finish(napi_env env, napi_status, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  job->engine->busy = false;
  napi_value result;
  napi_create_double(env, job->result_, &result);
  napi_delete_async_work(env, job->handle_);
  for (napi_ref kept : job->kept_) napi_delete_reference(env, kept);
  napi_resolve_deferred(env, job->promise_, result);
}

napi_value Job::start(const Values& js, std::unique_ptr<Job> job, std::initializer_list<napi_value> kept) {
  need(!job->engine->busy, "the engine is busy");
  napi_value promise, name;
  js.call(napi_create_promise(js.env, &job->promise_, &promise));
  for (napi_value value : kept) {
    napi_ref reference;
    js.call(napi_create_reference(js.env, value, 1, &reference));
    job->kept_.push_back(reference);
  }
  js.call(napi_create_string_utf8(js.env, "diffwave", NAPI_AUTO_LENGTH, &name));
  js.call(napi_create_async_work(js.env, nullptr, name, work, finish, job.get(), &job->handle_));
  js.call(napi_queue_async_work(js.env, job->handle_));
  job->engine->busy = true;
  job.release();
  return promise;
}

namespace {

/** Numbers before the lists. */
constexpr int plainNumbers = 16;

/** Order of the numbers: src/engines/native-addon.ts, `shapeNumbers`. */
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
  s.inputMask = n[15] != 0;
  need(s.channels > 0 && s.layers > 0 && s.layers <= NetworkShape::maxLayers && s.dilationCycle > 0 &&
           s.dilationCycle <= 24 && s.patch > 0 && s.embedding > 0 && s.hidden > 0 && s.labels >= 0 && s.strides >= 0 &&
           s.strides <= NetworkShape::maxStrides && s.encoders >= 0 && s.encoders <= NetworkShape::maxEncoder,
       "bad network shape");
  if (s.conditioner != Conditioner::none) need(s.bands > 0 && s.hop > 0 && s.hop % s.patch == 0, "bad mel shape");
  int64_t product = 1;
  for (int i = 0; i < s.strides; i++) {
    s.stride[i] = n[plainNumbers + i];
    need(s.stride[i] > 0, "bad stride");
    product *= s.stride[i];
  }
  if (s.conditioner == Conditioner::transposed) need(s.strides > 0 && product == s.hop, "strides do not make the hop");
  for (int i = 0; i < s.encoders; i++) {
    s.encoderChannels[i] = n[plainNumbers + NetworkShape::maxStrides + i];
    need(s.encoderChannels[i] > 0, "bad encoder");
  }
  return s;
}
constexpr int shapeNumbers = plainNumbers + NetworkShape::maxStrides + NetworkShape::maxEncoder;

const Target* targetNamed(const std::string& name) {
  for (int i = 0; i < targetCount(); i++) {
    if (name == targetAt(i).name && targetAt(i).runs()) return &targetAt(i);
  }
  throw Failure{"this processor does not run that instruction set"};
}

/** create(shape: Int32Array, target: name or 'scalar', threads, memoryLimit in bytes) → engine */
napi_value create(const Values& js, napi_value* arguments) {
  auto engine = std::make_unique<Engine>();
  engine->shape = readShape(static_cast<int32_t*>(js.array(arguments[0], napi_int32_array, shapeNumbers)));
  engine->parameterCount = ParameterPlaces(engine->shape).count;
  const std::string name = js.text(arguments[1]);
  const int64_t threads = js.integer(arguments[2]);
  need(threads >= 1 && threads <= 256, "bad number of threads");
  if (name != "scalar") {
    engine->target = targetNamed(name);
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

/** Loss and gradients of a batch, or half of that; of the readable reference, which has no streams, also noise. */
struct Batch : Job {
  enum class Part { whole, forward, backward };

  Batch(Engine* engine, Part part) : Job(engine), part(part) {}
  double execute() override;
  TrainingBatch batch() const { return {clips.data(), int(clips.size()), squared}; }

  const Part part;
  const float* parameters;
  std::vector<TrainingBatch::Clip> clips;
  bool squared = false;
  float* gradients = nullptr;  // null: noise
  float* clipLosses = nullptr;
};

ReferenceClip<float> referenceClip(const TrainingBatch::Clip& clip, const NetworkShape& shape) {
  ReferenceClip<float> r;
  r.audio.assign(clip.audio, clip.audio + clip.samples);
  if (clip.target != nullptr) r.target.assign(clip.target, clip.target + clip.samples);
  if (clip.weight != nullptr) r.weight.assign(clip.weight, clip.weight + clip.samples);
  r.sinusoids.assign(clip.sinusoids, clip.sinusoids + shape.embedding);
  r.gain = clip.gain;
  if (clip.mel != nullptr) r.mel.assign(clip.mel, clip.mel + clip.frames * shape.bands);
  r.frames = clip.frames;
  r.melOffset = clip.melOffset;
  r.label = clip.label;
  return r;
}

double Batch::execute() {
  if (engine->training != nullptr) {
    double loss = 0;
    Training& training = *engine->training;
    const TrainingOutcome outcome =
        part == Part::forward    ? training.forward(parameters, batch(), cancelled)
        : part == Part::backward ? training.backward(parameters, batch(), gradients, cancelled)
                                 : training.lossGradients(parameters, batch(), gradients, &loss, clipLosses, cancelled);
    switch (outcome) {
      case TrainingOutcome::done: return loss;
      case TrainingOutcome::cancelled: return wasCancelled;
      case TrainingOutcome::outOfMemory: return outOfMemory;
    }
  }
  std::vector<ReferenceClip<float>> references;
  for (const auto& clip : clips) references.push_back(referenceClip(clip, engine->shape));
  if (gradients != nullptr) {
    return referenceLossGradients(engine->shape, parameters, references, squared, gradients, clipLosses);
  }
  for (size_t i = 0; i < clips.size(); i++) {
    const auto noise = referenceNoise(engine->shape, parameters, references[i]);
    std::copy(noise.begin(), noise.end(), clips[i].noise);
  }
  return 0;
}

/** Reads { parameters, clips: [{ audio, sinusoids, gain, label, target?, weight?, mel?, frames, melOffset, noise? }], squared?,
 * gradients?, clipLosses?, cancelled: Uint8Array } and starts the work. */
napi_value startBatch(const Values& js, napi_value* arguments, Batch::Part part) {
  Engine* engine = engineOf(js, arguments[0]);
  auto work = std::make_unique<Batch>(engine, part);
  const NetworkShape& shape = engine->shape;
  const napi_value request = arguments[1];
  work->parameters = js.floats(js.property(request, "parameters"), engine->parameterCount);
  const napi_value gradients = js.property(request, "gradients"), clips = js.property(request, "clips");
  const bool learns = part != Batch::Part::forward && !js.isNothing(gradients);
  uint32_t count = 0;
  js.call(napi_get_array_length(js.env, clips, &count));
  need(count > 0, "a batch is empty");
  need(part == Batch::Part::whole ? learns || engine->target == nullptr : engine->training != nullptr,
       "noise comes from streams");
  if (learns) work->gradients = js.floats(gradients, engine->parameterCount);
  if (learns && part == Batch::Part::whole) {
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
    clip.gain = float(js.number(js.property(from, "gain")));
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
  need(part != Batch::Part::backward || (learns && engine->training->awaits(work->batch())), "no such batch went forward");
  return Job::start(js, std::move(work), {request, arguments[0]});
}

/** run(engine, request) → Promise<the loss; −1 stopped, −2 memory does not suffice> */
napi_value run(const Values& js, napi_value* arguments) { return startBatch(js, arguments, Batch::Part::whole); }

/** runForward(engine, request) → Promise<0, −1 or −2>: ε to each clip's noise */
napi_value runForward(const Values& js, napi_value* arguments) {
  return startBatch(js, arguments, Batch::Part::forward);
}

/** runBackward(engine, the same request with ∂loss/∂ε as targets, and gradients) → Promise<0 or −1> */
napi_value runBackward(const Values& js, napi_value* arguments) {
  return startBatch(js, arguments, Batch::Part::backward);
}

/**
 * measurePeak(target, threads) → FLOP/s of multiply-adds on registers, all threads together: what no kernel can pass.
 * Blocks for some tenths of a second.
 */
napi_value measurePeak(const Values& js, napi_value* arguments) {
  const ForwardKernels& kernels = targetNamed(js.text(arguments[0]))->forward();
  const int64_t threads = js.integer(arguments[1]);
  need(threads >= 1 && threads <= 256, "bad number of threads");
  Pool pool(static_cast<int>(threads));
  double best = 0;
  for (int attempt = 0; attempt < 8; attempt++) {
    std::vector<double> done(size_t(pool.threads()));
    const auto start = std::chrono::steady_clock::now();
    pool.forEach(pool.threads() * 16, [&](int, int worker) {
      float sink[3] = {0.999f, 0.001f, 0};
      done[size_t(worker)] += kernels.multiplyAdds(60000, sink);
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
      {"runForward", nullptr, guarded<runForward>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"runBackward", nullptr, guarded<runBackward>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
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
