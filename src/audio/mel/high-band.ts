/**
 * The high band, the frequencies above those of a mel: how loud the noise is that fills it, and the filter that gives
 * this noise its spectrum. src/synthesis/high-band.ts adds the noise.
 */
import { z } from 'zod'
import { MAX_SAMPLE_RATE } from '../../core/limits.js'
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { cornerFrequencies, filterArea } from './filters.js'
import { denormaliseMel } from './normalise.js'

/** Schema of a high band. */
export const highBandSchema = z.strictObject({
  /** Frequency in Hz. The mel's bands from there on tell how loud the noise is. */
  from: z.number().min(0).max(MAX_SAMPLE_RATE),
  /** Level just above the mel, in dB relative to those bands. */
  gain: z.number().min(-100).max(20).default(0),
  /** How the level changes with frequency, in dB per kHz. */
  slope: z.number().min(-100).max(0).default(0),
})
export type HighBandConfig = Readonly<z.output<typeof highBandSchema>>

/** Number of coefficients of the filter, odd. With 65, its edge is 800 Hz wide at a rate of 22.05 kHz. */
export const HIGH_BAND_TAPS = 65
/** Limit of `samplesPerNoise`, for mels that end close to half the sample rate. */
const MAX_SPACING = 8
/** Number of frequencies between 0 and half the sample rate at which the response of h is given. */
const RESPONSE_POINTS = 512
/** Share of the frequencies up to half the sample rate over which the response falls to 0. */
const ROLL_OFF = 0.05

/** The highest bands of a mel. White noise as loud as they are has the deviation √Σ (factor · amplitude)². */
export interface LevelBands {
  /** Index of the lowest band. All above it count, too. */
  readonly first: number
  /** Factor of the amplitude of each band, from `first` on. It is 0 for a filter that lies between two bins. */
  readonly factors: Float64Array
}

/**
 * Why a convention cannot have a high band; null if it can. One that reaches half the sample rate leaves no room for
 * it, and at least one band must lie above `from`.
 */
export function highBandObstacle(convention: MelConvention, { from }: HighBandConfig): string | null {
  if (convention.maxFrequency >= convention.sampleRate / 2) return 'a mel that ends below half the sample rate'
  return levelBands(convention, from).factors.some(factor => factor > 0)
    ? null
    : 'at least one band of the mel above `from`'
}

/** Finds the bands whose centre is at `from` Hz or above. */
export function levelBands(convention: MelConvention, from: number): LevelBands {
  // Band b has its centre at corner b + 1.
  const centres = cornerFrequencies(convention).subarray(1, convention.bands + 1)
  const first = centres.findIndex(hertz => hertz >= from)
  if (first < 0) return { first: convention.bands, factors: new Float64Array(0) }
  const { filters, windowNorm } = new MelBands(convention)
  // Behind a periodic Hann window of L samples, a bin of white noise of deviation 1 has the mean square 3L/8.
  const white = Math.sqrt((3 / 8) * convention.windowLength)
  const areas = filters.slice(first).map(filterArea)
  const mean = Math.sqrt(areas.filter(area => area > 0).length)
  const factors = Float64Array.from(areas, area =>
    area === 0 ? 0 : windowNorm / (mean * white * (convention.power === 2 ? Math.sqrt(area) : area)),
  )
  return { first, factors }
}

/**
 * Computes D: noise is needed in every D-th sample only. Such noise repeats its spectrum D times below half the sample
 * rate, and the band lies within the highest of these copies. So what passes is like filtered white noise.
 */
export function samplesPerNoise({
  sampleRate,
  maxFrequency,
}: Pick<MelConvention, 'sampleRate' | 'maxFrequency'>): number {
  const half = sampleRate / 2
  return Math.min(MAX_SPACING, Math.floor(half / (half - maxFrequency)))
}

/**
 * Computes the filter h, `[HIGH_BAND_TAPS]`, of noise in every D-th sample. Its response at f Hz is
 *
 *     √D · 10^((gain + slope · (f − f_max)/1000)/20)
 *
 * above f_max, the mel's highest frequency, and 0 below. It falls towards half the sample rate, as recordings do after
 * resampling. This is the window method: the inverse transform of the response, times a Hann window.
 */
export function highBandFilter(
  convention: Pick<MelConvention, 'sampleRate' | 'maxFrequency'>,
  { gain, slope }: HighBandConfig,
): Float64Array {
  const { sampleRate, maxFrequency } = convention
  const scale = Math.sqrt(samplesPerNoise(convention))
  const response = Float64Array.from({ length: RESPONSE_POINTS + 1 }, (_, i) => {
    const hertz = (i / RESPONSE_POINTS) * (sampleRate / 2)
    if (hertz < maxFrequency) return 0
    const level = scale * 10 ** ((gain + (slope * (hertz - maxFrequency)) / 1000) / 20)
    return level * Math.min(1, (1 - i / RESPONSE_POINTS) / ROLL_OFF)
  })
  const middle = (HIGH_BAND_TAPS - 1) / 2
  return Float64Array.from({ length: HIGH_BAND_TAPS }, (_, k) => {
    // The response is 0 at both ends, whose weight would be a half.
    let sum = 0
    for (let i = 0; i <= RESPONSE_POINTS; i++) {
      sum += response[i]! * Math.cos((Math.PI * i * (k - middle)) / RESPONSE_POINTS)
    }
    const window = 0.5 + 0.5 * Math.cos((Math.PI * (k - middle)) / (middle + 1))
    return (window * sum) / RESPONSE_POINTS
  })
}

/** Computes the deviation of white noise that is as loud as the level bands, for each frame. */
export function frameLevels(convention: MelConvention, { first, factors }: LevelBands, mel: Mel): Float32Array {
  return Float32Array.from({ length: mel.frames }, (_, frame) => {
    let sum = 0
    for (let i = 0; i < factors.length; i++) {
      const band = first + i
      const energy = Math.max(0, denormaliseMel(mel.data[band * mel.frames + frame]!, convention, band))
      sum += (convention.power === 2 ? energy : energy ** 2) * factors[i]! ** 2
    }
    return Math.sqrt(sum)
  })
}
