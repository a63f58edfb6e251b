// Feeds the addon's functions with calls that are mostly right. Now and then one thing is wrong: a length is off by
// one, a number is beyond its range, a value has another type, a handle is of another kind, or a call comes at the
// wrong time. scripts/fuzz-native.mjs runs it under AddressSanitizer and UndefinedBehaviorSanitizer.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "values.h"

using namespace diffwave::fuzz;

namespace {

/** One network, and calls on it. */
class Session {
 public:
  Session(const uint8_t* data, size_t size) : input_(data, size) {}

  void run() {
    makeShape();
    engines_.push_back(create());
    for (int calls = 0; calls < 12 && input_.remaining_bytes() > 0; calls++) {
      switch (input_.ConsumeIntegralInRange(0, 18)) {
        case 0: openStream(); break;
        case 1:
        case 2:
        case 3: predict(); break;
        case 4:
        case 5: batch(); break;
        case 6: optimiser(); break;
        case 7: world_.call("closeStream", {handle(), stream()}); break;
        case 8: gaussian(); break;
        case 9:
          if (rarely()) world_.call("dispose", {handle()});
          break;
        case 10: openFrameChain(); break;
        case 11:
        case 12: pushFrameChain(); break;
        case 13: envelope(); break;
        case 14: windowFilter(); break;
        case 15: packWeights(); break;
        case 16: spectralTerms(); break;
        case 17: correctionGradient(); break;
        case 18: predictTogether(); break;
      }
      // Otherwise the engine is busy at the next call.
      if (!rarely()) world_.work();
    }
  }

 private:
  bool rarely() { return input_.ConsumeIntegralInRange(0, 15) == 15; }
  bool coin() { return input_.ConsumeBool(); }
  int64_t between(int64_t low, int64_t high) { return input_.ConsumeIntegralInRange<int64_t>(low, high); }

  /** Returns the value, or now and then something else instead. */
  Value* odd(Value* value) {
    if (!rarely()) return value;
    switch (input_.ConsumeIntegralInRange(0, 7)) {
      case 0: return world_.undefined();
      case 1: return world_.text("?");
      case 2: return world_.array({});
      case 3: return world_.number(NAN);
      case 4: return world_.floats(size_t(between(0, 40)));
      case 5: return world_.object();
      case 6: return world_.boolean(true);
      default: return number(0);
    }
  }

  /** Makes a number, or now and then one at some limit. */
  Value* number(double value) {
    static constexpr double limits[] = {-1,         0,      1,      7,      255,    65535,  65536, 0x1p24,
                                        0x1p31 - 1, 0x1p31, 0x1p32, 0x1p53, 0x1p62, 0x1p63, 1e300, -0x1p40};
    return world_.number(rarely() ? limits[input_.ConsumeIntegralInRange(0, 15)] : value);
  }
  /** Makes an array, which now and then is a little too short or too long, or has numbers of all kinds. */
  Value* floats(int64_t length) {
    Value* const made = world_.floats(sizeNear(length));
    spoil<float>(*made);
    return odd(made);
  }
  Value* doubles(int64_t length) {
    Value* const made = world_.doubles(sizeNear(length));
    spoil<double>(*made);
    return odd(made);
  }
  size_t sizeNear(int64_t length) {
    if (rarely()) length += between(-2, 2);
    return size_t(std::clamp<int64_t>(length, 0, 1 << 20));
  }
  template <class Number>
  void spoil(Value& array) {
    if (!rarely()) return;
    constexpr Number kinds[] = {NAN,
                                INFINITY,
                                -INFINITY,
                                Number(-0.0),
                                0,
                                std::numeric_limits<Number>::max(),
                                std::numeric_limits<Number>::denorm_min()};
    Number* const numbers = reinterpret_cast<Number*>(array.bytes.get());
    const size_t step = size_t(between(1, 9));
    for (size_t i = 0, kind = size_t(between(0, 6)); i < array.length; i += step) numbers[i] = kinds[kind++ % 7];
  }
  Value* handle() { return odd(rarely() && !streams_.empty() ? streams_.back() : any(engines_)); }
  Value* stream() { return odd(rarely() || streams_.empty() ? any(engines_) : any(streams_)); }
  Value* any(const std::vector<Value*>& list) { return list[size_t(between(0, int64_t(list.size()) - 1))]; }

