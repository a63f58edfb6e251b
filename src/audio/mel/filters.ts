/**
 * Triangular mel filters, as librosa and torchaudio build them. There are two mel scales: HTK, 2595 log10(1 + f/700),
 * and that of Slaney's Auditory Toolbox, which is linear up to 1000 Hz and logarithmic above.
 */
import { binCount } from '../transforms/stft.js'
import type { MelConvention } from './convention.js'

const SLANEY_HZ_PER_MEL = 200 / 3
const SLANEY_BREAK_HZ = 1000
const SLANEY_BREAK_MEL = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL
const SLANEY_LOG_STEP = Math.log(6.4) / 27

/** Converts Hz to mel. */
export function hzToMel(hz: number, scale: MelConvention['melScale']): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hz / 700)
  return hz < SLANEY_BREAK_HZ
    ? hz / SLANEY_HZ_PER_MEL
    : SLANEY_BREAK_MEL + Math.log(hz / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP
}

/** Converts mel to Hz. */
function melToHz(mel: number, scale: MelConvention['melScale']): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1)
  return mel < SLANEY_BREAK_MEL
    ? mel * SLANEY_HZ_PER_MEL
    : SLANEY_BREAK_HZ * Math.exp((mel - SLANEY_BREAK_MEL) * SLANEY_LOG_STEP)
}

/** The fields of a convention that determine its filters. */
export type FilterShape = Pick<
  MelConvention,
  'sampleRate' | 'fftSize' | 'bands' | 'melScale' | 'filterNorm' | 'minFrequency' | 'maxFrequency'
>

/**
 * The bands + 2 corner frequencies of the triangles in Hz. Band b rises from corner b to its centre, corner b + 1, and
 * falls to corner b + 2.
 */
export function cornerFrequencies(shape: FilterShape): Float64Array {
  const low = hzToMel(shape.minFrequency, shape.melScale)
  const high = hzToMel(shape.maxFrequency, shape.melScale)
  const corners = new Float64Array(shape.bands + 2)
  for (let i = 0; i < corners.length; i++) {
    corners[i] = melToHz(low + ((high - low) * i) / (shape.bands + 1), shape.melScale)
  }
  return corners
}

/** The weights of one band, for bins start … start + weights.length − 1. */
export interface MelFilter {
  readonly start: number
  readonly weights: Float64Array
}

/** The sum of a filter's weights: how much a flat spectrum of magnitude 1 gives its band. */
export function filterArea({ weights }: MelFilter): number {
  return weights.reduce((sum, weight) => sum + weight, 0)
}

/** Makes the filters, one per band, without their zeros. */
export function melFilters(shape: FilterShape): readonly MelFilter[] {
  const corners = cornerFrequencies(shape)
  const bins = binCount(shape.fftSize)
  return Array.from({ length: shape.bands }, (_, band) => {
    const [low, centre, high] = [corners[band]!, corners[band + 1]!, corners[band + 2]!]
    const area = shape.filterNorm === 'slaney' ? 2 / (high - low) : 1
    const weights: number[] = []
    let start = 0
    // Bins below `low` and above `high` have no weight.
    for (let bin = Math.max(0, Math.floor((low * shape.fftSize) / shape.sampleRate)); bin < bins; bin++) {
      const hz = (bin * shape.sampleRate) / shape.fftSize
      if (hz > high) break
      const weight = Math.min((hz - low) / (centre - low), (high - hz) / (high - centre)) * area
      if (weight > 0) {
        if (weights.length === 0) start = bin
        weights.push(weight)
      }
    }
    return { start, weights: Float64Array.from(weights) }
  })
}
