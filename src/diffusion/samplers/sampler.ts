/**
 * A sampler says how one pass of the reverse process gets from a noise level to the next cleaner one. It treats each
 * sample of the data on its own, so a pass can run piece by piece.
 */
import type { SamplingSchedule } from '../schedule.js'

/** The data before or after a pass, and what the sampler carries with them. */
export interface PassState {
  readonly x: Float32Array
  /** What a multistep sampler remembers of the previous pass, as long as x; else null. */
  readonly carried: Float32Array | null
}

/** What the network answered in a pass, and the noise that the pass adds. All arrays are as long as x. */
export interface PassInput {
  /** The network's ε for x. */
  readonly epsilon: Float32Array
  /** z ~ N(0, 1), or the prior's, if `needsNoise(pass)`. Default: null, none. */
  readonly noise?: Float32Array | null
  /** x̂_0, if it cannot be recovered from x and ε in float32. Default: null. */
  readonly clean?: Float32Array | null
}

export interface Sampler {
  /** The training step that the network is conditioned on in each pass, in the order of the passes: noisiest first. */
  readonly steps: readonly number[]
  /** ᾱ of the data before each pass. */
  readonly alphaBars: readonly number[]
  /** Whether a pass adds noise. */
  needsNoise(pass: number): boolean
  /** Standard deviation of the noise that a pass adds; 0 if it adds none. */
  noiseDeviation(pass: number): number
  /**
   * Takes one pass over a piece of data.
   *
   * @param state x at this pass's level, and what the previous pass carried
   */
  update(pass: number, state: PassState, input: PassInput): PassState
}

/** The level of a pass in its schedule. Pass 0 is at the noisiest level. */
export function levelOf(schedule: SamplingSchedule, pass: number): number {
  return schedule.steps.length - 1 - pass
}

/** The steps of a schedule in the order of the passes. */
export function passSteps(schedule: SamplingSchedule): readonly number[] {
  return Array.from(schedule.steps).reverse()
}

/** The levels of a schedule in the order of the passes. */
export function passLevels(schedule: SamplingSchedule): readonly number[] {
  return Array.from(schedule.alphaBar).reverse()
}

/** ᾱ of the next cleaner level; 1 if that is clean data. */
export function alphaBarBelow(schedule: SamplingSchedule, level: number): number {
  return level === 0 ? 1 : schedule.alphaBar[level - 1]!
}

/** ᾱ of the data after a pass; 1 if they are clean. */
export function alphaBarAfter(sampler: Pick<Sampler, 'alphaBars'>, pass: number): number {
  return sampler.alphaBars[pass + 1] ?? 1
}
