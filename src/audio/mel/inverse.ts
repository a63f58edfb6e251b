/**
 * Mel → linear magnitudes: the non-negative spectrum whose filtered bands match the mel's, by multiplicative updates
 * for a fixed basis and the Kullback–Leibler divergence (Lee & Seung 2001, eq. 5), started from each band spread over
 * its bins.
 */

import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'

/** Updates by default: more change nothing that is heard. */
const ITERATIONS = 30
const TINY = 1e-12

/** Mel → magnitudes for one convention; holds its filters and buffers. */
export class MelInverse {
  readonly bands: MelBands
  readonly #areas: Float64Array
  readonly #spectrum: Float64Array
  readonly #targets: Float64Array

  /** @param iterations multiplicative updates */
  constructor(
    readonly convention: MelConvention,
    readonly iterations: number = ITERATIONS,
  ) {
    this.bands = new MelBands(convention)
    this.#areas = Float64Array.from(this.bands.filters, ({ weights }) =>
      weights.reduce((sum, weight) => sum + weight, 0),
    )
    this.#spectrum = new Float64Array(this.bands.bins)
    this.#targets = new Float64Array(convention.bands)
  }

  /**
   * Linear magnitudes, frame-major: `[frames × bins]`. What lies outside the filters is zero.
   *
   * @param mel `[bands × frames]` in the convention's own numbers
   */
  magnitudes(mel: Mel): Float32Array {
    const { bins, filters, columnSums, windowNorm } = this.bands
    const areas = this.#areas
    const spectrum = this.#spectrum
    const targets = this.#targets
    const result = new Float32Array(mel.frames * bins)
    for (let frame = 0; frame < mel.frames; frame++) {
      this.bands.targets(mel, frame, targets, 0)
      spectrum.fill(0)
      for (let band = 0; band < mel.bands; band++) {
        const { start, weights } = filters[band]!
        for (let i = 0; i < weights.length; i++) {
          spectrum[start + i]! += (targets[band]! * weights[i]!) / (areas[band]! * (columnSums[start + i]! + TINY))
        }
      }
      for (let iteration = 0; iteration < this.iterations; iteration++) this.bands.move(spectrum, targets, 0, TINY)
      for (let bin = 0; bin < bins; bin++) {
        const value = spectrum[bin]! * windowNorm
        result[frame * bins + bin] = this.convention.power === 2 ? Math.sqrt(value) : value
      }
    }
    return result
  }
}

/** `MelInverse` for one mel. */
export function melToMagnitudes(mel: Mel, convention: MelConvention): Float32Array {
  return new MelInverse(convention).magnitudes(mel)
}
