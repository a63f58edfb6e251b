// Entry points of the optimiser, and of normal numbers.
#include "../training/optimiser.h"

#include "entry-points.h"
#include "job.h"

namespace diffwave {
namespace {

/** Work on lists of arrays. */
struct OptimiserJob : Job {
  enum class Part { norm, add, scale, adam };

  OptimiserJob(Engine* engine, Part part) : Job(engine), part(part) {}
  double execute() override;

  const Part part;
  std::vector<FloatArray> arrays, more;
  std::vector<AdamArrays> parameters;
  AdamNumbers numbers{};
};

double OptimiserJob::execute() {
  switch (part) {
    case Part::norm: return globalNorm(arrays);
    case Part::add: addArrays(*engine->pool, arrays, more); break;
    case Part::scale: scaleArrays(*engine->pool, arrays, numbers.gradientScale); break;
    case Part::adam: updateByAdam(*engine->pool, engine->target->optimiser(), numbers, parameters); break;
  }
  return 0;
}

/** Reads a list of Float32Arrays. @param like arrays whose lengths they must have, or null */
std::vector<FloatArray> readArrays(const Js& js, napi_value list, const std::vector<FloatArray>* like) {
  const uint32_t count = js.length(list);
  require(like == nullptr || like->size() == count, "the lists of arrays differ in length");
  std::vector<FloatArray> arrays;
  for (uint32_t i = 0; i < count; i++) {
    FloatArray array{};
    array.data = js.floats(js.element(list, i), like == nullptr ? -1 : (*like)[i].size, &array.size);
    arrays.push_back(array);
  }
  return arrays;
}

Engine* optimiserEngine(const Js& js, napi_value handle) {
  Engine* engine = engineOf(js, handle);
  require(engine->pool != nullptr, "the engine has no optimiser, or was disposed");
  return engine;
}

}  // namespace

napi_value gradientNorm(const Js& js, napi_value* arguments) {
  auto job = std::make_unique<OptimiserJob>(optimiserEngine(js, arguments[0]), OptimiserJob::Part::norm);
  job->arrays = readArrays(js, arguments[1], nullptr);
  return Job::start(js, std::move(job));
}

napi_value addGradients(const Js& js, napi_value* arguments) {
  auto job = std::make_unique<OptimiserJob>(optimiserEngine(js, arguments[0]), OptimiserJob::Part::add);
  job->arrays = readArrays(js, arguments[1], nullptr);
  job->more = readArrays(js, arguments[2], &job->arrays);
  return Job::start(js, std::move(job));
}

napi_value scaleGradients(const Js& js, napi_value* arguments) {
  auto job = std::make_unique<OptimiserJob>(optimiserEngine(js, arguments[0]), OptimiserJob::Part::scale);
  job->arrays = readArrays(js, arguments[1], nullptr);
  job->numbers.gradientScale = js.number(arguments[2]);
  return Job::start(js, std::move(job));
}

napi_value adamUpdate(const Js& js, napi_value* arguments) {
  auto job = std::make_unique<OptimiserJob>(optimiserEngine(js, arguments[0]), OptimiserJob::Part::adam);
  const napi_value request = arguments[1];
  const auto number = [&](const char* name) { return js.number(js.property(request, name)); };
  job->numbers = {number("beta1"), number("beta2"),         number("epsilon"),     number("stepSize"),
                  number("root"),  number("gradientScale"), number("averageDecay")};
  const std::vector<FloatArray> weights = readArrays(js, js.property(request, "weights"), nullptr);
  const auto others = [&](const char* name) { return readArrays(js, js.property(request, name), &weights); };
  const auto gradients = others("gradients"), first = others("first"), second = others("second"),
             average = others("average");
  for (size_t i = 0; i < weights.size(); i++) {
    job->parameters.push_back(
        {weights[i].data, gradients[i].data, first[i].data, second[i].data, average[i].data, weights[i].size});
  }
  return Job::start(js, std::move(job));
}

napi_value gaussian(const Js& js, napi_value* arguments) {
  constexpr int64_t maxSafeInteger = (int64_t(1) << 53) - 1, maxCount = int64_t(1) << 31;
  const Engine* engine = optimiserEngine(js, arguments[0]);
  const auto number = [&](const char* name) { return js.integer(js.property(arguments[1], name)); };
  const int64_t seed = number("seed"), draw = number("draw"), start = number("start");
  require(seed >= 0 && seed <= maxSafeInteger && draw >= 0 && draw <= UINT32_MAX, "bad seed or draw");
  int64_t count;
  float* out = js.floats(js.property(arguments[1], "out"), -1, &count);
  require(start >= 0 && count <= maxCount && start <= maxSafeInteger - count, "bad range of numbers");
  std::vector<uint32_t> doubtful(static_cast<size_t>(count));
  const int64_t listed =
      engine->target->optimiser().gaussian(uint64_t(seed), uint32_t(draw), start, count, out, doubtful.data());
  napi_value list;
  js.check(napi_create_array(js.env, &list));
  for (int64_t i = 0; i < listed; i++) {
    js.check(napi_set_element(js.env, list, uint32_t(i), js.create(doubtful[size_t(i)])));
  }
  return list;
}

}  // namespace diffwave
