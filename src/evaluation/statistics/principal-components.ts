/** Principal components of feature vectors, by orthogonal (subspace) iteration (Golub & Van Loan, section 8.2). */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { gaussian } from '../../core/random.js'
import { covarianceInTurns } from './moments.js'
import { symmetricEigen } from './symmetric-eigen.js'

/** Enough to find the span: components of nearly equal variance need not be separated within it. */
const ITERATIONS = 40

export class PrincipalComponents {
  readonly components: number
  readonly #mean: Float64Array
  /** `[components × features]`, orthonormal rows. */
  readonly #basis: Float64Array

  private constructor(mean: Float64Array, basis: Float64Array, components: number) {
    this.components = components
    this.#mean = mean
    this.#basis = basis
  }

  /**
   * The `components` directions of largest variance, or fewer if the vectors span fewer.
   *
   * @throws DiffWaveError `ABORTED`
   */
  static async fit(
    vectors: readonly Float64Array[],
    components: number,
    signal?: AbortSignal,
  ): Promise<PrincipalComponents> {
    const { mean, covariance: matrix } = await covarianceInTurns(vectors, signal)
    const size = mean.length
    const count = Math.min(components, size, Math.max(1, vectors.length - 1))
    const basis = Float64Array.from(gaussian(0, 0, 0, count * size))
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      basis.set(orthonormal(times(basis, matrix, count, size), count, size))
      await setImmediate()
      throwIfAborted(signal)
    }
    // Rotates the basis within its span to the axes of variance, largest first.
    const mapped = times(basis, matrix, count, size)
    const small = new Float64Array(count * count)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) small[i * count + j] = dot(mapped, i * size, basis, j * size, size)
    }
    const { vectors: rotation } = symmetricEigen(small, count)
    const rotated = new Float64Array(count * size)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const share = rotation[i * count + j]!
        for (let k = 0; k < size; k++) rotated[i * size + k]! += share * basis[j * size + k]!
      }
    }
    return new PrincipalComponents(mean, rotated, count)
  }

  /** Coordinates of a vector along the components, relative to the mean. */
  project(vector: Float64Array): Float64Array {
    const size = this.#mean.length
    const centred = vector.map((x, i) => x - this.#mean[i]!)
    return Float64Array.from({ length: this.components }, (_, i) => dot(this.#basis, i * size, centred, 0, size))
  }
}

function dot(a: Float64Array, fromA: number, b: Float64Array, fromB: number, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += a[fromA + i]! * b[fromB + i]!
  return sum
}

/**
 * `[count × size]` rows times a symmetric `[size × size]` matrix. It adds up four sums at a time, which do not wait for
 * each other; each is added up in order.
 */
function times(rows: Float64Array, matrix: Float64Array, count: number, size: number): Float64Array {
  const out = new Float64Array(count * size)
  const fours = size - (size % 4)
  for (let i = 0; i < count; i++) {
    const from = i * size
    for (let j = 0; j < fours; j += 4) {
      const first = j * size
      const second = first + size
      const third = second + size
      const fourth = third + size
      let a = 0
      let b = 0
      let c = 0
      let d = 0
      for (let k = 0; k < size; k++) {
        const value = rows[from + k]!
        a += value * matrix[first + k]!
        b += value * matrix[second + k]!
        c += value * matrix[third + k]!
        d += value * matrix[fourth + k]!
      }
      out[from + j] = a
      out[from + j + 1] = b
      out[from + j + 2] = c
      out[from + j + 3] = d
    }
    for (let j = fours; j < size; j++) out[from + j] = dot(rows, from, matrix, j * size, size)
  }
  return out
}

/** Orthonormalises rows in place by modified Gram–Schmidt, each row twice for accuracy. */
function orthonormal(rows: Float64Array, count: number, size: number): Float64Array {
  for (let i = 0; i < count; i++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const share = dot(rows, i * size, rows, j * size, size)
        for (let k = 0; k < size; k++) rows[i * size + k]! -= share * rows[j * size + k]!
      }
      const norm = Math.sqrt(dot(rows, i * size, rows, i * size, size))
      // A direction without variance becomes zero, so that everything projects to zero on it.
      const scale = norm > 1e-200 ? 1 / norm : 0
      for (let k = 0; k < size; k++) rows[i * size + k]! *= scale
    }
  }
  return rows
}
