/**
 * What a spectrum's bins are to be multiplied with, so that its bands have the mel's energy: each bin by the mean of its bands'
 * ratios, weighed as the mel's filters weigh it. What lies finer than a band, harmonics among it, stays as it is.
 */
import type { Mel, MelConvention } from './convention.js'
import { denormaliseMel } from './mel.js'
import { melFilters } from './mel-filters.js'
import { binCount } from './stft.js'

/** A band of almost nothing has no shape worth raising to the mel's energy at once: the next iteration goes on. */
const MOST_GAIN = 1000
const TINY = 1e-9

/** The gains of one convention; holds its filters and the buffers that every frame reuses. */
export class BandGains {
  readonly bins: number
  /** 1 for bins that lie in some filter; of the others the mel tells nothing. */
  readonly told: Uint8Array
  readonly #filters: ReturnType<typeof melFilters>
  readonly #columnSums: Float64Array
  /** What the mel's numbers are made of: magnitudes or their squares, in units of the convention's window. */
  readonly #unit: number
  readonly #values: Float64Array
  readonly #gathered: Float64Array

  constructor(readonly convention: MelConvention) {
    this.bins = binCount(convention.fftSize)
    this.#filters = melFilters(convention)
    this.#columnSums = new Float64Array(this.bins)
    for (const { start, weights } of this.#filters) {
      for (let i = 0; i < weights.length; i++) this.#columnSums[start + i]! += weights[i]!
    }
    this.told = Uint8Array.from(this.#columnSums, sum => (sum > 0 ? 1 : 0))
    const norm = convention.windowNormalised ? Math.sqrt((convention.windowLength * 3) / 8) : 1
    this.#unit = 1 / norm
    this.#values = new Float64Array(this.bins)
    this.#gathered = new Float64Array(this.bins)
  }

  /** Writes what the mel says of one frame, `[bands]` in the convention's energy, to `result` from `at` on. */
  targets(mel: Mel, frame: number, result: Float32Array, at: number): void {
    for (let band = 0; band < mel.bands; band++) {
      result[at + band] = Math.max(0, denormaliseMel(mel.data[band * mel.frames + frame]!, this.convention, band))
    }
  }

  /**
   * Writes the magnitudes that a spectrum is to have, `[bins]`, to `result` from `to` on; of bins that the mel does not tell, nothing.
   *
   * @param spectrum `[bins × 2]`, real and imaginary
   * @param targets as `targets` wrote them, from `at` on
   */
  magnitudes(spectrum: ArrayLike<number>, targets: Float32Array, at: number, result: Float32Array, to: number): void {
    const { bins, told } = this
    const values = this.#values
    const gathered = this.#gathered
    const squared = this.convention.power === 2
    for (let bin = 0; bin < bins; bin++) {
      const real = spectrum[2 * bin]! * this.#unit
      const imaginary = spectrum[2 * bin + 1]! * this.#unit
      const energy = real * real + imaginary * imaginary
      values[bin] = squared ? energy : Math.sqrt(energy)
      gathered[bin] = 0
    }
    for (let band = 0; band < this.#filters.length; band++) {
      const { start, weights } = this.#filters[band]!
      let sum = TINY
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * values[start + i]!
      const ratio = Math.min(MOST_GAIN, targets[at + band]! / sum)
      for (let i = 0; i < weights.length; i++) gathered[start + i]! += weights[i]! * ratio
    }
    for (let bin = 0; bin < bins; bin++) {
      if (told[bin] === 0) continue
      const value = (values[bin]! * gathered[bin]!) / this.#columnSums[bin]!
      result[to + bin] = (squared ? Math.sqrt(value) : value) / this.#unit
    }
  }
}
