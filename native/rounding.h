// Sizes in whole units.
#pragma once

#include <cstdint>

namespace diffwave {

/** Rounds `size` up to a multiple of `unit`. */
inline int64_t roundedUp(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }
/** Number of pieces of `unit` that cover `size`. */
inline int64_t ceilDivide(int64_t size, int64_t unit) { return (size + unit - 1) / unit; }

}  // namespace diffwave
