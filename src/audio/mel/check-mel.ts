/** Checks whether a value is a mel, by its type, shape and numbers, and whether it fits a convention. */
import { isFloat32Array } from '../../core/any-realm.js'
import { describe } from '../../core/describe.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_MEL_BANDS } from '../../core/limits.js'
import type { Mel, MelConvention } from './convention.js'
import { filterArea, melFilters } from './filters.js'
import { denormaliseMel, normaliseMel } from './normalise.js'
import { MelSummary, melRange, valueScale, valueScaleTexts } from './value-scale.js'

/**
 * Refuses a value that is not a mel.
 *
 * @param where names the mel in errors
 * @param start index of the first frame, if this is a piece of a longer mel
 * @throws DiffWaveError `BAD_MEL` (not a mel, an impossible shape, empty), `NOT_FINITE` (naming band and frame)
 */
export function checkMel(mel: Mel, where: string, start = 0): void {
  checkMelShape(mel, where)
  const { data, frames } = mel
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue
    throw new DiffWaveError('NOT_FINITE', 'the mel holds a number that is not finite', {
      got: String(data[i]),
      where: `${where}, band ${Math.floor(i / frames)}, frame ${start + (i % frames)}`,
      ...(data[i] === Number.NEGATIVE_INFINITY
        ? { hint: 'This is the logarithm of 0: first raise the mel to the floor of its convention, such as 1e-5.' }
        : {}),
    })
  }
}

/** @throws DiffWaveError `BAD_MEL` */
export function checkMelShape(mel: Mel, where: string): void {
  if (typeof mel !== 'object' || mel === null || !isFloat32Array(mel.data)) {
    throw new DiffWaveError('BAD_MEL', 'not a mel', {
      expected: '{ data: Float32Array, bands, frames }',
      got: typeof mel === 'object' && mel !== null && 'data' in mel ? `data: ${describe(mel.data)}` : describe(mel),
      where,
      ...hintFor(mel),
    })
  }
  const { data, bands, frames } = mel
  for (const [name, size] of Object.entries({ bands, frames })) {
    if (Number.isSafeInteger(size) && size >= 1) continue
    throw new DiffWaveError('BAD_MEL', `${name} is not a positive integer`, {
      got: typeof size === 'number' ? String(size) : describe(size),
      where,
    })
  }
  if (bands > MAX_MEL_BANDS) {
    throw new DiffWaveError('BAD_MEL', 'the mel has too many bands', {
      expected: `at most ${MAX_MEL_BANDS}`,
      got: String(bands),
      where,
    })
  }
  if (data.length !== bands * frames) {
    throw new DiffWaveError('BAD_MEL', 'the mel’s data does not fit its shape', {
      expected: `${bands} × ${frames} numbers`,
      got: String(data.length),
      where,
    })
  }
}

/** A hint for values that are often passed by mistake. */
function hintFor(value: unknown): { readonly hint?: string } {
  if (typeof value === 'string') return { hint: 'Read the file first: (await readMel(path)).mel.' }
  if (ArrayBuffer.isView(value)) return { hint: 'State the layout of the numbers: { data, bands, frames }, row-major.' }
  if (typeof value !== 'object' || value === null) return {}
  if ('mel' in value) return { hint: 'readMel returns { mel, transposed }: pass its `mel`.' }
  if ('samples' in value) return { hint: 'This is audio: use resynthesize, or make a mel of it with melSpectrogram.' }
  return value instanceof Promise ? { hint: 'Await it first.' } : {}
}

/** Values may lie this far outside the range of a convention, because predicted mels overshoot a little. */
const RANGE_SLACK = 0.5

/** The range of values that a convention allows: from its floor to its clamp, or to what very loud audio has. */
function conventionRange(convention: MelConvention): { readonly low: number; readonly high: number } {
  const lows = Array.from({ length: convention.bands }, (_, band) => normaliseMel(0, convention, band))
  const { normalisation } = convention
  const clamp = normalisation?.kind === 'affine' ? normalisation.clamp : null
  // In one bin, the linear amplitude of full-scale audio is below the sum of the window. A factor of ten leaves room
  // for loud predictions. In a band of height 1, however wide, the second factor is enough (by the Cauchy-Schwarz
  // inequality and Parseval's theorem).
  const wide = convention.power === 1 ? Math.sqrt((3 / 32) * convention.windowLength) : 0
  const loudest = Math.max(10, wide) * convention.fftSize ** convention.power
  const highs = lows.map((_, band) => normaliseMel(loudest, convention, band))
  return { low: Math.min(...lows), high: clamp === null ? Math.max(...highs) : clamp[1] }
}

