/**
 * A sampler: how one pass of the reverse process gets from a noise level to the next cleaner one. A pass is the same
 * function of each sample on its own, so it can run over data piece by piece.
 */
import type { SamplingSchedule } from '../schedule.js'

/** The data before or after a pass, and what the sampler carries beside them. */
export interface PassState {
  readonly x: Float32Array
  /** What a multistep sampler remembers of the previous pass, as long as x. */
  readonly carried: Float32Array | null
}

export interface Sampler {
  /** The training step on which the network is conditioned in each pass, in order: noisiest first. */
  readonly steps: readonly number[]
  /** ᾱ of the data before each pass. */
  readonly alphaBars: readonly number[]
  /** Whether a pass adds noise. */
  needsNoise(pass: number): boolean
  /** Deviation of the noise that a pass adds; 0: none. */
  spread(pass: number): number
  /**
   * One pass over a piece of data.
   *
   * @param state x at this pass's level, and what the previous pass carried
   * @param eps the network's ε for x
   * @param noise z ~ N(0, 1), or the prior's, if `needsNoise(pass)`
   * @param clean x̂_0, if float32 cannot have it back from x and ε; default: null
   */
  update(
    pass: number,
    state: PassState,
    eps: Float32Array,
    noise: Float32Array | null,
    clean?: Float32Array | null,
  ): PassState
}

/** A pass's level in its schedule: pass 0 is at the noisiest. */
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

/** ᾱ of the next cleaner level; that of clean data is 1. */
export function alphaBarBelow(schedule: SamplingSchedule, level: number): number {
  return level === 0 ? 1 : schedule.alphaBar[level - 1]!
}

/** ᾱ of the data after a pass; that of clean data is 1. */
export function alphaBarAfter(sampler: Pick<Sampler, 'alphaBars'>, pass: number): number {
  return sampler.alphaBars[pass + 1] ?? 1
}
