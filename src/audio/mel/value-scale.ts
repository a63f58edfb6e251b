/**
 * Recognises the scale of a mel by its values. The logarithms and normalisations of different programs lead to mels of
 * the same shape, but with different ranges.
 */
import { type ConventionName, type Mel, type MelConvention, namedConventions } from './convention.js'

/**
 * Number of bins of the histogram that gives the median. They are 0.01 wide and cover −50 to 50, more than any scale
 * here.
 */
const BINS = 10_000
const RANGE = 50
const BIN_WIDTH = (2 * RANGE) / BINS

/** Lowest and highest value of a mel. */
export function melRange(mel: Mel): { readonly min: number; readonly max: number } {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  const { data } = mel
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    if (value < min) min = value
    if (value > max) max = value
  }
  return { min, max }
}

/** Number of frames at the end of `[bands × frames]` in which every value is exactly 0. */
function zeroFramesAtEnd(data: Float32Array, frames: number): number {
  let count = 0
  while (count < frames) {
    for (let at = frames - 1 - count; at < data.length; at += frames) if (data[at] !== 0) return count
    count++
  }
  return count
}

/** Range, median and means per band of a mel's values. The mel may arrive in pieces. */
export class MelSummary {
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  #count = 0
  #zeros = 0
  #frames = 0
  /** Number of frames at the end in which every value is exactly 0. */
  zeroTail = 0
  readonly #histogram = new Uint32Array(BINS)
  #bandSums = new Float64Array(0)
  #bandSquares = new Float64Array(0)

  /** Adds frames. @param mel a whole mel, or the next frames of one, `[bands × frames]` */
  add({ data, bands, frames }: Mel): void {
    if (this.#bandSums.length !== bands) {
      this.#bandSums = new Float64Array(bands)
      this.#bandSquares = new Float64Array(bands)
    }
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!
      const band = Math.floor(i / frames)
      this.min = Math.min(this.min, value)
      this.max = Math.max(this.max, value)
      if (value === 0) this.#zeros++
      this.#bandSums[band]! += value
      this.#bandSquares[band]! += value * value
      const bin = Math.floor(((value + RANGE) / (2 * RANGE)) * BINS)
      this.#histogram[Math.max(0, Math.min(BINS - 1, bin))]!++
    }
    this.#count += data.length
    this.#frames += frames
    const tail = zeroFramesAtEnd(data, frames)
    this.zeroTail = tail === frames ? this.zeroTail + frames : tail
  }

  /** Whether the mel ends with zeros that follow other values. */
  get isZeroPadded(): boolean {
    return this.zeroTail > 0 && this.zeroTail < this.#frames
  }

  /** Median of all values, to 0.01, within their range. */
  get median(): number {
    let below = 0
    let bin = 0
    while (bin < BINS - 1 && below + this.#histogram[bin]! <= this.#count / 2) below += this.#histogram[bin++]!
    return Math.max(this.min, Math.min(this.max, ((bin + 0.5) / BINS) * 2 * RANGE - RANGE))
  }

  /** Whether most of the values are exactly 0. */
  get mostlyZero(): boolean {
    return this.#zeros > this.#count / 2
  }

  /** Whether most bands, or all values together, have a mean near 0 and a deviation near 1. */
  get normalised(): boolean {
    const bands = this.#bandSums.length
    let [near, sum, squares] = [0, 0, 0]
    for (let band = 0; band < bands; band++) {
      const mean = this.#bandSums[band]! / this.#frames
      const variance = this.#bandSquares[band]! / this.#frames - mean * mean
      if (Math.abs(mean) < 0.75 && variance > 0.2 && variance < 2.5) near++
      sum += this.#bandSums[band]!
      squares += this.#bandSquares[band]!
    }
    const mean = sum / this.#count
    const variance = squares / this.#count - mean * mean
    return near > 0.7 * bands || (Math.abs(mean) < 0.4 && variance > 0.7 && variance < 1.4)
  }
}

/** The scales that can be recognised. */
export type ValueScale = 'natural logarithm' | 'lmnt' | 'log10' | '-4 to 4' | 'normalised' | 'decibels' | 'linear'

/** The floor of tacotron2 and hifigan. Mels of recordings, and predicted ones, come near it in some band. */
const LN_FLOOR = Math.log(1e-5)
/** No recording has a floor this high above ln 1e-5 … */
const HIGHEST_LN_MIN = LN_FLOOR / 2
/**
 * … or half of its values this high: speech and music have −5 to −8; the same in log10 has −2.2, in −4 … 4 about −1.
 */
const HIGHEST_LN_MEDIAN = -3.3
/**
 * With filters of height 1 (`vocos`) the median lies above this: recordings have −0.3 to −1.4. With filters of area 1
 * (`amphion`) they have −4.8 to −5.9.
 */
const LOWEST_MEDIAN_OF_HEIGHT_ONE = -4
/** No logarithm of another base has a minimum this low: ln 1e-15. Decibels have −80 dB below the peak, or −100 dB. */
const LOWEST_LN = -35
/** Decibels of 1e-20, a floor lower than any in use, and more than the peak of a mel of 16-bit integers. */
const LOWEST_DECIBELS = -400
const HIGHEST_DECIBELS = 200
/** The largest value of `lmnt` is 1; predicted mels overshoot a little. */
const LMNT_MAX = 1.01
/** Values may lie this far outside a range, because predicted mels overshoot a little. */
const SLACK = 0.5

