/** The noise of a clip: which normal numbers the reverse process starts from and which it adds. */
import { gaussian } from '../core/random.js'
import type { Sampler } from './samplers/sampler.js'

/**
 * Returns the normal numbers start … start + count − 1 of a draw. Draw 0 is x_T. Draw n is the noise added at level n
 * of the sampling schedule; the cleanest level is n = 0 and adds none.
 */
export type NoiseSource = (draw: number, start: number, count: number) => Float32Array

/**
 * Standard normal noise from a seed.
 *
 * @param normal `gaussian` of an engine, with the same bytes. Default: the readable one
 */
export function seededNoise(seed: number, normal: typeof gaussian = gaussian): NoiseSource {
  return (draw, start, count) => normal(seed, draw, start, count)
}

/** The draw whose noise a pass adds; null if it adds no noise. */
export function drawOfPass(sampler: Sampler, pass: number): number | null {
  return sampler.needsNoise(pass) ? sampler.steps.length - 1 - pass : null
}
