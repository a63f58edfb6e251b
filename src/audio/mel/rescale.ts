/**
 * Converts mels from one convention to another, as far as that is exact: conventions may differ in logarithm,
 * normalisation, floor, and the norms of filters and window, and the new hop may be a multiple of the old one. With
 * other filters, rates, windows or framings the values measure something else, and the mel has to be computed again.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { check, type FieldsOf, readonlyList } from '../../core/options.js'
import { FrameTransform, windowPower } from '../transforms/stft.js'
import { checkMel } from './check-mel.js'
import { type ConventionName, conventionOf, type Mel, type MelConvention, namedConventions } from './convention.js'
import { cornerFrequencies } from './filters.js'
import { denormaliseMel, normaliseMel } from './normalise.js'

/** The logarithms of mels: natural, base 10, decibels, or none. */
export const melLogarithms = ['ln', 'log10', 'db', 'none'] as const
/** The logarithm of a mel's values: natural, base 10, decibels, or none. */
export type MelLogarithm = (typeof melLogarithms)[number]

/** The mean and the standard deviation by which a mel was normalised: one of each, or one per band. */
export interface MelStatisticsOfBands {
  /** Mean of each band. */
  readonly mean: readonly number[]
  /** Standard deviation; positive. */
  readonly deviation: readonly number[]
}

/** How the values of another toolkit's mels are scaled. */
export interface MelNumbers {
  /**
   * Logarithm of the values: natural (`ln`), base 10 (`log10`), decibels (`db`: 20·log10 of magnitudes, 10·log10 of
   * powers), or `none` for linear values. Default: the model's.
   */
  readonly logarithm?: MelLogarithm | undefined
  /** Statistics of a normalisation (value − mean) / deviation, which is applied last. Default: no normalisation. */
  readonly statistics?: MelStatisticsOfBands | undefined
}

/** Schema of `MelStatisticsOfBands`. */
export const statisticsSchema = z.strictObject({
  mean: readonlyList(z.number()),
  deviation: readonlyList(z.number().positive()),
} satisfies FieldsOf<MelStatisticsOfBands>)

const numbersSchema = z.strictObject({
  logarithm: z.enum(melLogarithms).optional(),
  statistics: statisticsSchema.optional(),
} satisfies FieldsOf<MelNumbers>)

/**
 * Makes a convention with another toolkit's scale: the same spectrum, filters and frames, with another logarithm and
 * normalisation.
 *
 * @param from the convention to start from, or its name; its own normalisation is replaced
 * @returns a convention for `melSpectrogram`, `convertMel` and configs
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`, `BAD_MEL` (statistics of another number of bands)
 * @example
 * const espnet = conventionWith('tacotron2', { logarithm: 'log10', statistics })
 */
export function conventionWith(from: MelConvention | ConventionName, numbers: MelNumbers): MelConvention {
  const convention = conventionOf(from, 'conventionWith convention')
  const { logarithm = convention.logarithm, statistics } = check(numbersSchema, numbers, 'mel numbers')
  for (const values of statistics === undefined ? [] : [statistics.mean, statistics.deviation]) {
    if (values.length === 1 || values.length === convention.bands) continue
    throw new DiffWaveError('BAD_MEL', 'the statistics have the wrong number of bands', {
      expected: `1 or ${convention.bands}`,
      got: String(values.length),
      where: 'mel statistics',
    })
  }
  // Decibels are 10 or 20 times log10.
  const unit = logarithm !== 'db' ? 1 : convention.power === 2 ? 10 : 20
  const scaled = (values: readonly number[]) => values.map(value => value / unit)
  return {
    ...convention,
    name: `${convention.name} in ${logarithm}${statistics === undefined ? '' : ', normalised'}`,
    logarithm: logarithm === 'db' ? 'log10' : logarithm,
    // A logarithm needs a positive floor, but a linear convention may have none.
    floor: convention.floor > 0 || logarithm === 'none' ? convention.floor : Number.MIN_VALUE,
    normalisation:
      statistics !== undefined
        ? { kind: 'standardise', mean: scaled(statistics.mean), deviation: scaled(statistics.deviation) }
        : unit !== 1
          ? { kind: 'affine', scale: unit, offset: 0, clamp: null }
          : null,
  }
}