  /** Sets a member of an object. The fuzzer may replace its value, or make it detach a member that was set before. */
  void set(Value* object, const char* name, Value* value) {
    Value* const made = odd(value);
    if (rarely() && !object->properties.empty()) {
      const auto other = std::next(object->properties.begin(), between(0, int64_t(object->properties.size()) - 1));
      if (other->second->isTypedArray) made->detached = other->second;
    }
    object->properties[name] = made;
  }

  void makeShape();
  Value* create();
  int64_t parameterCount() const;
  void packWeights();
  void openStream();
  Value* feeding();
  void predict();
  void predictTogether();
  void batch();
  Value* clip(bool learns);
  void optimiser();
  void gaussian();
  void filters(Value* shape, int64_t bands, int64_t bins);
  void openFrameChain();
  void pushFrameChain();
  void envelope();
  void windowFilter();
  void spectralTerms();
  void correctionGradient();

  FuzzedDataProvider input_;
  World world_;
  /** A chain of passes over frames, and the settings that it was opened with. */
  struct Chain {
    Value* value;
    int64_t size, hop, bands, padding;
    bool corrects;
    int64_t fed = 0, frames = 0;
  };

  std::vector<Value*> engines_, streams_;
  std::vector<Chain> chains_;
  int64_t channels_, layers_, patch_, embedding_, hidden_, labels_, bands_ = 0, hop_ = 1, kernel_ = 0, bins_ = 0;
  bool mask_, learned_ = false, envelope_ = false, perLayer_ = false;
  std::string conditioner_;
  std::vector<int64_t> strides_, encoder_;
};

void Session::makeShape() {
  channels_ = between(1, 40);
  layers_ = between(1, 6);
  patch_ = between(1, 12);
  embedding_ = between(1, 6);
  hidden_ = between(1, 9);
  labels_ = between(0, 3);
  mask_ = coin();
  if (coin()) {
    // Windows of 2ⁱ ≥ 16 samples are transformed, others multiplied with matrices.
    const bool transformed = coin();
    patch_ = transformed ? int64_t(2) << between(0, 3) : patch_ + patch_ % 2;
    kernel_ = transformed ? std::max<int64_t>(16, patch_ << between(0, 3)) : patch_ * between(1, 4);
    bins_ = between(1, kernel_ / 2 + 1);
    learned_ = coin();
  }
  conditioner_ = input_.PickValueInArray({"none", "transposed", "frame-rate"});
  if (conditioner_ == "none") return;
  bands_ = between(1, 12);
  if (conditioner_ == "transposed") {
    strides_ = {patch_ * between(1, 4)};
    if (coin()) strides_.push_back(between(1, 4));
    hop_ = strides_[0] * (strides_.size() > 1 ? strides_[1] : 1);
    perLayer_ = coin();
    return;
  }
  hop_ = patch_ * between(1, 6);
  for (int64_t i = between(0, 2); i > 0; i--) encoder_.push_back(between(1, 20));
  envelope_ = kernel_ > 0 && !learned_ && coin();
}

Value* Session::create() {
  Value* shape = world_.object();
  const auto list = [&](const std::vector<int64_t>& numbers) {
    std::vector<Value*> values;
    for (int64_t number : numbers) values.push_back(this->number(double(number)));
    return world_.array(values);
  };
  set(shape, "channels", number(double(channels_)));
  set(shape, "layers", number(double(layers_)));
  set(shape, "dilationCycle", number(double(between(1, 6))));
  set(shape, "patch", number(double(patch_)));
  set(shape, "embedding", number(double(embedding_)));
  set(shape, "hidden", number(double(hidden_)));
  set(shape, "kernel", number(double(kernel_)));
  set(shape, "bins", number(double(bins_)));
  set(shape, "learnedWindows", world_.boolean(learned_));
  set(shape, "envelope", world_.boolean(envelope_));
  set(shape, "inputMask", world_.boolean(mask_));
  set(shape, "tanhFirst", world_.boolean(coin()));
  set(shape, "residualAfterStep", world_.boolean(coin()));
  set(shape, "labels", number(double(labels_)));
  set(shape, "conditioner", world_.text(conditioner_));
  set(shape, "bands", number(double(bands_)));
  set(shape, "hop", number(double(hop_)));
  set(shape, "upsamplerPerLayer", world_.boolean(perLayer_));
  set(shape, "strides", list(strides_));
  set(shape, "encoder", list(encoder_));
  Value* options = world_.object();
  static const char* const sets[] = {"baseline", "avx2", "avx2x16", "avx512", "amx", "scalar", "neon", "?"};
  set(options, "shape", shape);
  set(options, "instructionSet", world_.text(sets[between(0, 7)]));
  set(options, "threads", number(double(between(1, 3))));
  set(options, "fast", world_.boolean(coin()));
  set(options, "winograd", world_.boolean(coin()));
  set(options, "memoryLimit", number(coin() ? 0x1p26 : double(between(0, 1 << 20))));
  Value* engine = world_.call("create", {odd(options)});
  return engine == nullptr ? world_.undefined() : engine;
}

/** Counts the network's parameters from its definition (src/model/parameters.ts). */
int64_t Session::parameterCount() const {
  const int64_t signals = kernel_ > 0 ? 2 * bins_ : patch_;
  const int64_t inputs = signals + (envelope_ ? bins_ : 0);
  const int64_t outputs = signals + (mask_ ? (kernel_ > 0 ? bins_ : patch_) : 0);
  int64_t count = learned_ ? 2 * signals * kernel_ : 0;
  count += channels_ * (inputs + 1) + hidden_ * (embedding_ + 1) + hidden_ * (hidden_ + 1);
  if (labels_ > 0) count += (labels_ + 1) * hidden_;
  int64_t upsampler = 0;
  for (int64_t stride : strides_) upsampler += 3 * (stride % 2 == 0 ? 2 * stride : 2 * stride + 1) + 1;
  count += perLayer_ ? layers_ * upsampler : upsampler;
  int64_t width = bands_;
  for (int64_t next : encoder_) {
    count += next * (3 * width + 1);
    width = next;
  }
  int64_t layer = 2 * channels_ * (3 * channels_ + 1) + channels_ * (hidden_ + 1) + 2 * channels_ * (channels_ + 1);
  if (bands_ > 0) layer += 2 * channels_ * (width + 1);
  return count + layers_ * layer + channels_ * (channels_ + 1) + outputs * (channels_ + 1);
}

void Session::packWeights() {
  world_.call("packWeights", {handle(), floats(parameterCount()), odd(number(double(between(0, 1))))});
}

void Session::openStream() {
  const int64_t passes = between(1, 3);
  Value* opened = world_.call("openStream", {handle(), floats(passes * embedding_), floats(passes),
                                             odd(number(double(between(-1, labels_ - 1))))});
  if (opened != nullptr) streams_.push_back(opened);
}

/** Makes a request of `predict`. */
Value* Session::feeding() {
  Value* request = world_.object();
  set(request, "parameters", floats(parameterCount()));
  set(request, "version", number(double(between(0, 1))));
  std::vector<Value*> mels;
  for (int64_t i = conditioner_ == "none" ? 0 : between(0, 2); i > 0; i--) {
    Value* mel = world_.object();
    const int64_t frames = between(0, 12);
    set(mel, "frames", number(double(frames)));
    set(mel, "data", floats(frames * bands_));
    set(mel, "last", world_.boolean(coin()));
    set(mel, "deviations", floats(bins_ * (rarely() ? between(0, 30) : frames * hop_ / patch_)));
    mels.push_back(odd(mel));
  }
  const int64_t positions = between(0, 60);
  set(request, "mels", world_.array(mels));
  set(request, "pass", number(double(between(0, 2))));
  set(request, "audio", floats(positions * patch_));
  set(request, "last", world_.boolean(coin()));
  set(request, "prediction", floats(coin() ? positions * patch_ : (positions + between(0, 400)) * patch_));
  set(request, "cancelled", world_.bytes(1));
  return odd(request);
}

void Session::predict() { world_.call("predict", {handle(), stream(), feeding()}); }

void Session::predictTogether() {
  std::vector<Value*> streams, requests;
  for (int64_t i = between(0, 3); i > 0; i--) {
    streams.push_back(stream());
    requests.push_back(feeding());
  }
  Value* const results = doubles(int64_t(streams.size()));
  world_.call("predictTogether", {handle(), odd(world_.array(streams)), odd(world_.array(requests)), results});
}

Value* Session::clip(bool learns) {
  Value* made = world_.object();
  const int64_t samples = between(0, 40) * patch_;
  const int64_t frames = (samples + hop_ - 1) / hop_ + between(0, 2);
  const int64_t offset = between(0, 1) * hop_;
  set(made, "audio", floats(samples));
  set(made, "sinusoids", floats(embedding_));
  set(made, "gain", number(0.5));
  set(made, "label", number(double(between(-1, labels_ - 1))));
  if (learns) {
    set(made, "target", floats(samples));
    if (coin()) set(made, "weight", floats(samples));
  } else {
    set(made, "prediction", floats(samples));
  }
  set(made, "frames", number(double(frames)));
  set(made, "melOffset", number(double(offset)));
  set(made, "mel", floats(frames * bands_));
  set(made, "deviations", floats(patch_ == 0 ? 0 : samples / patch_ * bins_));
  return odd(made);
}

void Session::batch() {
  static const char* const parts[] = {"run", "runForward", "runBackward"};
  const int64_t first = between(0, 2), last = first == 1 ? 2 : first;
  Value* request = world_.object();
  std::vector<Value*> clips;
  const int64_t count = between(0, 3);
  for (int64_t i = 0; i < count; i++) clips.push_back(clip(first != 1));
  set(request, "parameters", floats(parameterCount()));
  set(request, "clips", world_.array(clips));
  if (first != 1) set(request, "gradients", floats(parameterCount()));
  set(request, "clipLosses", floats(count));
  set(request, "squared", world_.boolean(coin()));
  set(request, "cancelled", world_.bytes(1));
  for (int64_t part = first; part <= last; part++) {
    world_.call(parts[part], {handle(), odd(request)});
    if (part == last || rarely()) continue;
    world_.work();
    // The backward pass takes the same arrays, with targets and room for the gradients.
    set(request, "gradients", floats(parameterCount()));
    for (Value* made : clips) {
      const auto audio = made->properties.find("audio");
      if (audio != made->properties.end()) set(made, "target", floats(int64_t(audio->second->length)));
    }
  }
}

void Session::optimiser() {
  const int64_t count = between(0, 3);
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < count; i++) sizes.push_back(between(0, 70));
  const auto arrays = [&] {
    std::vector<Value*> list;
    for (int64_t size : sizes) list.push_back(floats(size));
    return odd(world_.array(list));
  };
  switch (input_.ConsumeIntegralInRange(0, 3)) {
    case 0: world_.call("gradientNorm", {handle(), arrays()}); return;
    case 1: world_.call("addGradients", {handle(), arrays(), arrays()}); return;
    case 2: world_.call("scaleGradients", {handle(), arrays(), odd(world_.number(0.5))}); return;
  }
  Value* request = world_.object();
  for (const char* name : {"weights", "gradients", "first", "second", "average"}) set(request, name, arrays());
  for (const char* name : {"beta1", "beta2", "epsilon", "stepSize", "root", "gradientScale", "averageDecay"}) {
    set(request, name, number(0.5));
  }
  world_.call("adamUpdate", {handle(), odd(request)});
}

