/**
 * The forward process: x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε (Ho et al. 2020, eq. 4; Kong et al. 2021, eq. 8), at any training
 * step, whole or fractional.
 */
import { DiffWaveError } from '../core/errors.js'
import type { NoiseSchedule } from './schedule.js'

/**
 * ᾱ at a training step; between two steps √ᾱ is linear, as WaveGrad draws it (Chen et al. 2021, section 3.2) and as
 * `fractionalSteps` reads it back.
 *
 * @param step 0 … the last step, fractional allowed
 * @throws DiffWaveError `BAD_SCHEDULE` outside that range
 */
export function alphaBarAt(schedule: NoiseSchedule, step: number): number {
  const last = schedule.alphaBar.length - 1
  if (!(step >= 0 && step <= last)) {
    throw new DiffWaveError('BAD_SCHEDULE', 'a diffusion step is out of range', {
      expected: `0 … ${last}`,
      got: String(step),
    })
  }
  const below = Math.floor(step)
  if (below === step) return schedule.alphaBar[below]!
  const root = Math.sqrt(schedule.alphaBar[below]!)
  const level = root + (step - below) * (Math.sqrt(schedule.alphaBar[below + 1]!) - root)
  return level * level
}

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
