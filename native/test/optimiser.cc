// Tests of the optimiser, with one thread and three: every instruction set against plain C++ that rounds like the
// TypeScript, and normal numbers against the C library's functions.
#include "../training/optimiser.h"

#include <algorithm>
#include <cmath>

#include "../targets/targets.h"
#include "tests.h"

using namespace diffwave;

namespace {

/** Arrays of one parameter, with numbers that differ from each other. */
struct Parameter {
  std::vector<float> weights, gradients, first, second, average;

  Parameter(int64_t size, float offset) {
    for (int64_t i = 0; i < size; i++) {
      const float x = offset + float(i % 97) * 0.01f;
      weights.push_back(x);
      gradients.push_back(0.3f - 0.7f * x);
      first.push_back(0.01f * x);
      second.push_back(0.02f * x * x);
      average.push_back(0.9f * x);
    }
  }
  AdamArrays arrays() {
    return {weights.data(), gradients.data(), first.data(), second.data(), average.data(), int64_t(weights.size())};
  }
  bool operator==(const Parameter& other) const {
    return same(weights, other.weights) && same(first, other.first) && same(second, other.second) &&
           same(average, other.average);
  }
};

const AdamNumbers numbers{0.9, 0.99, 1e-8, 3e-4, 0.4, 0.731, 0.95};

std::vector<Parameter> parameters() {
  std::vector<Parameter> all;
  for (const int64_t size : {1, 7, 17, 40000}) all.emplace_back(size, float(all.size()) - 1.5f);
  return all;
}

/** One update, as in src/training/optimiser. */
void plainUpdate(const AdamNumbers& n, AdamArrays a) {
  for (int64_t i = 0; i < a.count; i++) {
    const double g = float(double(a.gradients[i]) * n.gradientScale);
    a.first[i] = float(double(a.first[i]) * n.beta1 + g * (1 - n.beta1));
    a.second[i] = float(double(a.second[i]) * n.beta2 + g * g * (1 - n.beta2));
    const double change = (n.stepSize * double(a.first[i])) / (std::sqrt(double(a.second[i])) / n.root + n.epsilon);
    a.weights[i] = float(double(a.weights[i]) - change);
    a.average[i] = float(n.averageDecay * double(a.average[i]) + (1 - n.averageDecay) * double(a.weights[i]));
  }
}

void testUpdate(const Target& target) {
  std::vector<Parameter> expected = parameters();
  for (Parameter& parameter : expected) plainUpdate(numbers, parameter.arrays());
  for (const int threads : {1, 3}) {
    Pool pool(threads);
    std::vector<Parameter> own = parameters();
    std::vector<AdamArrays> arrays;
    for (Parameter& parameter : own) arrays.push_back(parameter.arrays());
    updateByAdam(pool, target.optimiser(), numbers, arrays);
    check(own == expected, target.name, "update by Adam, equal bytes, threads:", threads);
  }
}

void testNormal(const Target& target) {
  constexpr int64_t count = 4099, start = 3;
  std::vector<float> numbers(count), again(count);
  std::vector<uint32_t> doubtful(count);
  const auto draw = [&](int64_t from, int64_t size, float* out) {
    return target.optimiser().gaussian(0x1fffffffffffffull, 5, from, size, out, doubtful.data());
  };
  const int64_t listed = draw(start, count, numbers.data());
  double sum = 0, squares = 0;
  for (const float x : numbers) {
    sum += x;
    squares += double(x) * x;
  }
  check(listed < 4, target.name, "normal numbers, left to the caller", double(listed));
  check(std::fabs(sum / count) < 0.05, target.name, "normal numbers, mean", sum / count);
  check(std::fabs(squares / count - 1) < 0.1, target.name, "normal numbers, variance", squares / count);
  for (int64_t i = 0; i < count; i += 5) draw(start + i, std::min<int64_t>(5, count - i), again.data() + i);
  check(numbers == again, target.name, "normal numbers in pieces, equal", 0);
}

}  // namespace

void testOptimiser() {
  for (int i = 0; i < targetCount(); i++) {
    if (!targetAt(i).runs()) continue;
    testUpdate(targetAt(i));
    testNormal(targetAt(i));
  }
}
