// Vectors of which only the first lanes are in memory: the end of a row that is not whole vectors long.
#pragma once

#include "vector.h"

namespace diffwave {
namespace DIFFWAVE_TARGET {

/** Calls body(index, how many numbers) for each vector of `count` numbers. The last vector may be partial. */
template <class Body>
DIFFWAVE_INLINE void forEachVector(int count, const Body& body) {
  for (int i = 0; i < count; i += lanes) body(i, count - i < lanes ? count - i : lanes);
}

/** Loads the first `count` lanes. The others are zero. */
DIFFWAVE_INLINE Vector loadFirst(const float* from, int count) {
  if (count == lanes) return load(from);
  Vector value{};
  std::memcpy(&value, from, size_t(count) * sizeof(float));
  return value;
}

/** Stores the first `count` lanes. */
DIFFWAVE_INLINE void storeFirst(float* to, Vector value, int count) {
  if (count == lanes) {
    store(to, value);
  } else {
    std::memcpy(to, &value, size_t(count) * sizeof(float));
  }
}

}  // namespace DIFFWAVE_TARGET
}  // namespace diffwave
