// The entry points of the native engine, called through Node-API. They check every number that reaches a kernel against
// the size of its buffer. TypeScript has checked the values (src/engines/native/). Work runs on libuv's pool, never on
// the event loop. The caller runs one piece of work at a time per engine.
#include <algorithm>
#include <chrono>

#include "engine.h"
#include "entry-points.h"
#include "running-jobs.h"
#include "shape.h"

namespace diffwave {

Engine* engineOf(const Js& js, napi_value handle) {
  return js.unwrap<Engine>(handle, Handle::Kind::engine, "expected an engine");
}

namespace {

const Target* targetNamed(const std::string& name) {
  for (int i = 0; i < targetCount(); i++) {
    if (name == targetAt(i).name && targetAt(i).runs()) return &targetAt(i);
  }
  throw BindingError{"this processor does not run that instruction set"};
}

int readThreads(const Js& js, napi_value value) {
  return js.integer(value, 1, Pool::maxThreads, "bad number of threads");
}

/**
 * create({ shape, instructionSet: name or 'scalar', threads, memoryLimit in bytes, fast, winograd }) → engine. If
 * `fast`, the layers multiply bfloat16 numbers, if the instruction set can (`fastTargets`). Without `winograd`, streams
 * lag less and are slower (ForwardWeights).
 */
napi_value create(const Js& js, napi_value* arguments) {
  const napi_value options = arguments[0];
  auto engine = std::make_unique<Engine>();
  engine->shape = readShape(js, js.property(options, "shape"));
  engine->parameterCount = ParameterOffsets(engine->shape).count;
  const std::string name = js.text(js.property(options, "instructionSet"));
  const int threads = readThreads(js, js.property(options, "threads"));
  const bool fast = js.boolean(js.property(options, "fast"));
  engine->winograd = js.boolean(js.property(options, "winograd"));
  const double memoryLimit = js.number(js.property(options, "memoryLimit"));
  require(memoryLimit >= 0 && memoryLimit < 0x1p63, "bad memory limit");
  if (name != "scalar") {
    engine->target = targetNamed(name);
    const ForwardKernels* const bfloat = fast ? engine->target->fast() : nullptr;
    engine->forward = bfloat != nullptr ? bfloat : &engine->target->forward();
    engine->pool = std::make_unique<Pool>(threads);
    engine->training =
        std::make_unique<Training>(engine->shape, *engine->pool, engine->target->training(), uint64_t(memoryLimit));
  }
  return js.wrap(std::move(engine));
}

#ifndef __wasm__
/** Lists the names of the instruction sets that this processor runs and that are not hidden, best first. */
template <class Filter>
napi_value listTargets(const Js& js, const Filter& filter) {
  napi_value list;
  js.check(napi_create_array(js.env, &list));
  uint32_t count = 0;
  for (int i = 0; i < targetCount(); i++) {
    if (targetAt(i).hidden || !targetAt(i).runs() || !filter(targetAt(i))) continue;
    napi_value name;
    js.check(napi_create_string_utf8(js.env, targetAt(i).name, NAPI_AUTO_LENGTH, &name));
    js.check(napi_set_element(js.env, list, count++, name));
  }
  return list;
}

/** targets() → names of the instruction sets that this processor runs, best first */
napi_value targetNames(const Js& js, napi_value*) {
  return listTargets(js, [](const Target&) { return true; });
}

/** fastTargets() → names of those instruction sets that have products of bfloat16 */
napi_value fastTargetNames(const Js& js, napi_value*) {
  return listTargets(js, [](const Target& target) { return target.fast() != nullptr; });
}

/**
 * measurePeak(target, threads) → floating-point operations per second of multiply-adds on registers, on all threads
 * together. No kernel can exceed it. Blocks the event loop for some tenths of a second.
 */
napi_value measurePeak(const Js& js, napi_value* arguments) {
  const ForwardKernels& kernels = targetNamed(js.text(arguments[0]))->forward();
  Pool pool(readThreads(js, arguments[1]));
  // A round takes some milliseconds. The best of many was not disturbed by other processes.
  constexpr int rounds = 40, tasksPerThread = 16, iterations = 60000;
  double best = 0;
  for (int round = 0; round < rounds; round++) {
    std::vector<double> done(size_t(pool.threads()));
    const auto start = std::chrono::steady_clock::now();
    pool.forEach(pool.threads() * tasksPerThread, [&](int, int worker) {
      float sink[3] = {0.999f, 0.001f, 0};  // a ← 0.999 · a + 0.001 neither grows nor becomes denormal
      done[size_t(worker)] += kernels.multiplyAdds(iterations, sink);
    });
    double sum = 0;
    for (double d : done) sum += d;
    best = std::max(best, sum / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return js.create(best);
}

/** dispose(engine): frees threads and memory now, not when the handle is collected. */
napi_value dispose(const Js& js, napi_value* arguments) {
  Engine* engine = engineOf(js, arguments[0]);
  require(!engine->busy, "the engine is busy");
  engine->training.reset();
  engine->weights.reset();
  engine->pool.reset();
  return nullptr;
}
#endif

/**
 * Marks that this thread is inside an entry point. A getter of a request must not call another one: it could dispose
 * the engine, or close the stream, that the first one is about to use.
 */
class Entry {
 public:
  Entry() {
    require(!inside, "a getter of a request called the addon");
    inside = true;
  }
  ~Entry() { inside = false; }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  static inline thread_local bool inside = false;
};

/** Calls an entry point with up to four arguments. Its C++ exceptions become JavaScript errors. */
template <napi_value (*function)(const Js&, napi_value*)>
napi_value guarded(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  try {
    const Entry entry;
    const Js js{env};
    js.check(napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr));
    return function(js, arguments);
  } catch (const BindingError& error) {
    napi_throw_error(env, nullptr, error.message.c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

template <napi_value (*function)(const Js&, napi_value*)>
constexpr napi_property_descriptor method(const char* name) {
  return {name, nullptr, guarded<function>, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

napi_value init(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      // clang-format off
      method<constants>("constants"),
      method<create>("create"),
      method<run>("run"),
      method<runForward>("runForward"),
      method<runBackward>("runBackward"),
      method<openStream>("openStream"),
      method<predict>("predict"),
      method<closeStream>("closeStream"),
      method<openFrameChain>("openFrameChain"),
      method<pushFrameChain>("pushFrameChain"),
      method<closeFrameChain>("closeFrameChain"),
#ifndef __wasm__  // src/engines/wasm/worker-program.ts does not call them, and a page would load them for nothing
      method<targetNames>("targets"),
      method<fastTargetNames>("fastTargets"),
      method<gradientNorm>("gradientNorm"),
      method<addGradients>("addGradients"),
      method<scaleGradients>("scaleGradients"),
      method<adamUpdate>("adamUpdate"),
      method<gaussian>("gaussian"),
      method<packWeights>("packWeights"),
      method<predictTogether>("predictTogether"),
      method<openSpectralFrames>("openSpectralFrames"),
      method<spectralTerms>("spectralTerms"),
      method<correctionGradient>("correctionGradient"),
      method<openEnvelope>("openEnvelope"),
      method<envelopePowers>("envelopePowers"),
      method<openWindowFilter>("openWindowFilter"),
      method<filterWindows>("filterWindows"),
      method<measurePeak>("measurePeak"),
      method<dispose>("dispose"),
#endif
#ifdef __GLIBC__
      method<releaseFreeMemory>("releaseFreeMemory"),
#endif
      // clang-format on
  };
  RunningJobs::watch(env);
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
