/** The noise of a clip, by draws: which normal numbers the reverse process starts from and adds. */
import { gaussian } from '../core/random.js'
import type { Sampler } from './samplers/sampler.js'

/**
 * Normal numbers start … start + count − 1 of a draw. Draw 0 is x_T; the noise added at level n of the sampling
 * schedule (n = 0 the cleanest, which adds none) is draw n.
 */
export type NoiseSource = (draw: number, start: number, count: number) => Float32Array

/** Standard normal noise of a seed. @param normal an engine's own `gaussian`, with the same bytes */
export function seededNoise(seed: number, normal: typeof gaussian = gaussian): NoiseSource {
  return (draw, start, count) => normal(seed, draw, start, count)
}

/** The draw that a pass adds; null: it adds no noise. */
export function drawOfPass(sampler: Sampler, pass: number): number | null {
  return sampler.needsNoise(pass) ? sampler.steps.length - 1 - pass : null
}
