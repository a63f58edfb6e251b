/**
 * The magnitudes that give a spectrum's bands the mel's energy: its own, each bin times the mean of its bands' ratios.
 * What lies finer than a band, harmonics among it, stays as it is.
 */
import type { MelBands } from './bands.js'

/** A band of almost nothing has no shape worth raising to the mel's energy at once: the next iteration goes on. */
const MAX_GAIN = 1000
const TINY = 1e-9

/** For the bands of one convention; holds the buffer that every frame reuses. */
export class BandGains {
  readonly #values: Float64Array

  /** @param relaxation as in `Refinement` */
  constructor(
    readonly bands: MelBands,
    readonly relaxation: number,
  ) {
    this.#values = new Float64Array(bands.bins)
  }

  /**
   * Writes the magnitudes, `[bins]`, to `result` from `to` on; of bins that the mel does not tell, nothing.
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
    this.bands.move(values, targets, at, TINY, MAX_GAIN, this.relaxation)
    for (let bin = 0; bin < bins; bin++) {
      if (columnSums[bin] === 0) continue
      const value = values[bin]!
      result[to + bin] = (squared ? Math.sqrt(value) : value) / unit
    }
  }
}
