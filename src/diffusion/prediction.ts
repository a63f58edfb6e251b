/**
 * What the network predicts, and how ε and x̂_0 follow from it. With α = √ᾱ, σ = √(1 − ᾱ) and x_t = α·x_0 + σ·ε:
 *
 * - `epsilon`: the noise ε (Ho et al. 2020, eq. 14).
 * - `v`: α·ε − σ·x_0 (Salimans & Ho 2022, section 4 and appendix D). An error of v matters equally at every noise
 *   level, so that it is not amplified if there are few steps or almost pure noise.
 * - `x0`: the clean data.
 *
 * ε and v have energy in every dimension of a position, so a network with fewer channels than samples or bands per
 * position cannot predict them. Of x_0 in subbands it can predict the few loudest bands, and let the others pass
 * through a mask of x_t (`inputMask`).
 */
import type { DiffusionConfig } from '../model/diffusion-config.js'

export type Prediction = DiffusionConfig['prediction']

/** The training target of the network. @param noise ε, as long as `clean` */
export function predictionTarget(
  prediction: Prediction,
  clean: Float32Array,
  noise: Float32Array,
  alphaBar: number,
): Float32Array {
  if (prediction === 'epsilon') return noise
  if (prediction === 'x0') return clean
  const alpha = Math.sqrt(alphaBar)
  const sigma = Math.sqrt(1 - alphaBar)
  return noise.map((eps, i) => alpha * eps - sigma * clean[i]!)
}

/** Converts the network's output to ε. @param x x_t, as long as `output` */
export function predictedNoise(
  prediction: Prediction,
  output: Float32Array,
  x: Float32Array,
  alphaBar: number,
): Float32Array {
  if (prediction === 'epsilon') return output
  const alpha = Math.sqrt(alphaBar)
  const sigma = Math.sqrt(1 - alphaBar)
  const epsilon = new Float32Array(output.length)
  if (prediction === 'x0') {
    for (let i = 0; i < epsilon.length; i++) epsilon[i] = (x[i]! - alpha * output[i]!) / sigma
  } else {
    for (let i = 0; i < epsilon.length; i++) epsilon[i] = alpha * output[i]! + sigma * x[i]!
  }
  return epsilon
}

/** Converts ε to x̂_0 = (x_t − σ·ε)/α. @param x x_t, as long as ε */
export function predictedClean(x: Float32Array, epsilon: Float32Array, alphaBar: number): Float32Array {
  const alpha = Math.sqrt(alphaBar)
  const sigma = Math.sqrt(1 - alphaBar)
  const clean = new Float32Array(x.length)
  for (let i = 0; i < clean.length; i++) clean[i] = (x[i]! - sigma * epsilon[i]!) / alpha
  return clean
}