/** Share of the largest value. In recordings, the median of linear values is at most 0.005, in `lmnt` over 0.2. */
const HIGHEST_LINEAR_MEDIAN = 0.05

/** Whether a mel looks as if no logarithm was taken. */
function looksLinear({ min, max, median, mostlyZero }: MelSummary): boolean {
  // Half of a very quiet mel of lmnt is cut off at 0. Linear values reach 0 in digital silence alone.
  if (min < 0 || (max <= LMNT_MAX && mostlyZero)) return false
  return median < max && median < Math.max(HIGHEST_LINEAR_MEDIAN * max, BIN_WIDTH)
}

/** The scale that a mel's values look like; null if it is none of these. */
export function valueScale(summary: MelSummary): ValueScale | null {
  const { min, max, median } = summary
  if (looksLinear(summary)) return 'linear'
  if (min >= -0.01 && max <= LMNT_MAX) return 'lmnt'
  if (min < LOWEST_LN) return min >= LOWEST_DECIBELS && max <= HIGHEST_DECIBELS ? 'decibels' : null
  if (min >= LN_FLOOR - SLACK && min < HIGHEST_LN_MIN && median < HIGHEST_LN_MEDIAN && max < 4)
    return 'natural logarithm'
  if (summary.normalised) return 'normalised'
  if (min >= -4.05 && min < -3.5 && max <= 4.05 && max > 1.2) return '-4 to 4'
  if (min >= -10 - SLACK && max < 2 && median < -0.5) return 'log10'
  return null
}

/** Each scale as the end of “it is …”, with programs that write it. */
export const valueScaleTexts: Readonly<Record<ValueScale, string>> = {
  'natural logarithm': 'a natural logarithm, as in tacotron2 and hifigan',
  lmnt: '0 … 1, as in the lmnt convention',
  log10: 'a decimal logarithm, as ESPnet writes it, which `--mel-log log10` and `rescaleMel` convert',
  '-4 to 4': 'a range of −4 … 4, as Coqui TTS writes it',
  decibels: 'a scale of decibels, which `--mel-log db` and `rescaleMel` convert',
  linear: 'a linear scale, without a logarithm, which `--mel-log none` and `rescaleMel` convert',
  normalised:
    'mean 0 and deviation 1, as Matcha-TTS and ParallelWaveGAN write it, which `--mel-stats` and `rescaleMel` convert',
}

/**
 * The named conventions that a mel may follow, by its number of bands and its values; empty if none fits.
 *
 * @param bands number of bands of the mel
 */
export function likelyConventions(bands: number, summary: MelSummary): readonly ConventionName[] {
  const scale = valueScale(summary)
  const fits = ({ logarithm, filterNorm, floor }: MelConvention): boolean => {
    if (scale === 'lmnt' || logarithm === 'log10') return scale === 'lmnt' && logarithm === 'log10'
    if (filterNorm === 'slaney') return scale === 'natural logarithm'
    // With filters of height 1, the values of quiet recordings lie where a decimal logarithm of others has its own.
    const known = scale === null || scale === 'natural logarithm' || scale === 'log10'
    const inRange = summary.min >= Math.log(floor) - SLACK && summary.min < 0
    const lowFloor = summary.min < LN_FLOOR - SLACK
    return known && inRange && (lowFloor || summary.median > LOWEST_MEDIAN_OF_HEIGHT_ONE)
  }
  const names = Object.keys(namedConventions) as ConventionName[]
  return names.filter(name => namedConventions[name].bands === bands && fits(namedConventions[name]))
}

/**
 * A doubt about a mel whose range a convention allows: its floor or median belongs to another scale, so that it would
 * sound like noise. Null if there is no doubt.
 */
export function valueScaleDoubt(summary: MelSummary, convention: MelConvention): string | null {
  const { logarithm, floor, normalisation, name, filterNorm } = convention
  const isNatural = logarithm === 'ln' && normalisation === null && floor <= 1e-4
  const scale = valueScale(summary)
  if (!isNatural || (filterNorm === 'slaney' && scale === 'natural logarithm')) return null
  const range = `${summary.min.toFixed(2)} … ${summary.max.toFixed(2)}`
  const lies = `its values (${range}, median ${summary.median.toFixed(2)}) do not look like ${name}`
  if (filterNorm === 'none') {
    if (scale !== 'natural logarithm' || summary.median > LOWEST_MEDIAN_OF_HEIGHT_ONE) return null
    return `${lies}, whose filters have height 1, but like filters of area 1, as in tacotron2 and BigVGAN`
  }
  const usual = `whose quietest bands are near ${Math.log(floor).toFixed(1)}`
  return scale === null ? `${lies}, ${usual}` : `${lies}, ${usual}, but like ${valueScaleTexts[scale]}`
}

/**
 * A doubt about the end of a mel: programs that make several mels at once fill up the shorter ones with 0, which in a
 * natural logarithm is loud. Null if there is no doubt.
 */
export function paddingDoubt(summary: MelSummary, { logarithm, normalisation, floor }: MelConvention): string | null {
  if (!summary.isZeroPadded || logarithm !== 'ln' || normalisation !== null) return null
  const count = summary.zeroTail
  const frames = count === 1 ? 'its last frame is' : `its last ${count} frames are`
  const silence = Math.log(floor).toFixed(2)
  return `${frames} exactly 0 in all bands, which is loud noise: cut this padding, or fill it with ${silence}`
}
