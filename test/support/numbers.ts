/** Distances between arrays of numbers. */

/** ‖a − b‖ / ‖b‖; ‖a‖ where b is all zero. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    norm += b[i]! ** 2
  }
  return Math.sqrt(norm > 0 ? difference / norm : difference)
}

/** Mean |a − b|. */
export function meanDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let sum = 0
  for (let i = 0; i < b.length; i++) sum += Math.abs(a[i]! - b[i]!)
  return sum / b.length
}
