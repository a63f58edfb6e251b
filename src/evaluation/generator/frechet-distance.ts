/**
 * Fréchet distance between two sets of embeddings, modelled as Gaussians: |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₁^½ Σ₂ Σ₁^½)^½)
 * (Dowson & Landau 1982; Heusel et al. 2017, equation 6).
 */
import { covariance } from '../statistics/moments.js'
import { symmetricEigen } from '../statistics/symmetric-eigen.js'

/** @param a @param b embeddings of the same length; the fewer there are, the more the distance is overestimated */
export function frechetDistance(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  const [first, second] = [covariance(a), covariance(b)]
  const size = first.mean.length
  let distance = 0
  for (let i = 0; i < size; i++) {
    distance += (first.mean[i]! - second.mean[i]!) ** 2
    distance += first.covariance[i * size + i]! + second.covariance[i * size + i]!
  }
  const root = squareRoot(first.covariance, size)
  const inner = product(product(root, second.covariance, size), root, size)
  for (const value of symmetricEigen(inner, size).values) distance -= 2 * Math.sqrt(Math.max(0, value))
  return Math.max(0, distance)
}

/** The product of two `[size × size]` matrices. */
function product(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const x = a[i * size + k]!
      for (let j = 0; j < size; j++) out[i * size + j]! += x * b[k * size + j]!
    }
  }
  return out
}

/** The symmetric square root of a covariance matrix. */
function squareRoot(matrix: Float64Array, size: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, size)
  const out = new Float64Array(size * size)
  for (let e = 0; e < size; e++) {
    const root = Math.sqrt(Math.max(0, values[e]!))
    for (let i = 0; i < size; i++) {
      const x = root * vectors[e * size + i]!
      for (let j = 0; j < size; j++) out[i * size + j]! += x * vectors[e * size + j]!
    }
  }
  return out
}
