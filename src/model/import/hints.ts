/** Facts that a checkpoint does not state, from the user or from a config file beside it. */
import { z } from 'zod'
import { type ConventionName, type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import {
  conventionWith,
  type MelLogarithm,
  type MelStatisticsOfBands,
  melLogarithms,
  statisticsSchema,
} from '../../audio/mel/rescale.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_DIFFUSION_STEPS, MAX_DILATION_CYCLE, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../../core/limits.js'
import type { FieldsOf } from '../../core/options.js'
import type { ModelConfig } from '../config.js'
import { betaSchema, type NoiseScheduleConfig } from '../diffusion-config.js'

/** Facts about a checkpoint. They override what its file states. Each is optional. */
export interface ImportHints {
  /** Number of layers after which the dilation starts at 1 again. The shapes of a checkpoint do not show it. */
  readonly dilationCycle?: number | undefined
  /** Number of steps of the linear noise schedule of the training. */
  readonly diffusionSteps?: number | undefined
  /** First β of the noise schedule of the training. */
  readonly betaStart?: number | undefined
  /** Last β of the noise schedule of the training. */
  readonly betaEnd?: number | undefined
  /** Sample rate in Hz. */
  readonly sampleRate?: number | undefined
  /**
   * The mel convention that the model was trained on. Its sample rate, hop and number of bands must fit the network.
   */
  readonly convention?: ConventionName | undefined
  /**
   * Logarithm of the mels that the model was trained on. It also removes the convention's normalisation. Default: as in
   * the convention.
   */
  readonly melLogarithm?: MelLogarithm | undefined
  /** Mean and deviation by which the mels of the training were normalised. Default: the convention's normalisation. */
  readonly melStatistics?: MelStatisticsOfBands | undefined
}

/** The fields of `ImportHints`, for schemas of options. */
export const importHintFields = {
  dilationCycle: z.number().int().min(1).max(MAX_DILATION_CYCLE).optional(),
  diffusionSteps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS).optional(),
  betaStart: betaSchema.optional(),
  betaEnd: betaSchema.optional(),
  sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE).optional(),
  convention: z.enum(Object.keys(namedConventions) as [ConventionName, ...ConventionName[]]).optional(),
  melLogarithm: z.enum(melLogarithms).optional(),
  melStatistics: statisticsSchema.optional(),
} satisfies FieldsOf<ImportHints>

/**
 * The training schedule of a checkpoint, with the user’s hints in place.
 *
 * @param own the schedule in the file or beside it, or the project's default
 * @throws DiffWaveError `BAD_OPTION` if only part of a schedule is given and the checkpoint's own is not linear
 */
export function hintedSchedule(own: NoiseScheduleConfig, hints: ImportHints): NoiseScheduleConfig {
  const { diffusionSteps, betaStart, betaEnd } = hints
  if (diffusionSteps === undefined && betaStart === undefined && betaEnd === undefined) return own
  const linear = own.kind === 'linear' ? own : null
  const steps = diffusionSteps ?? linear?.steps
  const first = betaStart ?? linear?.betaStart
  const last = betaEnd ?? linear?.betaEnd
  if (steps === undefined || first === undefined || last === undefined) {
    throw new DiffWaveError('BAD_OPTION', 'part of a noise schedule cannot be changed: it is not linear', {
      expected: 'diffusionSteps, betaStart and betaEnd together',
      where: 'noise schedule',
    })
  }
  return { kind: 'linear', steps, betaStart: first, betaEnd: last }
}

/** What a network says of its mels. */
interface NetworkMel {
  readonly bands: number
  readonly hop: number
}

/**
 * Refuses a convention or sample rate of the user's that contradicts the other or the network.
 *
 * @param convention the model's, with the user’s hints
 * @param sampleRate the model's, with the user’s hints
 * @param mel null: a generator
 * @throws DiffWaveError `BAD_OPTION`
 */
export function checkHintedConvention(
  hints: ImportHints,
  {
    convention,
    sampleRate,
    mel,
  }: {
    readonly convention: ConventionName | MelConvention | null
    readonly sampleRate: number
    readonly mel: NetworkMel | null
  },
  where: string,
): void {
  if (hints.convention === undefined && hints.sampleRate === undefined) return
  if (hints.convention !== undefined && mel === null) {
    throw new DiffWaveError('BAD_OPTION', 'the model takes no mel', { got: hints.convention, where: 'convention' })
  }
  const named = typeof convention === 'string' ? namedConventions[convention] : convention
  if (named === null || mel === null) return
  const { name, bands, hop } = named
  if (named.sampleRate !== sampleRate) {
    throw new DiffWaveError('BAD_OPTION', `the sample rate is not that of the mel convention ${name}`, {
      expected: `${named.sampleRate} Hz`,
      got: `${sampleRate} Hz`,
      where: 'sampleRate, convention',
      hint: 'Give one of the two. For mels of another rate, describe them in config.json of the converted model.',
    })
  }
  if (bands !== mel.bands || hop !== mel.hop) {
    throw new DiffWaveError('BAD_OPTION', `the network does not take mels of the convention ${name}`, {
      expected: `${mel.bands} bands with a hop of ${mel.hop} samples`,
      got: `${bands} with a hop of ${hop}`,
      where,
    })
  }
}

/** A note on a schedule whose β falls, which diffusion does not do; none for others. */
export function scheduleNotes(training: NoiseScheduleConfig): readonly string[] {
  if (training.kind === 'cosine') return []
  const [first, last] =
    training.kind === 'linear' ? [training.betaStart, training.betaEnd] : [training.betas[0]!, training.betas.at(-1)!]
  if (first <= last || (training.kind === 'linear' && training.steps === 1)) return []
  return [`The training noise schedule falls, from β ${first} to ${last}. Schedules usually rise: are the two swapped?`]
}

/**
 * The config of an imported model, its mels in the numbers that the user named.
 *
 * @throws DiffWaveError `BAD_OPTION` for a model without a mel, `BAD_MEL` for statistics of another number of bands
 */
export function withHintedMel(config: ModelConfig, { melLogarithm, melStatistics }: ImportHints): ModelConfig {
  if (melLogarithm === undefined && melStatistics === undefined) return config
  if (config.mel === null) {
    throw new DiffWaveError('BAD_OPTION', 'the model takes no mel', { where: 'melLogarithm, melStatistics' })
  }
  return { ...config, mel: conventionWith(config.mel, { logarithm: melLogarithm, statistics: melStatistics }) }
}

/** Refuses facts about a file that states them itself. @throws DiffWaveError `BAD_OPTION` */
export function refuseHints(hints: ImportHints, reason: string, hint: string, where: string): void {
  const given = Object.entries(hints).find(([, value]) => value !== undefined)
  if (given === undefined) return
  throw new DiffWaveError('BAD_OPTION', `${given[0]} is an option for checkpoints: ${reason}`, { where, hint })
}
