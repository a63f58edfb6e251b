/**
 * The config file of open-mmlab/Amphion's DiffWave (MIT), which lies beside its checkpoints. The network and its
 * parameter names are lmnt-com/diffwave's; the file says what the weights do not.
 */
import { z } from 'zod'
import { type MelConvention, namedConventions } from '../../audio/mel/convention.js'
import { check } from '../../core/options.js'
import type { NoiseScheduleConfig } from '../diffusion-config.js'

/** What the config file says. */
export interface AmphionFacts {
  readonly sampleRate: number
  readonly dilationCycle: number
  readonly training: NoiseScheduleConfig
  /** β of the fast schedule. */
  readonly fast: readonly number[]
  readonly convention: MelConvention
}

const schema = z.object({
  preprocess: z.object({
    n_mel: z.number(),
    win_size: z.number(),
    hop_size: z.number(),
    sample_rate: z.number(),
    n_fft: z.number(),
    fmin: z.number(),
    fmax: z.number(),
  }),
  model: z.object({
    diffwave: z.object({
      dilation_cycle_length: z.number(),
      noise_schedule_factors: z.tuple([z.number(), z.number(), z.number()]),
      inference_noise_schedule: z.array(z.number()).min(1),
    }),
  }),
})

/** Names under which the config lies beside a checkpoint. */
export const amphionConfigNames = ['args.json', 'exp_config.json', 'config.json'] as const

/** Whether a JSON value is the config of an Amphion DiffWave. */
export function isAmphionConfig(json: unknown): boolean {
  return z.object({ preprocess: z.looseObject({}), model: z.object({ diffwave: z.looseObject({}) }) }).safeParse(json)
    .success
}

/** @throws DiffWaveError `BAD_CONFIG` naming the field that is missing or wrong */
export function amphionFacts(json: unknown, where: string): AmphionFacts {
  const { preprocess: mel, model } = check(schema, json, where, 'BAD_CONFIG')
  const [betaStart, betaEnd, steps] = model.diffwave.noise_schedule_factors
  return {
    sampleRate: mel.sample_rate,
    dilationCycle: model.diffwave.dilation_cycle_length,
    training: { kind: 'linear', steps, betaStart, betaEnd },
    fast: model.diffwave.inference_noise_schedule,
    convention: {
      ...namedConventions.amphion,
      sampleRate: mel.sample_rate,
      bands: mel.n_mel,
      fftSize: mel.n_fft,
      windowLength: mel.win_size,
      hop: mel.hop_size,
      minFrequency: mel.fmin,
      maxFrequency: mel.fmax,
    },
  }
}
