/** Arithmetic on gradients and weights: sums, clipping by the global norm, and the average of the weights. */
import type { Tensors } from '../../core/tensor.js'
import type { OptimiserKernels } from '../../engines/engine.js'

export type Gradients = ReadonlyMap<string, Float32Array>

/** Computes √Σ g² over all parameters. The result is not finite if any number is not. */
export function globalNorm(gradients: Gradients): number {
  let sum = 0
  for (const data of gradients.values()) for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!
  return Math.sqrt(sum)
}

/** Multiplies all numbers by a factor, in place. */
export function scaleGradients(gradients: Gradients, factor: number): void {
  if (factor === 1) return
  for (const data of gradients.values()) for (let i = 0; i < data.length; i++) data[i]! *= factor
}

/** Adds `more` to `total`, in place. */
export function addGradients(total: Gradients, more: Gradients): void {
  for (const [name, data] of total) {
    const other = more.get(name)!
    for (let i = 0; i < data.length; i++) data[i]! += other[i]!
  }
}

/** Adds `more` to `total`, in place, with an engine's kernels if it has them. */
export async function addAll(kernels: OptimiserKernels | undefined, total: Gradients, more: Gradients): Promise<void> {
  if (kernels === undefined) return addGradients(total, more)
  await kernels.add(
    [...total.values()],
    [...total.keys()].map(name => more.get(name)!),
  )
}

/** Computes the factor that reduces a norm to `bound`, as PyTorch's `clip_grad_norm_` does; 1 if it is not above. */
export function clippingFactor(norm: number, bound: number | null): number {
  return bound !== null && norm > bound ? bound / (norm + 1e-6) : 1
}

/** Computes the decay of the average after n updates. It is small at first, so that the first weights are forgotten. */
export function averageDecayAt(decay: number, n: number): number {
  return Math.min(decay, (1 + n) / (10 + n))
}

/** Updates the average in place: d·average + (1 − d)·weights, with d = `averageDecayAt(decay, n)`. */
export function updateAverage(average: Tensors, weights: Tensors, decay: number, n: number): void {
  const d = averageDecayAt(decay, n)
  for (const [name, { data }] of average) {
    const fresh = weights.get(name)!.data
    for (let i = 0; i < data.length; i++) data[i] = d * data[i]! + (1 - d) * fresh[i]!
  }
}