void Session::gaussian() {
  Value* request = world_.object();
  set(request, "seed", number(double(between(0, 1000))));
  set(request, "draw", number(double(between(0, 1000))));
  set(request, "start", number(double(between(0, 1000))));
  set(request, "out", floats(between(0, 100)));
  world_.call("gaussian", {handle(), odd(request)});
}

/** Sets filters that cover some bins each, and their weights. */
void Session::filters(Value* shape, int64_t bands, int64_t bins) {
  Value* places = world_.doubles(size_t(2 * bands));
  double* const numbers = reinterpret_cast<double*>(places->bytes.get());
  int64_t weights = 0;
  for (int64_t band = 0; band < bands; band++) {
    const int64_t count = between(0, std::min<int64_t>(bins, 9)), first = between(0, bins - count);
    weights += count;
    numbers[2 * band] = rarely() ? double(between(-3, bins + 3)) : double(first);
    numbers[2 * band + 1] = rarely() ? double(between(-3, bins + 3)) : double(count);
  }
  set(shape, "filters", places);
  set(shape, "weights", doubles(weights));
  set(shape, "columnSums", doubles(bins));
}

void Session::openFrameChain() {
  Chain chain{};
  chain.size = int64_t(16) << between(0, 4);
  chain.hop = between(1, chain.size);
  chain.bands = between(1, 6);
  chain.padding = between(0, chain.size / 2);
  chain.corrects = coin();
  // As in training.
  if (chain.corrects && coin()) chain.padding = chain.size / 2;
  Value* shape = world_.object();
  set(shape, "operation", world_.text(chain.corrects ? "correct" : "refine"));
  set(shape, "size", number(double(chain.size)));
  set(shape, "hop", number(double(chain.hop)));
  set(shape, "bands", number(double(chain.bands)));
  set(shape, "stages", number(double(between(1, 5))));
  set(shape, "updates", number(double(between(0, 3))));
  set(shape, "padding", number(double(chain.padding)));
  set(shape, "squared", world_.boolean(coin()));
  set(shape, "unit", number(1));
  set(shape, "momentum", number(0.5));
  set(shape, "relaxation", number(1.5));
  set(shape, "window", doubles(chain.size));
  set(shape, "roots", doubles(2 * chain.size));
  filters(shape, chain.bands, chain.size / 2 + 1);
  chain.value = world_.call("openFrameChain", {handle(), odd(shape)});
  if (chain.value != nullptr) chains_.push_back(chain);
}