/**
 * Converts another toolkit's mel to a model's convention. Both must have the same filters, hop, sample rate and
 * spectrum.
 *
 * @param from how the values of the mel are scaled
 * @param convention of the model, or its name
 * @returns a mel of the same shape
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG` (not a convention), `NOT_FINITE`, `BAD_MEL` (statistics or a mel of
 * another number of bands, or a mel that was cut off at a limit that the model does not have)
 * @example
 * const own = rescaleMel(espnetMel, { logarithm: 'log10', statistics }, vocoder.config.mel)
 */
export function rescaleMel(mel: Mel, from: MelNumbers, convention: MelConvention | ConventionName): Mel {
  checkMel(mel, 'rescaleMel mel')
  const described = conventionOf(convention, 'rescaleMel convention')
  return convertMel(mel, conventionWith(described, from), described)
}

/**
 * Converts a mel from one convention to another, if that is exact. The conventions may differ in logarithm,
 * normalisation, filter norm (`filterNorm`) and window norm (`windowNormalised`). The new hop may also be a multiple of
 * the old one, if the new frames are among the old ones: any multiple between centred conventions, an odd multiple
 * between uncentred ones, an even multiple from centred to uncentred.
 *
 * @param from the mel's convention, or its name
 * @param to the convention wanted, or its name
 * @returns a new mel, `[bands × frames]`
 * @throws DiffWaveError `BAD_MEL` (the conventions differ in other fields, which are named; or the mel was cut off at a
 * floor or a limit that the other convention does not have; or the statistics have another number of bands),
 * `BAD_CONFIG`, `NOT_FINITE`
 * @example
 * const coarse = convertMel(mel, { ...namedConventions.tacotron2, hop: 128 }, 'tacotron2')
 */
export function convertMel(mel: Mel, from: MelConvention | ConventionName, to: MelConvention | ConventionName): Mel {
  checkMel(mel, 'convertMel mel')
  return converted(mel, conventionOf(from, 'convertMel from'), conventionOf(to, 'convertMel to'))
}

function converted(mel: Mel, from: MelConvention, to: MelConvention): Mel {
  refuseInexact(from, to)
  if (mel.bands !== from.bands) {
    throw new DiffWaveError('BAD_MEL', 'the mel has the wrong number of bands', {
      expected: `${from.bands} (${from.name})`,
      got: String(mel.bands),
      where: 'convertMel mel',
    })
  }
  const { step, first, frames } = framesAmong(mel.frames, from, to)
  const data = new Float32Array(mel.bands * frames)
  const factors = bandFactors(from, to)
  for (let band = 0; band < mel.bands; band++) {
    const cut = cutOff(from, to, band, factors[band]!)
    for (let frame = 0; frame < frames; frame++) {
      const value = mel.data[band * mel.frames + first + frame * step]!
      if (value <= cut.low || value >= cut.high) throw cutError(value, band, from, to)
      data[band * frames + frame] = normaliseMel(denormaliseMel(value, from, band) * factors[band]!, to, band)
    }
  }
  const result = { data, bands: mel.bands, frames }
  checkMel(result, 'converted mel')
  return result
}

/** The fields that must be the same for a conversion to be exact. */
const SAME = [
  'sampleRate',
  'fftSize',
  'windowLength',
  'power',
  'magnitudeEpsilon',
  'bands',
  'melScale',
  'minFrequency',
  'maxFrequency',
] as const

