// Entry points of the arithmetic around a windowed front end: the envelope that a mel implies, and filters of windows.
// They run on the caller's thread, because they take a small part of the time that JavaScript would.
#include "../matrix.h"
#include "engine.h"
#include "entry-points.h"
#include "limits.h"
#include "mel-filters.h"

namespace diffwave {
namespace {

/** Largest number of bins of the mel's transform per bin of the front end's. */
constexpr int64_t maxFactor = 4096;

/** Tables and scratch memory of an envelope. */
struct Envelope : Handle {
  Envelope() : Handle(Kind::envelope) {}

  const FrameKernels* kernels = nullptr;
  EnvelopeTables tables{};
  std::vector<double> columnSums, weights, triangle;
  std::vector<MelFilter> filters;
  Matrix scratch;
};

/** Tables and scratch memory of a filter of windows. */
struct WindowFilter : Handle {
  WindowFilter() : Handle(Kind::windowFilter) {}

  const FrameKernels* kernels = nullptr;
  WindowFilterTables tables{};
  std::vector<double> window, roots;
  Matrix scratch;
};

const FrameKernels* kernelsOf(const Js& js, napi_value handle) {
  const Engine* engine = engineOf(js, handle);
  require(engine->target != nullptr, "the readable reference has no front-end kernels");
  return &engine->target->frames();
}

}  // namespace

napi_value openEnvelope(const Js& js, napi_value* arguments) {
  const napi_value shape = arguments[1];
  const auto integer = [&](const char* name, int64_t low, int64_t high) {
    return js.integer(js.property(shape, name), low, high, "bad shape of an envelope");
  };
  auto made = std::make_unique<Envelope>();
  made->kernels = kernelsOf(js, arguments[0]);
  EnvelopeTables& t = made->tables;
  t.bins = integer("bins", 1, maxTransformSize);
  t.bands = integer("bands", 1, maxMelBands);
  t.updates = integer("updates", 0, maxUpdates);
  t.factor = integer("factor", 1, maxFactor);
  t.outputs = integer("outputs", 1, (t.bins - 1) / t.factor + 1);
  t.windowNorm = js.number(js.property(shape, "windowNorm"));
  t.squared = js.boolean(js.property(shape, "squared"));
  made->columnSums = js.copyDoubles(js.property(shape, "columnSums"), t.bins);
  made->triangle = js.copyDoubles(js.property(shape, "triangle"), 2 * t.factor - 1);
  made->weights = js.copyDoubles(js.property(shape, "weights"), -1);
  made->filters = readFilters(js, shape, t.bands, t.bins, int64_t(made->weights.size()));
  const double* weights = made->weights.data();
  for (MelFilter& filter : made->filters) {
    filter.weights = weights;
    weights += filter.count;
  }
  t.columnSums = made->columnSums.data();
  t.triangle = made->triangle.data();
  t.filters = made->filters.data();
  made->scratch = Matrix::unset(1, made->kernels->envelopeScratchSize(t));
  return js.wrap(std::move(made));
}

napi_value envelopePowers(const Js& js, napi_value* arguments) {
  Envelope* envelope = js.unwrap<Envelope>(arguments[0], Handle::Kind::envelope, "expected an envelope");
  const EnvelopeTables& t = envelope->tables;
  int64_t count;
  EnvelopeTask task{};
  task.tables = &t;
  task.targets = js.doubles(arguments[1], -1, &count);
  require(count % t.bands == 0, "a typed array has the wrong length");
  task.frames = count / t.bands;
  task.out = js.floats(arguments[2], task.frames * t.outputs);
  task.scratch = envelope->scratch.row(0);
  envelope->kernels->envelopes(task);
  return nullptr;
}

napi_value openWindowFilter(const Js& js, napi_value* arguments) {
  const napi_value shape = arguments[1];
  const auto integer = [&](const char* name, int64_t low, int64_t high) {
    return js.integer(js.property(shape, name), low, high, "bad shape of a filter of windows");
  };
  auto made = std::make_unique<WindowFilter>();
  made->kernels = kernelsOf(js, arguments[0]);
  WindowFilterTables& t = made->tables;
  t.size = readTransformSize(js, shape);
  t.stride = integer("stride", 1, t.size);
  t.bins = integer("bins", 1, t.size / 2 + 1);
  made->window = js.copyDoubles(js.property(shape, "window"), t.size);
  made->roots = js.copyDoubles(js.property(shape, "roots"), int64_t(2) * t.size);
  t.window = made->window.data();
  t.roots = made->roots.data();
  made->scratch = Matrix::unset(1, made->kernels->filterScratchSize(t.size));
  return js.wrap(std::move(made));
}

napi_value filterWindows(const Js& js, napi_value* arguments) {
  WindowFilter* filter = js.unwrap<WindowFilter>(arguments[0], Handle::Kind::windowFilter, "expected a filter");
  const WindowFilterTables& t = filter->tables;
  const napi_value request = arguments[1], magnitudes = js.property(request, "magnitudes");
  int64_t count;
  WindowFilterTask task{};
  task.tables = &t;
  task.gains = js.floats(js.property(request, "gains"), -1, &count);
  require(count > 0 && count % t.bins == 0, "a typed array has the wrong length");
  task.positions = count / t.bins;
  const int64_t samples = t.stride * (task.positions - 1) + t.size;
  task.samples = js.floats(js.property(request, "samples"), samples);
  task.sums = js.doubles(js.property(request, "sums"), samples);
  if (!js.isNothing(magnitudes)) task.magnitudes = js.floats(magnitudes, count);
  task.scratch = filter->scratch.row(0);
  js.checkUsed();
  filter->kernels->filter(task);
  return nullptr;
}

}  // namespace diffwave
