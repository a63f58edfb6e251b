/**
 * The steps of the reverse process as constants for a graph. Between two calls of the network, every sampler computes
 * weighted sums of x, the network's output, fresh noise, and what a multistep sampler carries (src/diffusion/samplers),
 * and may clamp the result. The weights are found by taking a step with each of the four as the only non-zero input. In
 * this way an export has exactly the sampler's arithmetic.
 */
import { drawOfPass } from '../../diffusion/noise.js'
import type { PassState } from '../../diffusion/samplers/sampler.js'
import { type ReverseSteps, reverseStep } from '../../diffusion/step.js'

/** Weights of a sum of x, the network's output, the noise and the carried data. */
export interface StepSum {
  readonly x: number
  readonly output: number
  readonly noise: number
  readonly carried: number
}

export interface LinearStep {
  /** The training step on which the network is conditioned. */
  readonly step: number
  /** x after the step. */
  readonly next: StepSum
  /** Limit of |x| after the step; null for none. */
  readonly clamp: number | null
  /** The data that a multistep sampler carries to the next step; null for none. */
  readonly carried: StepSum | null
  /** Whether the step adds noise. */
  readonly needsNoise: boolean
}

/** Stands for 1, but is small enough not to be clamped. As a power of two it can be divided by exactly. */
const UNIT = 2 ** -20
/** A value that any clamp would reduce. */
const LARGE = 2 ** 20

/** The steps in the order in which they run. */
export function linearSteps(process: ReverseSteps): readonly LinearStep[] {
  let carries = false
  return process.sampler.steps.map((step, pass) => {
    const needsNoise = drawOfPass(process.sampler, pass) !== null
    const take = (unit: number): PassState => {
      const basis = (at: number) => Float32Array.from({ length: 4 }, (_, i) => (i === at ? unit : 0))
      const state = { x: basis(0), carried: carries ? basis(3) : null }
      return reverseStep(process, { pass, state, output: basis(1), noise: needsNoise ? basis(2) : null }).state
    }
    const { x, carried } = take(UNIT)
    const limit = Math.max(...take(LARGE).x.map(Math.abs))
    carries = carried !== null
    return {
      step,
      next: sumOf(x),
      clamp: limit === 1 ? 1 : null,
      carried: carried === null ? null : sumOf(carried),
      needsNoise,
    }
  })
}

function sumOf([x, output, noise, carried]: Float32Array): StepSum {
  return { x: x! / UNIT, output: output! / UNIT, noise: noise! / UNIT, carried: carried! / UNIT }
}
