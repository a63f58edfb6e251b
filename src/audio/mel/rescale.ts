/**
 * Mels of other toolkits in the numbers of a model's convention: their normalisation and logarithm undone, the model's
 * applied. That is exact. What differs before the logarithm (filters, hop, rate, window) cannot be converted: such a
 * mel has to be computed again.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { check, type FieldsOf } from '../../core/options.js'
import { checkMel } from './check-mel.js'
import { type Mel, type MelConvention, requireConvention } from './convention.js'
import { normaliseMel } from './mel.js'

/** Logarithms of mels: natural, base 10, decibels, or none. */
export const melLogarithms = ['ln', 'log10', 'db', 'none'] as const
export type MelLogarithm = (typeof melLogarithms)[number]

/** Mean and deviation that a mel was normalised by: one each, or one per band. */
export interface MelStatisticsOfBands {
  readonly mean: readonly number[]
  /** Positive. */
  readonly deviation: readonly number[]
}

/** How another toolkit writes its mels. */
export interface MelNumbers {
  /**
   * Base of the logarithm; `db`: 20·log10 of magnitudes, 10·log10 of powers. Default: the model's. `none`: linear.
   */
  readonly logarithm?: MelLogarithm | undefined
  /** Undone first: value × deviation + mean. Default: none. */
  readonly statistics?: MelStatisticsOfBands | undefined
}

const numbers = z.array(z.number()).min(1).readonly()
const numbersSchema = z.strictObject({
  logarithm: z.enum(melLogarithms).optional(),
  statistics: z.strictObject({ mean: numbers, deviation: z.array(z.number().positive()).min(1).readonly() }).optional(),
} satisfies FieldsOf<MelNumbers>)

/**
 * A mel of another toolkit in a model's convention. Both must have the same filters, hop, sample rate and spectrum.
 *
 * @param from how the mel is written
 * @param convention of the model
 * @returns a mel of the same shape
 * @throws DiffWaveError `BAD_OPTION`, `BAD_MEL` (statistics of another number of bands), `NOT_FINITE`
 * @example
 * const own = rescaleMel(espnetMel, { logarithm: 'log10', statistics }, vocoder.config.mel)
 */
export function rescaleMel(mel: Mel, from: MelNumbers, convention: MelConvention): Mel {
  checkMel(mel, 'rescaleMel mel')
  requireConvention(convention, 'rescaleMel convention')
  const { logarithm = convention.logarithm, statistics } = check(numbersSchema, from, 'rescaleMel numbers')
  const { bands, frames } = mel
  for (const values of statistics === undefined ? [] : [statistics.mean, statistics.deviation]) {
    if (values.length === 1 || values.length === bands) continue
    throw new DiffWaveError('BAD_MEL', 'the statistics are of another number of bands', {
      expected: `1 or ${bands}`,
      got: String(values.length),
      where: 'rescaleMel statistics',
    })
  }
  const linear = linearOf(logarithm, convention.power)
  const data = new Float32Array(mel.data.length)
  for (let band = 0; band < bands; band++) {
    const [mean, deviation] = [statistics?.mean, statistics?.deviation].map(values => values?.[band] ?? values?.[0])
    for (let frame = 0; frame < frames; frame++) {
      const i = band * frames + frame
      const value = mel.data[i]! * (deviation ?? 1) + (mean ?? 0)
      data[i] = normaliseMel(linear(value), convention, band)
    }
  }
  const result = { data, bands, frames }
  checkMel(result, 'rescaled mel')
  return result
}

/** Undoes a logarithm: amplitude, or power. */
function linearOf(logarithm: MelLogarithm, power: 1 | 2): (value: number) => number {
  switch (logarithm) {
    case 'ln':
      return Math.exp
    case 'log10':
      return value => 10 ** value
    case 'db':
      return value => 10 ** (value / (power === 2 ? 10 : 20))
    case 'none':
      return value => value
  }
}
