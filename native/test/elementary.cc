// Tests of the logarithm, sine and cosine against the C library's long double, which has 11 bits more on x86-64.
#include <cmath>
#include <cstring>
#include <limits>

#define DIFFWAVE_TARGET elementaryTest
#define DIFFWAVE_LANES 4
#include "../kernels/elementary.h"
#include "random.h"
#include "tests.h"

namespace {

using namespace diffwave::elementaryTest;

/** Largest error of the right numbers in units in the last place, if long double is no more than double. */
constexpr double ownError = std::numeric_limits<long double>::digits > 53 ? 0 : 0.6;

/** The largest error of some numbers, in units in the last place of the right one. */
struct WorstError {
  double units = 0;

  void add(double got, long double right) {
    int exponent;
    std::frexp(double(right), &exponent);
    const double error = double(std::fabs(got - right) / std::ldexp(1.0L, exponent - 53));
    if (!(error <= units)) units = error;
  }
};

/** Checks logarithms of numbers that `next` draws. */
template <class Next>
void testLogarithm(const char* what, const Next& next) {
  WorstError worst;
  for (int i = 0; i < 200000; i += doubleLanes) {
    Doubles x;
    for (int lane = 0; lane < doubleLanes; lane++) x[lane] = next();
    const Doubles y = logarithm(x);
    for (int lane = 0; lane < doubleLanes; lane++) worst.add(y[lane], std::log((long double)x[lane]));
  }
  check(worst.units < 1 + ownError, "logarithm", what, worst.units);
}

/** Checks sines and cosines of angles that `next` draws. */
template <class Next>
void testSineCosine(const char* what, const Next& next) {
  WorstError worst;
  for (int i = 0; i < 200000; i += doubleLanes) {
    Doubles x, sine, cosine;
    for (int lane = 0; lane < doubleLanes; lane++) x[lane] = next();
    sineCosine(x, &sine, &cosine);
    for (int lane = 0; lane < doubleLanes; lane++) {
      worst.add(sine[lane], std::sin((long double)x[lane]));
      worst.add(cosine[lane], std::cos((long double)x[lane]));
    }
  }
  check(worst.units < 1.6 + ownError, "sine and cosine", what, worst.units);
}

}  // namespace

void testElementary() {
  Random random{11};
  testLogarithm("of multiples of 2⁻³² up to 1", [&] { return double(random.between(1, int64_t(1) << 32)) * 0x1p-32; });
  testLogarithm("near 1", [&] { return 1 + std::ldexp(random.signedUniform(), -int(random.between(1, 52))); });
  testLogarithm("of positive floats", [&] {
    const uint32_t bits = uint32_t(random.between(1, 0x7f7fffff));
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return double(x);
  });
  testSineCosine("of angles up to 2π", [&] { return 6.283185307179586 * random.uniform(); });
  constexpr double most = 0x1p20 * 1.5707963267948966;
  testSineCosine("of angles up to 2²⁰·π/2", [&] { return most * random.signedUniform(); });
  testSineCosine("of small angles", [&] { return std::ldexp(random.signedUniform(), -int(random.between(1, 300))); });
  testSineCosine("near multiples of π/4", [&] {
    const double angle = 0.78539816339744830962 * double(random.between(-(1 << 21), 1 << 21));
    return angle * (1 + std::ldexp(random.signedUniform(), -int(random.between(20, 54))));
  });
}
