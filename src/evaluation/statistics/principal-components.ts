/** Principal components of feature vectors, by orthogonal (subspace) iteration (Golub & Van Loan, section 8.2). */
import { setImmediate } from 'node:timers/promises'
import { gaussian } from '../../core/random.js'
import { covariance, type Moments } from './moments.js'
import { symmetricEigen } from './symmetric-eigen.js'

/** Iterations; components whose variances are close need not be told apart, only their span found. */
const ITERATIONS = 40

export class PrincipalComponents {
  private constructor(
    private readonly mean: Float64Array,
    /** `[components × features]`, orthonormal rows. */
    private readonly basis: Float64Array,
    readonly components: number,
  ) {}

  /** The `components` directions of most variance, or as many as the vectors have. */
  static async fit(vectors: readonly Float64Array[], components: number): Promise<PrincipalComponents> {
    const { mean, covariance: matrix }: Moments = covariance(vectors)
    const size = mean.length
    const count = Math.min(components, size, Math.max(1, vectors.length - 1))
    const basis = Float64Array.from(gaussian(0, 0, 0, count * size))
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      basis.set(orthonormal(times(basis, matrix, count, size), count, size))
      await setImmediate()
    }
    // Within the span, the axes of most variance first.
    const mapped = times(basis, matrix, count, size)
    const small = new Float64Array(count * count)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) small[i * count + j] = dot(mapped, i * size, basis, j * size, size)
    }
    const { vectors: turn } = symmetricEigen(small, count)
    const turned = new Float64Array(count * size)
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const share = turn[i * count + j]!
        for (let k = 0; k < size; k++) turned[i * size + k]! += share * basis[j * size + k]!
      }
    }
    return new PrincipalComponents(mean, turned, count)
  }

  project(vector: Float64Array): Float64Array {
    const size = this.mean.length
    const centred = vector.map((x, i) => x - this.mean[i]!)
    return Float64Array.from({ length: this.components }, (_, i) => dot(this.basis, i * size, centred, 0, size))
  }
}

function dot(a: Float64Array, fromA: number, b: Float64Array, fromB: number, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += a[fromA + i]! * b[fromB + i]!
  return sum
}

/** Rows times a symmetric matrix. */
function times(rows: Float64Array, matrix: Float64Array, count: number, size: number): Float64Array {
  const out = new Float64Array(count * size)
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < size; j++) out[i * size + j] = dot(rows, i * size, matrix, j * size, size)
  }
  return out
}

/** Rows made orthonormal one by one, twice over for accuracy (modified Gram–Schmidt). */
function orthonormal(rows: Float64Array, count: number, size: number): Float64Array {
  for (let i = 0; i < count; i++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const share = dot(rows, i * size, rows, j * size, size)
        for (let k = 0; k < size; k++) rows[i * size + k]! -= share * rows[j * size + k]!
      }
      const norm = Math.sqrt(dot(rows, i * size, rows, i * size, size))
      // A direction without variance stays out: it projects to zero.
      const scale = norm > 1e-200 ? 1 / norm : 0
      for (let k = 0; k < size; k++) rows[i * size + k]! *= scale
    }
  }
  return rows
}
