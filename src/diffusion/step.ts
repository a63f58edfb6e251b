/**
 * One step of the reverse process, x_t → x_{t−1}: the network's output is converted to ε, and the sampler updates x.
 * The loops over streams (reverse.ts), batches (reverse-batch.ts) and recordings with gaps (src/repair/fill.ts) all
 * call `reverseStep`.
 */
import { type Prediction, predictedClean, predictedNoise } from './prediction.js'
import type { PassState, Sampler } from './samplers/sampler.js'

/** What all steps of a process have in common. */
export interface ReverseSteps {
  readonly sampler: Sampler
  /** What the network predicts. */
  readonly prediction: Prediction
}

/** Below this ᾱ, x̂_0 cannot be recovered from x and ε in float32: √ᾱ·x̂_0 is lost in the rounding of √(1 − ᾱ)·ε. */
const MIN_INVERTIBLE = 1e-5

/** What one step needs. All arrays have the same length. */
export interface StepInput {
  /** Index of the step; 0 is the noisiest. */
  readonly pass: number
  /** x before the step. */
  readonly state: PassState
  /** The network's output for x. */
  readonly output: Float32Array
  /** z, if the sampler needs it (`drawOfPass`); else null. */
  readonly noise: Float32Array | null
  /** Changes x̂_0 before the sampler uses it, to agree with known data. */
  readonly constrain?: ((clean: Float32Array) => Float32Array) | undefined
}

interface StepResult {
  /** x after the step, and what the sampler carries on. */
  readonly state: PassState
  /** x̂_0, the clean data that the step predicted. */
  clean(): Float32Array
}

/**
 * Takes one step over a piece of data of any length. All arrays are as long as `state.x`, and none of them is changed.
 *
 * @example
 * const { state: next } = reverseStep(
 *   { sampler, prediction: 'epsilon' },
 *   { pass: 0, state: { x, carried: null }, output: eps, noise: null },
 * )
 */
export function reverseStep(
  { sampler, prediction }: ReverseSteps,
  { pass, state, output, noise, constrain }: StepInput,
): StepResult {
  const alphaBar = sampler.alphaBars[pass]!
  const { x } = state
  const predicted = predictedNoise(prediction, output, x, alphaBar)
  // x̂_0 as the network predicts it, if it could not be recovered from ε.
  const direct = prediction === 'x0' && alphaBar < MIN_INVERTIBLE ? output : null
  const constrained = constrain?.(direct ?? predictedClean(x, predicted, alphaBar))
  const epsilon = constrained === undefined ? predicted : predictedNoise('x0', constrained, x, alphaBar)
  const clean = direct === null ? null : (constrained ?? direct)
  return {
    state: sampler.update(pass, state, { epsilon, noise, clean }),
    clean: () => clean ?? predictedClean(x, epsilon, alphaBar),
  }
}

/** What `onStep` reports of a step: the data of a whole clip. */
export interface WatchedStep {
  readonly pass: number
  /** x before the step: the network's input. */
  readonly input: Float32Array
  /** x after the step. */
  readonly state: Float32Array
  clean(): Float32Array
}
