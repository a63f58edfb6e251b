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

/**
 * Linear magnitudes, frame-major: `[frames × bins]`. What lies outside the filters is zero.
 *
 * @param mel `[bands × frames]` in the convention's own numbers
 */
export function melToMagnitudes(mel: Mel, convention: MelConvention): Float32Array {
  const { bands, frames } = mel
  const bins = binCount(convention.fftSize)
  const filters = melFilters(convention)
  const windowNorm = convention.windowNormalised ? Math.sqrt((convention.windowLength * 3) / 8) : 1
  const spectrum = new Float64Array(bins)
  const target = new Float64Array(bands)
  const ratio = new Float64Array(bands)
  const gathered = new Float64Array(bins)
  const columnSums = new Float64Array(bins)
  for (const { start, weights } of filters) {
    for (let i = 0; i < weights.length; i++) columnSums[start + i]! += weights[i]!
  }
  const result = new Float32Array(frames * bins)
  for (let frame = 0; frame < frames; frame++) {
    for (let band = 0; band < bands; band++) {
      target[band] = Math.max(0, denormaliseMel(mel.data[band * frames + frame]!, convention, band))
    }
    spectrum.fill(0)
    for (let band = 0; band < bands; band++) {
      const { start, weights } = filters[band]!
      const area = weights.reduce((sum, weight) => sum + weight, 0)
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
        for (let i = 0; i < weights.length; i++) {
          gathered[start + i]! += weights[i]! * ratio[band]!
        }
      }
      // Each bin by the weighted mean of its bands' ratios.
      for (let bin = 0; bin < bins; bin++) {
        if (columnSums[bin]! > 0) spectrum[bin]! *= gathered[bin]! / columnSums[bin]!
        gathered[bin] = 0
      }
    }
    for (let bin = 0; bin < bins; bin++) {
      const value = spectrum[bin]! * windowNorm
      result[frame * bins + bin] = convention.power === 2 ? Math.sqrt(value) : value
    }
  }
  return result
}
