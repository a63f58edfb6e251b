/** Makes samplers from options and configs. */
import { DiffWaveError } from '../../core/errors.js'
import { type DiffusionConfig, hasEvenLevels, type SamplerName } from '../../model/diffusion-config.js'
import {
  chosenSteps,
  derivedSchedule,
  evenSchedule,
  noiseSchedule,
  ownSchedule,
  type SamplingSchedule,
  scheduleFor,
} from '../schedule.js'
import { ddim } from './ddim.js'
import { ddpm } from './ddpm.js'
import { dpmSolverPlusPlus } from './dpm-solver-plus-plus.js'
import type { Sampler } from './sampler.js'

export interface SamplerChoice {
  /** Number of steps, or the name of one of the model's schedules. Default: the model's default number of steps. */
  readonly steps?: number | string | undefined
  /** Default: the sampler that the schedule names, else the model's default. */
  readonly sampler?: SamplerName | null | undefined
  /** DDIM's η, 0 to 1. Default: 0. */
  readonly eta?: number | undefined
}

/** Makes the sampler of a model. @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE` */
export function createSampler(config: DiffusionConfig, choice: SamplerChoice = {}): Sampler {
  const steps = chosenSteps(config, choice.steps)
  const own = ownSchedule(config, steps)
  const sampler = choice.sampler ?? own?.sampler
  return samplerOver(scheduleFor(config, steps), config, { ...choice, sampler, noiseScale: own?.noiseScale })
}

/** Number of steps from a noise level on, for models that state no default. */
const STEPS_FROM_LEVEL = 6

/**
 * A sampler that starts at a given noise level and ends at clean data. Its levels are evenly spaced in log-SNR, or in
 * training steps for models whose schedules are (`hasEvenLevels`).
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
  const training = noiseSchedule(config.training)
  const schedule = hasEvenLevels(config)
    ? evenSchedule(training, steps, alphaBar)
    : derivedSchedule(training, steps, alphaBar)
  return samplerOver(schedule, config, choice)
}

/**
 * Makes a sampler for any schedule.
 *
 * @param choice sampler, η and DDIM's noise scale. Default of `noiseScale`: the model's
 * @throws DiffWaveError `BAD_OPTION`
 */
export function samplerOver(
  schedule: SamplingSchedule,
  config: DiffusionConfig,
  choice: SamplerChoice & { readonly noiseScale?: number | null | undefined },
): Sampler {
  const name = choice.sampler ?? config.defaultSampler
  if (choice.eta !== undefined && name !== 'ddim') {
    throw new DiffWaveError('BAD_OPTION', 'eta is only for the ddim sampler', { got: name, where: 'eta' })
  }
  switch (name) {
    case 'ddpm':
      return ddpm(schedule, { clamp: config.clamp })
    case 'ddim':
      return ddim(schedule, { eta: choice.eta ?? 0, noiseScale: choice.noiseScale ?? config.noiseScale })
    case 'dpm-solver++':
      return dpmSolverPlusPlus(schedule)
  }
}
