/** Writes schedules that were found into a model's config. */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { check, readonlyList } from '../core/options.js'
import type { ModelConfig } from '../model/config.js'
import { samplerNames } from '../model/diffusion-config.js'
import type { TunedSchedule } from './tune.js'

const tunedSchema = z.array(
  z.looseObject({
    better: z.boolean(),
    steps: z.number().int().min(1),
    betas: readonlyList(z.number()),
    sampler: z.enum(samplerNames),
    noiseScale: z.number().min(0).max(1),
  }),
)

/**
 * A copy of a model's config with those of the tuned schedules that are better than its own.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`
 * @example
 * const config = withTunedSchedules(model.config, [tuned])
 */
export function withTunedSchedules(config: ModelConfig, tuned: readonly TunedSchedule[]): ModelConfig {
  if (typeof config?.diffusion !== 'object') {
    throw new DiffWaveError('BAD_CONFIG', 'not a model’s config', { where: 'withTunedSchedules config' })
  }
  const added = check(tunedSchema, tuned, 'withTunedSchedules schedules')
    .filter(schedule => schedule.better)
    .map(({ steps, betas, sampler, noiseScale }) => {
      const schedule = { betas: [...betas], sampler }
      return [String(steps), noiseScale === config.diffusion.noiseScale ? schedule : { ...schedule, noiseScale }]
    })
  return {
    ...config,
    diffusion: { ...config.diffusion, sampling: { ...config.diffusion.sampling, ...Object.fromEntries(added) } },
  }
}