void Session::pushFrameChain() {
  if (chains_.empty()) return;
  Chain& chain = chains_[size_t(between(0, int64_t(chains_.size()) - 1))];
  if (rarely()) {
    world_.call("closeFrameChain", {handle(), odd(chain.value)});
    return;
  }
  const int64_t samples = between(0, 6 * chain.size), span = (chain.size + chain.hop - 1) / chain.hop - 1;
  const bool last = between(0, 3) == 0;
  const int64_t fed = chain.fed + samples;
  int64_t frames = (chain.padding + fed) / chain.hop - span;
  if (last) frames = fed / chain.hop + (chain.corrects ? between(0, 1) : 0);
  frames = std::max(frames, chain.frames);
  Value* request = world_.object();
  set(request, "audio", floats(samples));
  set(request, "last", world_.boolean(last));
  set(request, "targets", doubles((frames - chain.frames) * chain.bands));
  set(request, "prediction", floats(fed));
  set(request, "cancelled", world_.bytes(1));
  chain.fed = fed;
  chain.frames = frames;
  world_.call("pushFrameChain", {handle(), odd(chain.value), odd(request)});
}

void Session::envelope() {
  const int64_t bins = between(1, 40), bands = between(1, 6), factor = between(1, 4);
  const int64_t outputs = between(1, (bins - 1) / factor + 1), frames = between(0, 20);
  Value* shape = world_.object();
  set(shape, "bins", number(double(bins)));
  set(shape, "bands", number(double(bands)));
  set(shape, "updates", number(double(between(0, 3))));
  set(shape, "factor", number(double(factor)));
  set(shape, "outputs", number(double(outputs)));
  set(shape, "windowNorm", number(1));
  set(shape, "squared", world_.boolean(coin()));
  set(shape, "triangle", doubles(2 * factor - 1));
  filters(shape, bands, bins);
  Value* opened = world_.call("openEnvelope", {handle(), odd(shape)});
  if (opened == nullptr) return;
  world_.call("envelopePowers", {odd(opened), doubles(frames * bands), floats(frames * outputs)});
}

