/** Mean, covariance, standard deviation and percentiles of samples. */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'

export interface Moments {
  readonly mean: Float64Array
  /** `[size × size]`, row-major, with the divisor n − 1. */
  readonly covariance: Float64Array
}

/** @param vectors at least one, all of the same length */
export function covariance(vectors: readonly Float64Array[]): Moments {
  const sums = new CovarianceSums(vectors)
  for (const vector of vectors) sums.add(vector)
  return sums.moments()
}

/** As `covariance`, but lets other work have its turn: thousands of long vectors take minutes. */
export async function covarianceInTurns(
  vectors: readonly Float64Array[],
  signal: AbortSignal | undefined,
): Promise<Moments> {
  const sums = new CovarianceSums(vectors)
  for (const vector of vectors) {
    sums.add(vector)
    await setImmediate()
    throwIfAborted(signal)
  }
  return sums.moments()
}

class CovarianceSums {
  readonly #count: number
  readonly #mean: Float64Array
  /** Sums of products, of which only the lower triangle is filled. */
  readonly #products: Float64Array
  readonly #centred: Float64Array

  constructor(vectors: readonly Float64Array[]) {
    const size = vectors[0]!.length
    this.#count = vectors.length
    this.#mean = new Float64Array(size)
    for (const vector of vectors) for (let i = 0; i < size; i++) this.#mean[i]! += vector[i]! / vectors.length
    this.#products = new Float64Array(size * size)
    this.#centred = new Float64Array(size)
  }

  add(vector: Float64Array): void {
    const [centred, products, size] = [this.#centred, this.#products, vector.length]
    for (let i = 0; i < size; i++) centred[i] = vector[i]! - this.#mean[i]!
    for (let i = 0; i < size; i++) {
      const x = centred[i]!
      for (let j = 0; j <= i; j++) products[i * size + j]! += x * centred[j]!
    }
  }

  /** Call it once: it turns the sums into the covariance in place. */
  moments(): Moments {
    const [mean, matrix, size] = [this.#mean, this.#products, this.#mean.length]
    const divisor = Math.max(1, this.#count - 1)
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        const value = matrix[i * size + j]! / divisor
        matrix[i * size + j] = value
        matrix[j * size + i] = value
      }
    }
    return { mean, covariance: matrix }
  }
}

/** Mean and standard deviation. */
export interface Spread {
  /** Arithmetic mean. */
  readonly mean: number
  /** Standard deviation, with the divisor n − 1. */
  readonly deviation: number
}

/** The deviation of equal values is exactly 0. */
export function spread(values: readonly number[]): Spread {
  const first = values[0]!
  const mean = first + values.reduce((sum, x) => sum + (x - first), 0) / values.length
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) }
}

/** The percentile by linear interpolation between the ordered values. @param share 0 … 1 */
export function percentile(values: readonly number[], share: number): number {
  const ordered = [...values].sort((a, b) => a - b)
  const at = share * (ordered.length - 1)
  const below = Math.floor(at)
  const above = Math.min(ordered.length - 1, below + 1)
  return ordered[below]! + (at - below) * (ordered[above]! - ordered[below]!)
}
