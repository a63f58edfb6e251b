/**
 * What happens to gradients, weights and their average in an update: by an engine's own arithmetic if it has one, else
 * by this folder's. The bytes are the same.
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

/** What training changes. */
export interface TrainingState {
  readonly weights: Map<string, Tensor>
  readonly average: Map<string, Tensor>
  readonly adam: Adam
}

/** Settings of the optimiser, as the trainer's config has them. */
export interface OptimiserSettings {
  /** Bound of the gradients' norm; null: none. */
  readonly clipNorm: number | null
  /** Decay of the average of the weights, at most. */
  readonly averageDecay: number
}

export class Optimiser {
  readonly #kernels: OptimiserKernels | undefined
  readonly #settings: OptimiserSettings
  /** Whether the last update is not yet in the average of the weights. */
  #averageLags = false

  constructor(kernels: OptimiserKernels | undefined, settings: OptimiserSettings) {
    this.#kernels = kernels
    this.#settings = settings
  }

  /** total ← total + more, in place. */
  async add(total: Gradients, more: Gradients): Promise<void> {
    await addAll(this.#kernels, total, more)
  }

  /** Each number times a factor, in place. */
  async scale(gradients: Gradients, factor: number): Promise<void> {
    if (this.#kernels === undefined || factor === 1) return scaleGradients(gradients, factor)
    await this.#kernels.scale([...gradients.values()], factor)
  }

  /** √Σ g² over all parameters; not finite if any number is not. */
  async norm(gradients: Gradients): Promise<number> {
    return this.#kernels === undefined ? globalNorm(gradients) : this.#kernels.norm([...gradients.values()])
  }

  /**
   * One update of the weights by Adam, with gradients clipped to their bound. The gradients are not to be used
   * afterwards.
   *
   * @param norm that of the gradients
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

  /** Takes the last update into the average of the weights, unless that was done. */
  catchUp({ weights, average, adam }: TrainingState): void {
    if (!this.#averageLags) return
    this.#averageLags = false
    updateAverage(average, weights, this.#settings.averageDecay, adam.step - 1)
  }
}
