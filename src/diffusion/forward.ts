/**
 * The forward process: x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε (Ho et al. 2020, eq. 4; Kong et al. 2021, eq. 8), at any training
 * step, whole or fractional.
 */

/**
 * Noisy audio x_t at a noise level.
 *
 * @param clean x_0
 * @param noise ε, as long: standard normal, or the prior's
 * @param alphaBar ᾱ_t
 */
export function diffuse(clean: Float32Array, noise: Float32Array, alphaBar: number): Float32Array {
  const signal = Math.sqrt(alphaBar)
  const spread = Math.sqrt(1 - alphaBar)
  return clean.map((x, i) => signal * x + spread * noise[i]!)
}
