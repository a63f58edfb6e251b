#include "mel-filters.h"

namespace diffwave {

std::vector<MelFilter> readFilters(const Js& js, napi_value object, int bands, int64_t bins, int64_t weights) {
  const std::vector<double> places = js.copyDoubles(js.property(object, "filters"), int64_t(2) * bands);
  std::vector<MelFilter> filters;
  int64_t total = 0;
  for (int band = 0; band < bands; band++) {
    const double first = places[size_t(2 * band)], count = places[size_t(2 * band + 1)];
    require(first >= 0 && count >= 0 && first + count <= double(bins), "bad filters");
    filters.push_back({int(first), int(count), nullptr});
    total += int(count);
  }
  require(total == weights, "filters and their weights differ in number");
  return filters;
}

}  // namespace diffwave
