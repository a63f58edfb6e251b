/**
 * Scales the magnitudes of a spectrum so that its bands have the mel's energy: each bin is multiplied by the mean of
 * its bands' ratios. Details finer than a band, such as harmonics, stay as they are.
 */
import type { BandMove, MelBands } from './bands.js'

/**
 * Largest gain in one iteration. A band that holds almost nothing has no shape worth amplifying further at once; the
 * next iteration continues.
 */
const MAX_GAIN = 1000
const TINY = 1e-9

/** Computes gains for one mel convention. Its buffer is reused by every frame. */
export class BandGains {
  readonly #values: Float64Array
  readonly #move: BandMove

  /** @param relaxation as in `Refinement` */
  constructor(
    readonly bands: MelBands,
    relaxation: number,
  ) {
    this.#values = new Float64Array(bands.bins)
    this.#move = { tiny: TINY, maxRatio: MAX_GAIN, relaxation }
  }

  /**
   * Writes the magnitudes, `[bins]`, to `result` from `to` on. Bins that no band covers are skipped.
   *
   * @param spectrum `[bins × 2]`, real and imaginary
   * @param targets as `MelBands.targets` wrote them, from `at` on
   */
  magnitudes(spectrum: ArrayLike<number>, targets: Float32Array, at: number, result: Float32Array, to: number): void {
    const { bins, columnSums, convention, windowNorm } = this.bands
    const values = this.#values
    const squared = convention.power === 2
    const unit = 1 / windowNorm
    for (let bin = 0; bin < bins; bin++) {
      const real = spectrum[2 * bin]! * unit
      const imaginary = spectrum[2 * bin + 1]! * unit
      const energy = real * real + imaginary * imaginary
      values[bin] = squared ? energy : Math.sqrt(energy)
    }
    this.bands.move(values, targets, at, this.#move)
    for (let bin = 0; bin < bins; bin++) {
      if (columnSums[bin] === 0) continue
      const value = values[bin]!
      result[to + bin] = (squared ? Math.sqrt(value) : value) / unit
    }
  }
}