void Session::windowFilter() {
  const int64_t size = int64_t(16) << between(0, 4), stride = between(1, size), bins = between(1, size / 2 + 1);
  const int64_t positions = between(0, 20), length = stride * (positions - 1) + size;
  Value* shape = world_.object();
  set(shape, "size", number(double(size)));
  set(shape, "stride", number(double(stride)));
  set(shape, "bins", number(double(bins)));
  set(shape, "window", doubles(size));
  set(shape, "roots", doubles(2 * size));
  Value* opened = world_.call("openWindowFilter", {handle(), odd(shape)});
  if (opened == nullptr) return;
  Value* request = world_.object();
  set(request, "samples", floats(length));
  set(request, "gains", floats(positions * bins));
  set(request, "sums", doubles(length));
  if (coin()) set(request, "magnitudes", floats(positions * bins));
  world_.call("filterWindows", {odd(opened), odd(request)});
}

void Session::spectralTerms() {
  const int64_t size = int64_t(16) << between(0, 4), samples = between(0, 300), frames = samples / (size / 4) + 1;
  Value* shape = world_.object();
  set(shape, "size", number(double(size)));
  set(shape, "window", doubles(size));
  set(shape, "roots", doubles(2 * size));
  Value* opened = world_.call("openSpectralFrames", {odd(shape)});
  if (opened == nullptr) return;
  std::vector<Value*> terms;
  for (int64_t i = between(0, 3); i > 0; i--) {
    const std::string kind = input_.PickValueInArray({"error", "phase", "magnitude"});
    const bool magnitude = kind == "magnitude";
    const int64_t counted = between(0, size / 2);
    Value* term = world_.object();
    set(term, "frames", opened);
    set(term, "kind", world_.text(kind));
    set(term, "made", floats(samples));
    set(term, "wanted", floats(samples));
    set(term, "bins", number(double(counted)));
    set(term, "weight", number(1));
    set(term, "offset", number(0.01));
    set(term, "counts", world_.bytes(size_t(frames)));
    set(term, "gradient", doubles(samples));
    set(term, "sums", doubles(magnitude ? 2 * frames : frames));
    set(term, "ratios", doubles(magnitude ? frames * ((counted + 7) / 8) : 0));
    terms.push_back(odd(term));
  }
  world_.call("spectralTerms", {handle(), odd(world_.array(terms)), odd(world_.bytes(1))});
}

void Session::correctionGradient() {
  if (chains_.empty()) return;
  const Chain& chain = chains_[size_t(between(0, int64_t(chains_.size()) - 1))];
  const int64_t samples = between(0, 6 * chain.size), frames = between(1, samples / chain.hop + 1);
  Value* clip = world_.object();
  set(clip, "input", floats(samples));
  set(clip, "byResult", floats(samples));
  set(clip, "gradient", floats(samples));
  set(clip, "targets", doubles(frames * chain.bands));
  world_.call("correctionGradient", {handle(), odd(chain.value), odd(world_.array({odd(clip)})), odd(world_.bytes(1))});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Session(data, size).run();
  return 0;
}
