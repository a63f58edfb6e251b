/** A model as a page offers it: what it makes, its defaults and its noise schedules. Needs the config alone. */
import { createSampler, type SamplerChoice } from '../diffusion/samplers/create.js'
import { noiseSchedule } from '../diffusion/schedule.js'
import type { ModelConfig } from '../model/config.js'
import { hasShapedNoise } from '../model/diffusion-config.js'
import { describeModel } from './describe-model.js'

/** @param name by which the page asks for the model; the model's own is `title` */
export function modelView(config: ModelConfig, name: string) {
  const { diffusion } = config
  const description = describeModel(config)
  return {
    ...description,
    name,
    title: config.name,
    clipSeconds: config.clipSeconds,
    bands: config.mel?.bands ?? null,
    trainingSteps: description.trainingSchedule.steps,
    shapedNoise: hasShapedNoise(diffusion),
    defaultSampler: diffusion.defaultSampler,
    defaultGuidance: diffusion.defaultGuidance,
  }
}

/**
 * ᾱ of each training step from 0; and the steps t and ᾱ that sampling visits, noisiest first.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`
 */
export function scheduleView({ diffusion }: ModelConfig, choice: SamplerChoice) {
  const sampler = createSampler(diffusion, choice)
  return {
    training: { kind: diffusion.training.kind, alphaBars: [...noiseSchedule(diffusion.training).alphaBar] },
    sampling: {
      steps: sampler.steps,
      alphaBars: sampler.alphaBars,
      spreads: sampler.steps.map((_, pass) => sampler.noiseDeviation(pass)),
    },
  }
}
