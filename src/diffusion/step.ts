/**
 * One step of the reverse process, x_t → x_{t−1}: the network's output becomes ε, and the sampler's update takes it
 * from there. The loops over streams (reverse.ts), batches (reverse-batch.ts) and recordings with gaps
 * (src/repair/fill.ts) all take this step.
 */
import { type Prediction, predictedClean, predictedNoise } from './prediction.js'
import type { PassState, Sampler } from './samplers/sampler.js'

/** What steps of one process have in common. */
export interface ReverseSteps {
  readonly sampler: Sampler
  /** What the network predicts. */
  readonly prediction: Prediction
}

/** Below this ᾱ, float32 cannot have x̂_0 back from x and ε: √ᾱ·x̂_0 drowns in the rounding of √(1 − ᾱ)·ε. */
const MIN_INVERTIBLE = 1e-5

interface StepResult {
  /** x after the step, and what the sampler carries on. */
  readonly state: PassState
  /** x̂_0, the clean data that this step aimed at. */
  clean(): Float32Array
}

/**
 * @param pass index of the step, 0 the noisiest
 * @param state x before the step
 * @param output of the network for x
 * @param noise z of the step, if the sampler needs it (`drawOfPass`), as long as x
 * @param constrain changes x̂_0 before the sampler goes on with it
 */
export function reverseStep(
  { sampler, prediction }: ReverseSteps,
  pass: number,
  state: PassState,
  output: Float32Array,
  noise: Float32Array | null,
  constrain?: (clean: Float32Array) => Float32Array,
): StepResult {
  const alphaBar = sampler.alphaBars[pass]!
  const { x } = state
  const predicted = predictedNoise(prediction, output, x, alphaBar)
  const lost = prediction === 'x0' && alphaBar < MIN_INVERTIBLE ? output : null
  const constrained = constrain?.(lost ?? predictedClean(x, predicted, alphaBar))
  const epsilon = constrained === undefined ? predicted : predictedNoise('x0', constrained, x, alphaBar)
  const exact = lost === null ? null : (constrained ?? lost)
  return {
    state: sampler.update(pass, state, epsilon, noise, exact),
    clean: () => exact ?? predictedClean(x, epsilon, alphaBar),
  }
}

/** What a watcher of a process sees of a step: whole clips of data. */
export interface WatchedStep {
  readonly pass: number
  /** x before the step: what the network got. */
  readonly input: Float32Array
  /** x after the step. */
  readonly state: Float32Array
  clean(): Float32Array
}
