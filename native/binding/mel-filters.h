// The filters of a mel, as src/engines/native/mel-filters.ts hands them over.
#pragma once

#include <vector>

#include "../targets/targets.h"
#include "js.h"

namespace diffwave {

/**
 * Reads `filters` of an object: the first bin of each filter, and how many bins it has.
 *
 * @param weights how many weights all filters have together
 * @returns the filters, without their weights
 */
std::vector<MelFilter> readFilters(const Js& js, napi_value object, int bands, int64_t bins, int64_t weights);

}  // namespace diffwave
