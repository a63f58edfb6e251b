/**
 * The forward process: x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε (Ho et al. 2020, eq. 4; Kong et al. 2021, eq. 8), at any training
 * step, fractional ones included.
 */

/**
 * Adds noise to clean audio, which makes x_t.
 *
 * @param clean x_0, any length
 * @param noise ε, of the same length: standard normal numbers, or the prior's noise
 * @param alphaBar ᾱ_t, 0 to 1
 */
export function diffuse(clean: Float32Array, noise: Float32Array, alphaBar: number): Float32Array {
  const signal = Math.sqrt(alphaBar)
  const deviation = Math.sqrt(1 - alphaBar)
  return clean.map((x, i) => signal * x + deviation * noise[i]!)
}
