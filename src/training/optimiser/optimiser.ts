/**
 * Updates the weights and their average. The arithmetic is the engine's own if it has kernels for it, else that of this
 * folder. The resulting bytes are the same.
 */
import type { Tensor } from '../../core/tensor.js'
import type { OptimiserKernels } from '../../engines/engine.js'
import type { Adam } from './adam.js'
import {
  addAll,
  averageDecayAt,
  clippingFactor,
  type Gradients,
  globalNorm,
  scaleGradients,
  updateAverage,
} from './gradients.js'

/** The state that training changes: the weights, their average, and Adam's moments. */
export interface TrainingState {
  readonly weights: Map<string, Tensor>
  readonly average: Map<string, Tensor>
  readonly adam: Adam
}

/** The settings of the trainer's config that an update needs. */
export interface OptimiserSettings {
  /** Max norm of the gradients; null if they are not clipped. */
  readonly clipNorm: number | null
  /** Max decay of the average of the weights. */
  readonly averageDecay: number
}

export class Optimiser {
  readonly #kernels: OptimiserKernels | undefined
  readonly #settings: OptimiserSettings
  /** Whether the average of the weights does not contain the last update yet. */
  #averageLags = false

  constructor(kernels: OptimiserKernels | undefined, settings: OptimiserSettings) {
    this.#kernels = kernels
    this.#settings = settings
  }

  /** Adds `more` to `total`, in place. */
  async add(total: Gradients, more: Gradients): Promise<void> {
    await addAll(this.#kernels, total, more)
  }

  /** Multiplies all numbers by a factor, in place. */
  async scale(gradients: Gradients, factor: number): Promise<void> {
    if (this.#kernels === undefined || factor === 1) return scaleGradients(gradients, factor)
    await this.#kernels.scale([...gradients.values()], factor)
  }

  /** Computes √Σ g² over all parameters. The result is not finite if any number is not. */
  async norm(gradients: Gradients): Promise<number> {
    return this.#kernels === undefined ? globalNorm(gradients) : this.#kernels.norm([...gradients.values()])
  }

  /**
   * Clips the gradients and updates the weights by Adam. The call may change the gradients: do not use them afterwards.
   *
   * @param norm norm of the gradients
   */
  async update(state: TrainingState, gradients: Gradients, norm: number, learningRate: number): Promise<void> {
    this.catchUp(state)
    const { weights, average, adam } = state
    const factor = clippingFactor(norm, this.#settings.clipNorm)
    const names = [...weights.keys()]
    if (this.#kernels === undefined || names.some(name => !gradients.has(name))) {
      scaleGradients(gradients, factor)
      adam.update(weights, gradients, learningRate)
      this.#averageLags = true
      return
    }
    const numbers = adam.begin(learningRate)
    const moments = names.map(name => adam.momentsOf(name, weights.get(name)!.data.length))
    await this.#kernels.update({
      ...numbers,
      weights: names.map(name => weights.get(name)!.data),
      gradients: names.map(name => gradients.get(name)!),
      gradientScale: factor,
      first: moments.map(({ first }) => first),
      second: moments.map(({ second }) => second),
      average: names.map(name => average.get(name)!.data),
      averageDecay: averageDecayAt(this.#settings.averageDecay, adam.step - 1),
    })
  }

  /** Adds the last update to the average of the weights, unless that was done already. */
  catchUp({ weights, average, adam }: TrainingState): void {
    if (!this.#averageLags) return
    this.#averageLags = false
    updateAverage(average, weights, this.#settings.averageDecay, adam.step - 1)
  }
}
