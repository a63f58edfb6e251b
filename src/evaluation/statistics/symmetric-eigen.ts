/**
 * Eigenvalues and eigenvectors of a small symmetric matrix, by cyclic Jacobi rotations (Golub & Van Loan, section 8.5).
 */

export interface Eigen {
  /** Descending. */
  readonly values: Float64Array
  /** `[size × size]`, row i the unit eigenvector of value i. */
  readonly vectors: Float64Array
}

/** Jacobi converges in about ten sweeps for the sizes used here. */
const MAX_SWEEPS = 60
/** Off-diagonal norm that counts as zero, as a share of the whole norm. */
const CONVERGED = 1e-12

/** @param matrix symmetric, `[size × size]`, row-major */
export function symmetricEigen(matrix: ArrayLike<number>, size: number): Eigen {
  const a = Float64Array.from(matrix)
  const v = new Float64Array(size * size)
  for (let i = 0; i < size; i++) v[i * size + i] = 1
  const total = a.reduce((sum, x) => sum + x * x, 0)
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let off = 0
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) off += 2 * a[p * size + q]! ** 2
    if (off <= CONVERGED ** 2 * total) break
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(a, v, size, p, q)
    }
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => a[j * size + j]! - a[i * size + i]!)
  const vectors = new Float64Array(size * size)
  for (const [row, i] of order.entries()) vectors.set(v.subarray(i * size, (i + 1) * size), row * size)
  return { values: Float64Array.from(order, i => a[i * size + i]!), vectors }
}

/** Rotates axes p and q so that the entry a[p, q] becomes zero; the rows of `v` are the axes. */
function rotate(a: Float64Array, v: Float64Array, size: number, p: number, q: number): void {
  const entry = a[p * size + q]!
  if (entry === 0) return
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * entry)
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (let k = 0; k < size; k++) {
    const [kp, kq] = [a[k * size + p]!, a[k * size + q]!]
    a[k * size + p] = c * kp - s * kq
    a[k * size + q] = s * kp + c * kq
  }
  for (const m of [a, v]) {
    for (let k = 0; k < size; k++) {
      const [pk, qk] = [m[p * size + k]!, m[q * size + k]!]
      m[p * size + k] = c * pk - s * qk
      m[q * size + k] = s * pk + c * qk
    }
  }
}
