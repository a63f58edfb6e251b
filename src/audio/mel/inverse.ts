/**
 * Mel → linear magnitudes: the non-negative spectrum whose filtered bands match the mel's, by multiplicative updates
 * for a fixed basis and the Kullback–Leibler divergence (Lee & Seung 2001, eq. 5), started from each band spread over
 * its bins.
 */

import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'

const ITERATIONS = 30
const TINY = 1e-12

/**
 * Linear magnitudes, frame-major: `[frames × bins]`. What lies outside the filters is zero.
 *
 * @param mel `[bands × frames]` in the convention's own numbers
 */
export function melToMagnitudes(mel: Mel, convention: MelConvention): Float32Array {
  const bands = new MelBands(convention)
  const { bins, filters, columnSums, windowNorm } = bands
  const areas = filters.map(({ weights }) => weights.reduce((sum, weight) => sum + weight, 0))
  const spectrum = new Float64Array(bins)
  const targets = new Float64Array(mel.bands)
  const result = new Float32Array(mel.frames * bins)
  for (let frame = 0; frame < mel.frames; frame++) {
    bands.targets(mel, frame, targets, 0)
    spectrum.fill(0)
    for (let band = 0; band < mel.bands; band++) {
      const { start, weights } = filters[band]!
      for (let i = 0; i < weights.length; i++) {
        spectrum[start + i]! += (targets[band]! * weights[i]!) / (areas[band]! * (columnSums[start + i]! + TINY))
      }
    }
    for (let iteration = 0; iteration < ITERATIONS; iteration++) bands.move(spectrum, targets, 0, TINY)
    for (let bin = 0; bin < bins; bin++) {
      const value = spectrum[bin]! * windowNorm
      result[frame * bins + bin] = convention.power === 2 ? Math.sqrt(value) : value
    }
  }
  return result
}
