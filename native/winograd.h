// Winograd's minimal filtering F(4,3) (Winograd 1980; Lavin & Gray 2016) computes a three-tap convolution with half the
// multiplications. It works along the dilation d. A block of four outputs at p + {0, 1, 2, 3}·d needs six inputs at
// p + {−1 … 4}·d:
//
//   y = Aᵀ[(G·g) ⊙ (Bᵀ·x)]      g: taps [3], x: inputs [6], y: outputs [4]
//
// Six channel products in the transform domain take the place of twelve direct ones. The interpolation points are 0,
// ±3/4, ±3/2 and ∞. With these, A and B are exact in float32, and errors stay within three times those of the direct
// sum. With 0, ±1, ±2 and ∞ they would be seven times as large. `convolve` of reference/convolution.h is the plain sum.
#pragma once

#include <cstdint>

namespace diffwave {

/** Numbers of inputs and outputs of one Winograd block. The transform domain has as many elements as inputs. */
constexpr int winogradInputs = 6, winogradOutputs = 4;

// The blocks of a range of positions are ordered by group of 4·d positions, then by position: block i has the positions
// 4·d·⌊i/d⌋ + i mod d + {0, 1, 2, 3}·d. The functions are inlined, so that the linker does not merge code for several
// instruction sets.

/** Returns the first position of a block. */
__attribute__((always_inline)) constexpr int64_t winogradBlockStart(int64_t block, int64_t dilation) {
  return block / dilation * winogradOutputs * dilation + block % dilation;
}

/**
 * Number of blocks that cover `positions`. If the end cuts the last group, that group has a block for each of its first
 * positions.
 */
__attribute__((always_inline)) constexpr int64_t winogradBlockCount(int64_t positions, int64_t dilation) {
  const int64_t group = winogradOutputs * dilation, rest = positions % group;
  return positions / group * dilation + (rest < dilation ? rest : dilation);
}

/** The inner and the outer pair of interpolation points, and their powers. */
constexpr float innerPoint = 0.75f, outerPoint = 1.5f;
constexpr float innerSquare = 0.5625f, outerSquare = 2.25f, innerCube = 0.421875f, outerCube = 3.375f;
/** inner² · outer² and inner² + outer². */
constexpr float squareProduct = 1.265625f, squareSum = 2.8125f;

/** G [6 × 3], from three taps to the transform domain. */
constexpr float kernelTransform[winogradInputs][3] = {
    {float(64.0 / 81), 0, 0},
    {float(-128.0 / 243), float(-32.0 / 81), float(-8.0 / 27)},
    {float(-128.0 / 243), float(32.0 / 81), float(-8.0 / 27)},
    {float(32.0 / 243), float(16.0 / 81), float(8.0 / 27)},
    {float(32.0 / 243), float(-16.0 / 81), float(8.0 / 27)},
    {0, 0, 1},
};

}  // namespace diffwave
