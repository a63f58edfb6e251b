/**
 * Mel → linear magnitudes: the non-negative spectrum whose filtered bands match the mel's, by multiplicative updates for a
 * fixed basis and the Kullback–Leibler divergence (Lee & Seung 2001, eq. 5), started from each band spread over its bins.
 */
import type { Mel, MelConvention } from './convention.js'
import { denormaliseMel } from './mel.js'
import { melFilters } from './mel-filters.js'
import { binCount } from './stft.js'

const ITERATIONS = 30
const TINY = 1e-12

/** The inverse for one convention; holds its filters and the buffers that every frame reuses. */
export class MelInverse {
  readonly bins: number
  /** 1 for bins that lie in some filter; of the others the mel tells nothing. */
  readonly told: Uint8Array
  readonly #filters: ReturnType<typeof melFilters>
  readonly #windowNorm: number
  /** Sum of a band's weights, and of all bands' over a bin. */
  readonly #areas: Float64Array
  readonly #columnSums: Float64Array
  readonly #spectrum: Float64Array
  readonly #target: Float64Array
  readonly #ratio: Float64Array
  readonly #gathered: Float64Array

  constructor(readonly convention: MelConvention) {
    this.bins = binCount(convention.fftSize)
    this.#filters = melFilters(convention)
    this.#windowNorm = convention.windowNormalised ? Math.sqrt((convention.windowLength * 3) / 8) : 1
    this.#areas = Float64Array.from(this.#filters, ({ weights }) => weights.reduce((sum, weight) => sum + weight, 0))
    this.#columnSums = new Float64Array(this.bins)
    for (const { start, weights } of this.#filters) {
      for (let i = 0; i < weights.length; i++) this.#columnSums[start + i]! += weights[i]!
    }
    this.told = Uint8Array.from(this.#columnSums, sum => (sum > 0 ? 1 : 0))
    this.#spectrum = new Float64Array(this.bins)
    this.#target = new Float64Array(convention.bands)
    this.#ratio = new Float64Array(convention.bands)
    this.#gathered = new Float64Array(this.bins)
  }

  /** Writes the linear magnitudes of one frame of a mel, `[bins]`, to `result` from `at` on. What lies outside the filters is zero. */
  magnitudes(mel: Mel, frame: number, result: Float32Array, at: number): void {
    const { convention, bins } = this
    const bands = convention.bands
    const filters = this.#filters
    const spectrum = this.#spectrum
    const target = this.#target
    const ratio = this.#ratio
    const gathered = this.#gathered
    const columnSums = this.#columnSums
    for (let band = 0; band < bands; band++) {
      target[band] = Math.max(0, denormaliseMel(mel.data[band * mel.frames + frame]!, convention, band))
    }
    spectrum.fill(0)
    for (let band = 0; band < bands; band++) {
      const { start, weights } = filters[band]!
      const area = this.#areas[band]!
      for (let i = 0; i < weights.length; i++) {
        spectrum[start + i]! += (target[band]! * weights[i]!) / (area * (columnSums[start + i]! + TINY))
      }
    }
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      for (let band = 0; band < bands; band++) {
        const { start, weights } = filters[band]!
        let sum = 0
        for (let i = 0; i < weights.length; i++) sum += weights[i]! * spectrum[start + i]!
        ratio[band] = target[band]! / (sum + TINY)
      }
      for (let band = 0; band < bands; band++) {
        const { start, weights } = filters[band]!
        const factor = ratio[band]!
        for (let i = 0; i < weights.length; i++) gathered[start + i]! += weights[i]! * factor
      }
      // Each bin by the weighted mean of its bands' ratios.
      for (let bin = 0; bin < bins; bin++) {
        if (columnSums[bin]! > 0) spectrum[bin]! *= gathered[bin]! / columnSums[bin]!
        gathered[bin] = 0
      }
    }
    for (let bin = 0; bin < bins; bin++) {
      const value = spectrum[bin]! * this.#windowNorm
      result[at + bin] = convention.power === 2 ? Math.sqrt(value) : value
    }
  }
}

/**
 * Linear magnitudes, frame-major: `[frames × bins]`.
 *
 * @param mel `[bands × frames]` in the convention's own numbers
 */
export function melToMagnitudes(mel: Mel, convention: MelConvention): Float32Array {
  const inverse = new MelInverse(convention)
  const result = new Float32Array(mel.frames * inverse.bins)
  for (let frame = 0; frame < mel.frames; frame++) inverse.magnitudes(mel, frame, result, frame * inverse.bins)
  return result
}
