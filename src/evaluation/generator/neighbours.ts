/** Distances between embeddings: to the nearest one of another set (memorisation), and within a set (diversity). */
import { mapInTurns } from './in-turns.js'

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return Math.sqrt(sum)
}

/** A vector's nearest neighbour in another set. */
export interface Neighbour {
  readonly distance: number
  /** Its index in the other set. */
  readonly index: number
}

/** Finds the nearest one of `others` for each vector of `set`. @throws DiffWaveError `ABORTED` */
export function nearest(
  set: readonly Float64Array[],
  others: readonly Float64Array[],
  signal?: AbortSignal,
): Promise<readonly Neighbour[]> {
  const nearestTo = (own: Float64Array) => {
    let [best, index] = [Number.POSITIVE_INFINITY, -1]
    for (const [i, other] of others.entries()) {
      const found = distance(own, other)
      if (found < best) [best, index] = [found, i]
    }
    return { distance: best, index }
  }
  return mapInTurns(set, nearestTo, signal)
}

/**
 * Distances within a set.
 *
 * @returns the mean distance of two vectors, null if there are fewer than two, and the distance of each vector to the
 * nearest other one
 * @throws DiffWaveError `ABORTED`
 */
export async function distancesWithin(
  set: readonly Float64Array[],
  signal?: AbortSignal,
): Promise<{ readonly mean: number | null; readonly nearestOther: readonly number[] }> {
  if (set.length < 2) return { mean: null, nearestOther: [] }
  const nearestOther = new Array<number>(set.length).fill(Number.POSITIVE_INFINITY)
  let sum = 0
  const toEarlier = (i: number) => {
    for (let j = 0; j < i; j++) {
      const found = distance(set[i]!, set[j]!)
      sum += found
      nearestOther[i] = Math.min(nearestOther[i]!, found)
      nearestOther[j] = Math.min(nearestOther[j]!, found)
    }
  }
  await mapInTurns([...set.keys()], toEarlier, signal)
  return { mean: sum / ((set.length * (set.length - 1)) / 2), nearestOther }
}
