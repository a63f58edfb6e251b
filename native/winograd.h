// Three-tap convolutions with half the multiplications (Winograd 1980; Lavin & Gray 2016): F(4, 3) along the dilation. Four
// outputs p + {0, 1, 2, 3}·d of a convolution with dilation d need six inputs p + {−1 … 4}·d, and as polynomials their
// product is known from six points: y = Aᵀ[(G·g) ⊙ (Bᵀ·x)], six products of channels instead of twelve. The points are 0,
// ±3/4, ±3/2 and ∞: with these A and B are exact in float32, and errors stay within three times those of the plain sum
// (0, ±1, ±2 and ∞: seven times).
#pragma once

namespace diffwave {

constexpr int quadInputs = 6, quadOutputs = 4;

/** The inner and the outer pair of points, and their powers. */
constexpr float innerPoint = 0.75f, outerPoint = 1.5f;
constexpr float innerSquare = 0.5625f, outerSquare = 2.25f, innerCube = 0.421875f, outerCube = 3.375f;
/** inner² · outer² and inner² + outer². */
constexpr float squareProduct = 1.265625f, squareSum = 2.8125f;

/** G: what each point makes of the three taps. */
constexpr float pointWeights[quadInputs][3] = {
    {float(64.0 / 81), 0, 0},
    {float(-128.0 / 243), float(-32.0 / 81), float(-8.0 / 27)},
    {float(-128.0 / 243), float(32.0 / 81), float(-8.0 / 27)},
    {float(32.0 / 243), float(16.0 / 81), float(8.0 / 27)},
    {float(32.0 / 243), float(-16.0 / 81), float(8.0 / 27)},
    {0, 0, 1},
};

}  // namespace diffwave
