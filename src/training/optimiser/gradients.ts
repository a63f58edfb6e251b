/**
 * What happens to gradients and weights around an update: sums, clipping by the global norm, the average of weights.
 */
import type { Tensors } from '../../core/tensor.js'

export type Gradients = ReadonlyMap<string, Float32Array>

/** √Σ g² over all parameters; not finite where any number is not. */
export function globalNorm(gradients: Gradients): number {
  let sum = 0
  for (const data of gradients.values()) for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!
  return Math.sqrt(sum)
}

/** Each number times a factor, in place. */
export function scaleGradients(gradients: Gradients, factor: number): void {
  if (factor === 1) return
  for (const data of gradients.values()) for (let i = 0; i < data.length; i++) data[i]! *= factor
}

/** total += more, in place. */
export function addGradients(total: Gradients, more: Gradients): void {
  for (const [name, data] of total) {
    const other = more.get(name)!
    for (let i = 0; i < data.length; i++) data[i]! += other[i]!
  }
}

/** Scales the norm down to `bound` if it is above, as PyTorch's `clip_grad_norm_`; returns the norm before. */
export function clipGradients(gradients: Gradients, bound: number | null): number {
  const norm = globalNorm(gradients)
  if (bound !== null && norm > bound) scaleGradients(gradients, bound / (norm + 1e-6))
  return norm
}

/**
 * average ← d·average + (1 − d)·weights with d = min(decay, (1 + n)/(10 + n)), n updates having been averaged before.
 */
export function updateAverage(average: Tensors, weights: Tensors, decay: number, n: number): void {
  const d = Math.min(decay, (1 + n) / (10 + n))
  for (const [name, { data }] of average) {
    const fresh = weights.get(name)!.data
    for (let i = 0; i < data.length; i++) data[i] = d * data[i]! + (1 - d) * fresh[i]!
  }
}
