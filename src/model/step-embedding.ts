/**
 * Sinusoids of diffusion steps: the input of the step embedding. Sources: lmnt-com/diffwave `DiffusionEmbedding`, a
 * table with one row per step, between whose rows fractional steps are interpolated; and philsyn/DiffWave-Vocoder
 * `calc_diffusion_step_embedding`, which takes any real step.
 *
 * Arguments reach 5e5, where neighbouring float32 numbers are 0.03 apart. Exponent, power and product are therefore
 * each rounded to float32 as PyTorch does. Otherwise sine and cosine would differ by 4e-3.
 */
import type { NetworkConfig } from './network.js'

type StepEmbedding = NetworkConfig['stepEmbedding']

/** The frequencies f_i, i = 0 … size/2 − 1, as float32. */
export function stepFrequencies(embedding: StepEmbedding): Float32Array {
  const half = embedding.size / 2
  return Float32Array.from({ length: half }, (_, i) =>
    embedding.frequencies === 'powers-of-ten'
      ? 10 ** Math.fround(Math.fround(i * 4) / (half - 1))
      : Math.exp(Math.fround(i * -Math.fround(Math.log(10_000) / (half - 1)))),
  )
}

/** Sines, then cosines, of one step. */
function sinusoids(step: number, factors: Float32Array, out: Float32Array, offset: number): void {
  const t = Math.fround(step)
  for (let i = 0; i < factors.length; i++) {
    const argument = Math.fround(t * factors[i]!)
    out[offset + i] = Math.sin(argument)
    out[offset + factors.length + i] = Math.cos(argument)
  }
}

/**
 * The embedding's input for each step: `[steps × size]`, row-major, sines first.
 *
 * @param steps diffusion steps from 0, fractional allowed
 */
export function stepSinusoids(embedding: StepEmbedding, steps: ArrayLike<number>): Float32Array {
  const { size } = embedding
  const factors = stepFrequencies(embedding)
  const out = new Float32Array(steps.length * size)
  const upper = new Float32Array(size)
  for (let n = 0; n < steps.length; n++) {
    const step = steps[n]!
    const low = Math.floor(step)
    if (embedding.fractional === 'direct' || step === low) {
      sinusoids(step, factors, out, n * size)
      continue
    }
    sinusoids(low, factors, out, n * size)
    sinusoids(low + 1, factors, upper, 0)
    const weight = Math.fround(step - low)
    for (let i = 0; i < size; i++) {
      const from = out[n * size + i]!
      out[n * size + i] = from + Math.fround(upper[i]! - from) * weight
    }
  }
  return out
}
