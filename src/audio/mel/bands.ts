/**
 * A mel's bands over the bins of its transform: what a frame's bands are to hold, and how bins are moved towards that.
 */

import { binCount } from '../transforms/stft.js'
import type { Mel, MelConvention } from './convention.js'
import { melFilters } from './filters.js'
import { denormaliseMel } from './mel.js'

/** The bands of one convention; holds its filters and the buffer that every frame reuses. */
export class MelBands {
  readonly bins: number
  readonly filters: ReturnType<typeof melFilters>
  /** Sum of all bands' weights over a bin; 0: the mel tells nothing of it. */
  readonly columnSums: Float64Array
  /** Magnitudes of the convention's own transform for one of a mel's; 1 unless it normalises its window. */
  readonly windowNorm: number
  readonly #gathered: Float64Array

  constructor(readonly convention: MelConvention) {
    this.bins = binCount(convention.fftSize)
    this.filters = melFilters(convention)
    this.columnSums = new Float64Array(this.bins)
    for (const { start, weights } of this.filters) {
      for (let i = 0; i < weights.length; i++) this.columnSums[start + i]! += weights[i]!
    }
    this.windowNorm = convention.windowNormalised ? Math.sqrt((convention.windowLength * 3) / 8) : 1
    this.#gathered = new Float64Array(this.bins)
  }

  /** Writes what the mel says of one frame, `[bands]` in the convention's energy, to `result` from `at` on. */
  targets(mel: Mel, frame: number, result: Float32Array | Float64Array, at: number): void {
    for (let band = 0; band < mel.bands; band++) {
      result[at + band] = Math.max(0, denormaliseMel(mel.data[band * mel.frames + frame]!, this.convention, band))
    }
  }

  /**
   * Moves values `[bins]` towards the bands' targets, in place: each bin by the weighed mean of its bands' ratios (Lee
   * & Seung 2001, eq. 5). Bins of which the mel tells nothing stay.
   *
   * @param targets as `targets` wrote them, from `at` on
   * @param tiny added to a band's sum before it divides
   * @param maxRatio bound of a band's ratio
   * @param relaxation from 1, to the target, to below 2, past it: ratios grow or shrink by a factor of 2 at most
   */
  move(
    values: Float64Array,
    targets: Float32Array | Float64Array,
    at: number,
    tiny: number,
    maxRatio = Number.POSITIVE_INFINITY,
    relaxation = 1,
  ): void {
    const { bins, filters, columnSums } = this
    const gathered = this.#gathered
    gathered.fill(0)
    for (let band = 0; band < filters.length; band++) {
      const { start, weights } = filters[band]!
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * values[start + i]!
      const ratio = Math.min(maxRatio, targets[at + band]! / (sum + tiny))
      for (let i = 0; i < weights.length; i++) gathered[start + i]! += weights[i]! * ratio
    }
    for (let bin = 0; bin < bins; bin++) {
      if (columnSums[bin]! <= 0) continue
      const ratio = gathered[bin]! / columnSums[bin]!
      values[bin]! *= ratio * Math.min(2, Math.max(0.5, 1 + (relaxation - 1) * (ratio - 1)))
    }
  }
}
