/** Samplers by name, as options and configs give them. */
import { DiffWaveError } from '../../core/errors.js'
import type { DiffusionConfig, SamplerName } from '../../model/diffusion-config.js'
import { derivedSchedule, noiseSchedule, ownSchedule, type SamplingSchedule, scheduleFor } from '../schedule.js'
import { ddim } from './ddim.js'
import { ddpm } from './ddpm.js'
import { dpmSolverPlusPlus } from './dpm-solver-plus-plus.js'
import type { Sampler } from './sampler.js'

export interface SamplerChoice {
  /** Number of steps or name of one of the model's schedules; the model's default where not given. */
  readonly steps?: number | string | undefined
  /** The schedule's own where not given, or else the model's default. */
  readonly sampler?: SamplerName | null | undefined
  /** DDIM's η, 0 … 1; 0 where not given. */
  readonly eta?: number | undefined
}

/** The sampler for a model. @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE` */
export function createSampler(config: DiffusionConfig, choice: SamplerChoice = {}): Sampler {
  const steps = choice.steps ?? config.defaultSteps
  const meant = steps === null ? null : (ownSchedule(config, steps)?.sampler ?? null)
  return samplerOver(scheduleFor(config, choice.steps), config, { ...choice, sampler: choice.sampler ?? meant })
}

/** Steps taken from a noise level on where nobody says how many. */
const STEPS_FROM_LEVEL = 6

/**
 * A sampler that starts at a noise level of its own and goes down to clean audio in steps even in log-SNR.
 *
 * @param alphaBar ᾱ to start at, within the training range
 * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`
 */
export function samplerFromLevel(
  config: DiffusionConfig,
  alphaBar: number,
  choice: SamplerChoice & { readonly steps?: number | undefined } = {},
): Sampler {
  const steps = choice.steps ?? config.defaultSteps ?? STEPS_FROM_LEVEL
  return samplerOver(derivedSchedule(noiseSchedule(config.training), steps, alphaBar), config, choice)
}

/** A sampler over a schedule of one's own. @throws DiffWaveError `BAD_OPTION` */
export function samplerOver(schedule: SamplingSchedule, config: DiffusionConfig, choice: SamplerChoice): Sampler {
  const name = choice.sampler ?? config.defaultSampler
  if (choice.eta !== undefined && name !== 'ddim') {
    throw new DiffWaveError('BAD_OPTION', 'eta is an option of the sampler ddim alone', { got: name, where: 'eta' })
  }
  switch (name) {
    case 'ddpm':
      return ddpm(schedule, { clamp: config.clamp })
    case 'ddim':
      return ddim(schedule, { eta: choice.eta ?? 0 })
    case 'dpm-solver++':
      return dpmSolverPlusPlus(schedule)
  }
}