/**
 * Whether a frame of a recording can have no negative values. Two kinds are tried, both as loud as full scale allows:
 * noise in the frequencies of the bands, and one tone per band. With a plain logarithm and 80 filters of area 1, each
 * of them has some.
 */
function canBePositive(convention: MelConvention): boolean {
  const { windowNormalised, windowLength, fftSize, sampleRate, power, minFrequency, maxFrequency } = convention
  const norm = windowNormalised ? Math.sqrt((3 / 8) * windowLength) : 1
  const concentration = sampleRate / 2 / (maxFrequency - minFrequency)
  const noise = Math.sqrt(((3 / 8) * windowLength * concentration) / 3) / norm
  const tone = windowLength / 4 / norm
  let [isPositive, amplitudes] = [true, 0]
  for (const [band, filter] of melFilters(convention).entries()) {
    const { weights } = filter
    if (normaliseMel(noise ** power * filterArea(filter), convention, band) < 0) isPositive = false
    // A tone at the bin of the filter's peak.
    const peak = weights.indexOf(Math.max(...weights))
    const gain = weights.reduce((sum, weight, i) => {
      return sum + weight * (tone * hannLobe(((i - peak) * windowLength) / fftSize)) ** power
    }, 0)
    const isSilencePositive = normaliseMel(0, convention, band) >= 0
    amplitudes += isSilencePositive ? 0 : (denormaliseMel(0, convention, band) / gain) ** (1 / power)
  }
  return isPositive || amplitudes <= SQUARE_WAVE
}

/** The amplitude of the first harmonic of a square wave: no recording has a louder tone. */
const SQUARE_WAVE = 4 / Math.PI

/** The spectrum of a Hann window within its main lobe, relative to its middle, at a distance of 1/length. */
function hannLobe(distance: number): number {
  const d = Math.abs(distance)
  if (d >= 2) return 0
  if (d === 0) return 1
  return d === 1 ? 1 / 2 : Math.sin(Math.PI * d) / (Math.PI * d * (1 - d * d))
}

/**
 * Refuses a mel that cannot have been meant for a model of this convention.
 *
 * @param where names the mel in errors
 * @throws DiffWaveError `BAD_MEL` (bands, empty), `NOT_FINITE`, `MEL_RANGE` (saying which convention it looks like)
 */
export function checkMelFor(mel: Mel, convention: MelConvention, where: string): void {
  checkMelShape(mel, where)
  if (mel.bands !== convention.bands) {
    throw new DiffWaveError('BAD_MEL', 'the mel has the wrong number of bands for this model', {
      expected: String(convention.bands),
      got: String(mel.bands),
      where,
      ...(mel.frames === convention.bands
        ? { hint: 'Its number of frames is the expected number of bands: is it transposed?' }
        : {}),
    })
  }
  checkMel(mel, where)
  const { min, max } = melRange(mel)
  const { low, high } = conventionRange(convention)
  const slack = RANGE_SLACK * (high - low > 2 ? 1 : 0.1)
  const mistaken = low < -1 && min >= 0 && !canBePositive(convention)
  const isOutside = min < low - slack || max > high + slack
  if (isOutside || mistaken) {
    const summary = new MelSummary()
    summary.add(mel)
    const scale = valueScale(summary)
    const range = `${low.toFixed(2)} … ${high.toFixed(2)} (${convention.name})`
    const compute = 'Make the mel with the model’s own convention: `diffwave mel -m <model>`.'
    const clip = max <= high + slack ? ` If only its floor is lower, raise its lower values to ${low.toFixed(2)}.` : ''
    throw new DiffWaveError('MEL_RANGE', 'the mel’s values are out of range for this model', {
      expected: isOutside ? range : `${range}, some of them below 0`,
      got: `${min.toFixed(2)} … ${max.toFixed(2)}`,
      where,
      hint: scale === null ? compute + clip : `By its values it is ${valueScaleTexts[scale]}.`,
    })
  }
}