/** @throws DiffWaveError `BAD_MEL`, naming each difference and the convention wanted */
function refuseInexact(from: MelConvention, to: MelConvention): void {
  const different: (keyof MelConvention)[] = SAME.filter(field => from[field] !== to[field])
  if (!Number.isInteger(to.hop / from.hop)) different.push('hop')
  else if (!Number.isInteger(firstFrame(from, to))) different.push('framing', 'hop')
  if (different.length === 0) return
  const list = (convention: MelConvention) =>
    `${convention.name} (${different.map(field => `${field} ${String(convention[field])}`).join(', ')})`
  const named = Object.values(namedConventions).some(convention => convention.name === to.name)
  throw new DiffWaveError('BAD_MEL', 'the mel cannot be converted exactly', {
    expected: list(to),
    got: list(from),
    hint: named
      ? `Compute it again from the recording: diffwave mel recording.wav --convention ${to.name}`
      : 'Compute it again from the recording, in the convention of the model: diffwave mel recording.wav -m <model>',
  })
}

/** Index of the old frame that becomes the first new one; not an integer if no old frame fits. */
function firstFrame(from: MelConvention, to: MelConvention): number {
  const ratio = to.hop / from.hop
  // The middle of an uncentred frame f is at (f + ½) hops.
  if (from.framing === to.framing) return from.framing === 'centre' ? 0 : (ratio - 1) / 2
  return from.framing === 'centre' ? ratio / 2 : Number.NaN
}

function framesAmong(frames: number, from: MelConvention, to: MelConvention) {
  const step = to.hop / from.hop
  const whole = Math.floor((from.framing === 'centre' ? frames - 1 : frames) / step)
  const count = whole + (to.framing === 'centre' ? 1 : 0)
  if (count >= 1) return { step, first: firstFrame(from, to), frames: count }
  throw new DiffWaveError('BAD_MEL', 'the mel is shorter than one frame of the new convention', {
    got: `${frames} frames`,
    expected: `at least ${step}`,
  })
}

/** The factor between the amplitudes, or powers, of each band, which comes from the norms of window and filters. */
function bandFactors(from: MelConvention, to: MelConvention): readonly number[] {
  const corners = cornerFrequencies(to)
  const filters = (convention: MelConvention, band: number) =>
    convention.filterNorm === 'slaney' ? 2 / (corners[band + 2]! - corners[band]!) : 1
  const squares = windowPower(new FrameTransform(to).window)
  const window = (convention: MelConvention) =>
    convention.windowNormalised ? Math.sqrt(squares) ** convention.power : 1
  return Array.from(
    { length: to.bands },
    (_, band) => ((filters(to, band) / filters(from, band)) * window(from)) / window(to),
  )
}

/** Tolerance for the rounding of float32 and of two logarithms, relative to an amplitude. */
const SLACK = 1e-4

/** The limits at which the old convention cut values off, if the new one would not cut them off there, too. */
function cutOff(from: MelConvention, to: MelConvention, band: number, factor: number) {
  const limits = (convention: MelConvention): readonly [number, number] => {
    const limit = (value: number) => denormaliseMel(normaliseMel(value, convention, band), convention, band)
    const clamped = convention.normalisation?.kind === 'affine' && convention.normalisation.clamp !== null
    // Without a clamp, the floor itself: by rounding, a floor of 0 would become one that cuts silence off.
    return clamped ? [limit(0), limit(Number.MAX_VALUE)] : [convention.floor, Number.POSITIVE_INFINITY]
  }
  const [[low, high], [wantedLow, wantedHigh]] = [limits(from), limits(to)]
  const keepsLow = low * factor <= wantedLow * (1 + SLACK)
  const keepsHigh = high * factor >= wantedHigh * (1 - SLACK)
  return {
    low: keepsLow ? Number.NEGATIVE_INFINITY : normaliseMel(low * (1 + SLACK), from, band),
    high: keepsHigh ? Number.POSITIVE_INFINITY : normaliseMel(high * (1 - SLACK), from, band),
  }
}

function cutError(value: number, band: number, from: MelConvention, to: MelConvention): DiffWaveError {
  return new DiffWaveError('BAD_MEL', `the mel was clipped at a limit that ${to.name} does not have`, {
    expected: `values that ${from.name} did not clip`,
    got: `${value.toPrecision(4)} in band ${band}`,
    hint: 'Compute it again from the recording, in the required convention.',
  })
}
