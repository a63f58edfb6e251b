#include "shape.h"

#include "../inference/conditioner.h"
#include "job.h"

namespace diffwave {

namespace {

/** Largest size that a config may have. With it no product of two sizes overflows an int. */
constexpr int64_t maxSize = 4096;

Conditioner conditionerNamed(const std::string& name) {
  if (name == "none") return Conditioner::none;
  if (name == "transposed") return Conditioner::transposed;
  require(name == "frame-rate", "unknown conditioner");
  return Conditioner::frameRate;
}

/** Reads an array of positive integers. Returns its length. */
int readList(const Js& js, napi_value list, int* to, int maxLength, const char* message) {
  const uint32_t length = js.length(list);
  require(length <= uint32_t(maxLength), message);
  for (uint32_t i = 0; i < length; i++) to[i] = js.integer(js.element(list, i), 1, maxSize, message);
  return int(length);
}

/** Reads the windows, if `kernel` is not 0. @param stride samples per position */
WindowsShape readWindows(const Js& js, napi_value object, int stride) {
  constexpr const char* message = "bad windows";
  WindowsShape w;
  w.kernel = js.integer(js.property(object, "kernel"), 0, maxSize, message);
  if (w.kernel == 0) return w;
  w.stride = stride;
  require(w.kernel % 2 == 0 && w.kernel % stride == 0 && (w.kernel - stride) % 2 == 0, message);
  w.bins = js.integer(js.property(object, "bins"), 1, w.kernel / 2 + 1, message);
  w.learned = js.boolean(js.property(object, "learnedWindows"));
  w.envelope = js.boolean(js.property(object, "envelope"));
  require(!w.envelope || !w.learned, message);
  return w;
}

}  // namespace

NetworkShape readShape(const Js& js, napi_value object) {
  constexpr int maxDilationCycle = 24;  // 2²³ positions: beyond any clip
  const auto positive = [&](const char* name, int64_t high = maxSize) {
    return js.integer(js.property(object, name), 1, high, "bad network shape");
  };
  NetworkShape s;
  s.channels = positive("channels");
  s.layers = positive("layers", NetworkShape::maxLayers);
  s.dilationCycle = positive("dilationCycle", maxDilationCycle);
  s.patch = positive("patch");
  s.embedding = positive("embedding");
  s.hidden = positive("hidden");
  s.windows = readWindows(js, object, s.patch);
  s.inputMask = js.boolean(js.property(object, "inputMask"));
  s.tanhFirst = js.boolean(js.property(object, "tanhFirst"));
  s.residualAfterStep = js.boolean(js.property(object, "residualAfterStep"));
  s.labels = js.integer(js.property(object, "labels"), 0, maxSize, "bad number of labels");
  s.conditioner = conditionerNamed(js.text(js.property(object, "conditioner")));
  if (s.conditioner == Conditioner::none) return s;
  s.bands = positive("bands");
  s.hop = positive("hop");
  require(s.hop % s.patch == 0, "the hop is not a multiple of the patch");
  s.upsamplerPerLayer = js.boolean(js.property(object, "upsamplerPerLayer"));
  s.strides = readList(js, js.property(object, "strides"), s.stride, NetworkShape::maxStrides, "bad strides");
  s.encoders =
      readList(js, js.property(object, "encoder"), s.encoderChannels, NetworkShape::maxEncoder, "bad mel encoder");
  if (s.conditioner == Conditioner::transposed) {
    int64_t product = 1;
    // A product beyond the hop stays beyond it. Up to there it cannot overflow.
    for (int i = 0; i < s.strides && product <= s.hop; i++) product *= s.stride[i];
    require(s.strides > 0 && product == s.hop, "the strides do not multiply to the hop");
  }
  return s;
}

napi_value constants(const Js& js, napi_value*) {
  napi_value object;
  js.check(napi_create_object(js.env, &object));
  const auto set = [&](const char* name, double value) { js.set(object, name, js.create(value)); };
  set("cancelled", resultCancelled);
  set("outOfMemory", resultOutOfMemory);
  set("refused", resultRefused);
  set("maxWinogradDilation", winogradMaxDilation);
  set("maxChunkPositions", maxChunkPositions);
  set("binsPerRatio", binsPerRatio);
  set("maxThreads", Pool::maxThreads);
  set("maxStrides", NetworkShape::maxStrides);
  set("maxEncoder", NetworkShape::maxEncoder);
  set("maxLayers", NetworkShape::maxLayers);
  return object;
}

}  // namespace diffwave
