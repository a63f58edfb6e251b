/**
 * Adam (Kingma & Ba 2015, algorithm 1), with the order of operations of PyTorch's `torch.optim.Adam`: bias-corrected
 * moments, and ε outside the root. The state is float32, as in PyTorch. An engine may do the same arithmetic in native
 * code, with the same bytes as the result (`OptimiserKernels` of src/engines/engine.ts).
 */
import { z } from 'zod'
import { check } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'

const optionsSchema = z.strictObject({
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().positive().default(1e-8),
})

export type AdamOptions = Readonly<z.input<typeof optionsSchema>>

interface Moments {
  readonly first: Float32Array
  readonly second: Float32Array
}

/** The optimiser of one set of parameters. */
export class Adam {
  /** Number of updates made so far. */
  step = 0
  readonly moments = new Map<string, Moments>()
  readonly #options: z.output<typeof optionsSchema>

  constructor(options: AdamOptions = {}) {
    this.#options = check(optionsSchema, options, 'Adam options')
  }

  /**
   * Counts one more update.
   *
   * @returns the constants of update n: `stepSize` is the rate / (1 − beta1ⁿ), `root` is √(1 − beta2ⁿ)
   */
  begin(learningRate: number) {
    const { beta1, beta2, epsilon } = this.#options
    this.step++
    const stepSize = learningRate / (1 - beta1 ** this.step)
    const root = Math.sqrt(1 - beta2 ** this.step)
    return { beta1, beta2, epsilon, stepSize, root }
  }

  /** Returns the moments of a parameter, which are zero before its first update. */
  momentsOf(name: string, size: number): Moments {
    let moments = this.moments.get(name)
    if (moments === undefined) {
      moments = { first: new Float32Array(size), second: new Float32Array(size) }
      this.moments.set(name, moments)
    }
    return moments
  }

  /** Changes `parameters` in place by one update. Parameters without a gradient stay as they are. */
  update(
    parameters: ReadonlyMap<string, Tensor>,
    gradients: ReadonlyMap<string, Float32Array>,
    learningRate: number,
  ): void {
    const { beta1, beta2, epsilon, stepSize, root } = this.begin(learningRate)
    for (const [name, { data }] of parameters) {
      const gradient = gradients.get(name)
      if (gradient === undefined) continue
      const { first, second } = this.momentsOf(name, data.length)
      for (let i = 0; i < data.length; i++) {
        const g = gradient[i]!
        first[i] = first[i]! * beta1 + g * (1 - beta1)
        second[i] = second[i]! * beta2 + g * g * (1 - beta2)
        data[i]! -= (stepSize * first[i]!) / (Math.sqrt(second[i]!) / root + epsilon)
      }
    }
  }
}
