/**
 * Linear magnitudes from a mel: finds a non-negative spectrum whose bands match the mel's. It starts by spreading each
 * band over its bins, and continues with the multiplicative updates of non-negative matrix factorisation with a fixed
 * basis, for the Kullback–Leibler divergence (Lee & Seung 2001, eq. 5).
 */
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { filterArea } from './filters.js'

/** Default number of updates. More make no audible difference. */
const ITERATIONS = 30
const TINY = 1e-12
const MOVE = { tiny: TINY }

/** Finds magnitudes for the mels of one convention. It holds the filters and reuses its buffers. */
export class MelInverse {
  readonly bands: MelBands
  readonly #areas: Float64Array
  readonly #spectrum: Float64Array
  readonly #targets: Float64Array

  /** @param iterations number of multiplicative updates */
  constructor(
    readonly convention: MelConvention,
    readonly iterations: number = ITERATIONS,
  ) {
    this.bands = new MelBands(convention)
    this.#areas = Float64Array.from(this.bands.filters, filterArea)
    this.#spectrum = new Float64Array(this.bands.bins)
    this.#targets = new Float64Array(convention.bands)
  }

  /**
   * Linear magnitudes of a mel, frame-major, `[frames × bins]`. Bins that no filter covers are zero.
   *
   * @param mel `[bands × frames]`, in the convention
   */
  magnitudes(mel: Mel): Float32Array {
    const { bins } = this.bands
    const result = new Float32Array(mel.frames * bins)
    for (let frame = 0; frame < mel.frames; frame++) this.writeFrame(mel, frame, result, frame * bins)
    return result
  }

  /** Writes the magnitudes of one frame, `[bins]`, to `result` from `at` on. */
  writeFrame(mel: Mel, frame: number, result: Float32Array, at: number): void {
    const { bins, filters, columnSums, windowNorm } = this.bands
    const areas = this.#areas
    const spectrum = this.#spectrum
    const targets = this.#targets
    this.bands.targets(mel, frame, targets, 0)
    spectrum.fill(0)
    for (let band = 0; band < mel.bands; band++) {
      const { start, weights } = filters[band]!
      for (let i = 0; i < weights.length; i++) {
        spectrum[start + i]! += (targets[band]! * weights[i]!) / (areas[band]! * (columnSums[start + i]! + TINY))
      }
    }
    for (let iteration = 0; iteration < this.iterations; iteration++) this.bands.move(spectrum, targets, 0, MOVE)
    for (let bin = 0; bin < bins; bin++) {
      const value = spectrum[bin]! * windowNorm
      result[at + bin] = this.convention.power === 2 ? Math.sqrt(value) : value
    }
  }
}
