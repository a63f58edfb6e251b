#include "optimiser.h"

#include <algorithm>
#include <cmath>

namespace diffwave {

namespace {

/** Number of numbers per task. Five arrays of them fill a part of the second-level cache. */
constexpr int64_t blockSize = 16384;

/** One task: numbers start … start + count − 1 of an array. */
struct Block {
  size_t array;
  int64_t start, count;
};

/** Cuts arrays into blocks. sizeOf(i) returns the size of array i. */
template <class SizeOf>
std::vector<Block> blocksOf(size_t arrays, const SizeOf& sizeOf) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < arrays; i++) {
    const int64_t size = sizeOf(i);
    for (int64_t start = 0; start < size; start += blockSize) {
      blocks.push_back({i, start, std::min(blockSize, size - start)});
    }
  }
  return blocks;
}

template <class SizeOf, class Body>
void forEachBlock(Pool& pool, size_t arrays, const SizeOf& sizeOf, const Body& body) {
  const std::vector<Block> blocks = blocksOf(arrays, sizeOf);
  pool.forEach(int(blocks.size()), [&](int task, int) { body(blocks[size_t(task)]); });
}

}  // namespace

double globalNorm(const std::vector<FloatArray>& arrays) {
  double sum = 0;
  for (const FloatArray& array : arrays) {
    for (int64_t i = 0; i < array.size; i++) sum += double(array.data[i]) * double(array.data[i]);
  }
  return std::sqrt(sum);
}

void addArrays(Pool& pool, const std::vector<FloatArray>& total, const std::vector<FloatArray>& more) {
  forEachBlock(
      pool, total.size(), [&](size_t i) { return total[i].size; },
      [&](const Block& block) {
        float* to = total[block.array].data + block.start;
        const float* from = more[block.array].data + block.start;
        for (int64_t i = 0; i < block.count; i++) to[i] += from[i];
      });
}

void scaleArrays(Pool& pool, const std::vector<FloatArray>& arrays, double factor) {
  forEachBlock(
      pool, arrays.size(), [&](size_t i) { return arrays[i].size; },
      [&](const Block& block) {
        float* numbers = arrays[block.array].data + block.start;
        for (int64_t i = 0; i < block.count; i++) numbers[i] = float(double(numbers[i]) * factor);
      });
}

void updateByAdam(Pool& pool, const OptimiserKernels& kernels, const AdamNumbers& numbers,
                  const std::vector<AdamArrays>& parameters) {
  forEachBlock(
      pool, parameters.size(), [&](size_t i) { return parameters[i].count; },
      [&](const Block& block) {
        const AdamArrays& all = parameters[block.array];
        kernels.adam(numbers, {all.weights + block.start, all.gradients + block.start, all.first + block.start,
                               all.second + block.start, all.average + block.start, block.count});
      });
}

}  // namespace diffwave
