/** The tables of a transform and of a mel's filters as the addon reads them. */
import type { MelBands } from '../../audio/mel/bands.js'

/** Filters of a mel, one after the other. */
export interface FilterTables {
  /** First bin of each filter, and the number of its weights, in turn, `[2 × bands]`. */
  readonly filters: Float64Array
  /** Of all filters, one after the other. */
  readonly weights: Float64Array
  /** Sum of all filters' weights over a bin, `[bins]`. */
  readonly columnSums: Float64Array
}

export function filterTables({ filters, columnSums }: MelBands): FilterTables {
  const count = filters.reduce((sum, { weights }) => sum + weights.length, 0)
  const all = new Float64Array(count)
  let at = 0
  for (const { weights } of filters) {
    all.set(weights, at)
    at += weights.length
  }
  return {
    filters: Float64Array.from(filters.flatMap(({ start, weights }) => [start, weights.length])),
    weights: all,
    columnSums,
  }
}

/** e^(−2πik/size) as fft.js computes them, real and imaginary part in turn. */
export function unitRoots(size: number): Float64Array {
  const roots = new Float64Array(2 * size)
  for (let i = 0; i < roots.length; i += 2) {
    const angle = (Math.PI * i) / size
    roots[i] = Math.cos(angle)
    roots[i + 1] = -Math.sin(angle)
  }
  return roots
}
