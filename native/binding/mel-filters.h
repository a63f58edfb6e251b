// The filters of a mel, as src/engines/native/mel-filters.ts passes them.
#pragma once

#include <vector>

#include "../targets/targets.h"
#include "js.h"

namespace diffwave {

/**
 * Reads `filters` of an object: the first bin of each filter, and its number of bins.
 *
 * @param weights number of weights of all filters together
 * @returns the filters, without pointers to their weights
 */
std::vector<MelFilter> readFilters(const Js& js, napi_value object, int bands, int64_t bins, int64_t weights);

}  // namespace diffwave
