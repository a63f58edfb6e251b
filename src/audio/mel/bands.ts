/**
 * The bands of a mel over the bins of its transform: the energies that a mel states, and how to move bins towards them.
 */
import { binCount } from '../transforms/stft.js'
import type { Mel, MelConvention } from './convention.js'
import { melFilters } from './filters.js'
import { denormaliseMel } from './normalise.js'
import { DEFAULT_RELAXATION, relaxationFactor } from './relaxation.js'

/** How far and how carefully bins are moved towards their bands. */
export interface BandMove {
  /** Added to the sum of each band before the division. */
  readonly tiny: number
  /** Upper bound of each band's ratio. Default: none. */
  readonly maxRatio?: number
  /** How far to move: 1 is to the target, more (below 2) is past it (`relaxationFactor`). Default: 1. */
  readonly relaxation?: number
}

/** The bands of one convention, with its filters. Its buffer is reused by every frame. */
export class MelBands {
  readonly bins: number
  readonly filters: ReturnType<typeof melFilters>
  /** Sum of the weights of all bands at each bin, `[bins]`; 0 where no band covers the bin. */
  readonly columnSums: Float64Array
  /**
   * Factor from the magnitudes of a mel to those of the plain transform; 1 unless the convention normalises its window.
   */
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

  /**
   * Writes the energies that the mel states for one frame, `[bands]`, to `result` from `at` on. They are amplitudes or
   * powers, as the convention has them.
   */
  targets(mel: Mel, frame: number, result: Float32Array | Float64Array, at: number): void {
    for (let band = 0; band < mel.bands; band++) {
      result[at + band] = Math.max(0, denormaliseMel(mel.data[band * mel.frames + frame]!, this.convention, band))
    }
  }

  /**
   * Moves values `[bins]` towards the targets of the bands, in place: each bin is multiplied by the weighted mean of
   * its bands' ratios target / sum (Lee & Seung 2001, eq. 5). Bins that no band covers stay as they are.
   *
   * @param targets as `targets` wrote them, from `at` on
   */
  move(values: Float64Array, targets: Float32Array | Float64Array, at: number, how: BandMove): void {
    const { tiny, maxRatio = Number.POSITIVE_INFINITY, relaxation = DEFAULT_RELAXATION } = how
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
      values[bin]! *= ratio * relaxationFactor(ratio, relaxation)
    }
  }
}
