/** What the diffusion process needs to know of a model: the `diffusion` part of `config.json`. */
import { z } from 'zod'
import { pitchNetworkSchema } from '../audio/mel/pitch-network.js'
import {
  MAX_DIFFUSION_STEPS,
  MAX_GUIDANCE,
  MAX_PATCH,
  MAX_REFINEMENT_ITERATIONS,
  MAX_SAMPLE_RATE,
} from '../core/limits.js'
import { MIN_SUBBANDS } from './network.js'

const beta = z.number().gt(0).lt(1)

/** Schema of a noise schedule: its β, one per step. */
export const noiseScheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('linear'),
    steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS),
    betaStart: beta,
    betaEnd: beta,
  }),
  /** Nichol & Dhariwal 2021, eq. 17: ᾱ(t) = cos²((t/T + s)/(1 + s) · π/2), β clipped at `maxBeta`. */
  z.strictObject({
    kind: z.literal('cosine'),
    steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS),
    offset: z.number().min(0).max(1).default(0.008),
    maxBeta: beta.default(0.999),
  }),
  z.strictObject({ kind: z.literal('explicit'), betas: z.array(beta).min(1).max(MAX_DIFFUSION_STEPS) }),
])

/**
 * Where the noise is not the same everywhere: PriorGrad's mel-energy prior (Lee et al. 2022, section 4.1). All noise of
 * training and sampling is N(0, σ²): σ of a frame is √(Σ over bands of its linear mel amplitudes), brought from
 * [minEnergy, maxEnergy] of the data set to [0, 1] and clamped to [floor, 1]; between frames it is linear
 * (src/data-domain/energy-prior.ts).
 */
const energyPriorSchema = z
  .strictObject({
    kind: z.literal('mel-energy'),
    minEnergy: z.number().min(0),
    maxEnergy: z.number().positive(),
    floor: z.number().gt(0).max(1).default(0.1),
  })
  .refine(p => p.minEnergy < p.maxEnergy, { path: ['minEnergy'], message: 'must lie below maxEnergy' })

/** Defaults of refinement. */
export const DEFAULT_MOMENTUM = 0.99
export const DEFAULT_RELAXATION = 1

/**
 * Where the noise has the mel's spectral envelope, as in SpecGrad (src/data-domain/envelope-prior.ts). Such a model
 * makes no sound above the mel's highest frequency.
 */
export const envelopePriorSchema = z.strictObject({
  kind: z.literal('mel-envelope'),
  /**
   * `bands`: each band's level, which at low frequency lies on single harmonics; speech whitened and coloured again
   * comes back at 19 dB. `formants`: the mean over some bands, 26 dB, but the harmonics are left to the network.
   */
  follows: z.enum(['bands', 'formants']).default('bands'),
  /** Least deviation of the noise, full scale being 1: rounding to 16 bits alone is white noise of 0.9e-5. */
  floor: z.number().gt(0).max(1).default(1e-5),
})

/**
 * Noise coloured by the envelope of a windowed front end, in that front end's own transform
 * (src/data-domain/front-end-prior.ts). The data stay the waveform.
 */
const frontEndPriorSchema = z.strictObject({
  kind: z.literal('front-end'),
  /** Pulses at the mel's pitch that voiced speech starts from; null: noise everywhere. */
  harmonics: z
    .strictObject({
      /** Hz above which pulses give way to noise. */
      corner: z.number().gt(0).max(MAX_SAMPLE_RATE).default(3000),
      /** Share of the power of noise far above the corner. */
      noise: z.number().min(0).max(1).default(0.3),
      /**
       * Phases that the envelope gives to pulses: `zero`, none, or `minimum`, those of its minimum-phase filter, which
       * speech has.
       */
      phase: z.enum(['zero', 'minimum']).default('zero'),
      /** How f0 is taken from the mel: the mean over five frames, or what a small network says. */
      pitch: z.union([z.literal('mean'), pitchNetworkSchema]).default('mean'),
    })
    .nullable()
    .default(null),
})

/** Phases refined after the last pass (src/audio/mel/phase-refinement.ts). */
const refinementSchema = z.strictObject({
  iterations: z.number().int().min(1).max(MAX_REFINEMENT_ITERATIONS),
  /** 0: plain Griffin-Lim. Perraudin et al. 2013 find 0.99 best. */
  momentum: z.number().min(0).lt(1).default(DEFAULT_MOMENTUM),
  /** With 1.7, two thirds of the iterations are enough; from 2 on they need not converge. */
  relaxation: z.number().min(1).lt(2).default(DEFAULT_RELAXATION),
})

/** Diffusion in frequency (src/data-domain/subbands.ts). */
const subbandsSchema = z.strictObject({
  kind: z.literal('mdct'),
  /** Of each band, lowest first; as many as the network's patch, a power of two. x_0 is coefficients times these. */
  gains: z.array(z.number().positive().max(1e6)).min(MIN_SUBBANDS).max(MAX_PATCH),
})

const priorSchema = z.union([energyPriorSchema, envelopePriorSchema, frontEndPriorSchema])

/** How the reverse process gets from one noise level to the next. */
export type SamplerName = 'ddpm' | 'ddim' | 'dpm-solver++'
export const samplerNames = ['ddpm', 'ddim', 'dpm-solver++'] as const satisfies readonly SamplerName[]

const betas = z.array(beta).min(1).max(MAX_DIFFUSION_STEPS)
/**
 * Share of the noise that DDIM carries on to the next level. Below 1, that much less of ε̂ is taken for noise: where a
 * network is not sure of phases, much of it is the error of x̂_0. Other samplers leave it out.
 */
const noiseScale = z.number().min(0).max(1)
/** A schedule to sample with: its β, and the sampler and noise scale if it was made for them (`diffwave tune`). */
const samplingScheduleSchema = z.union([
  betas,
  z.strictObject({ betas, sampler: z.enum(samplerNames), noiseScale: noiseScale.optional() }),
])

/** Schema of what the diffusion process needs to know of a model. */
export const diffusionSchema = z.strictObject({
  /** The schedule the model was trained on: its steps are the network's input. */
  training: noiseScheduleSchema,
  /** Shorter schedules to sample with, by number of steps ("6") or name; each within the training range of ᾱ. */
  sampling: z.record(z.string().min(1), samplingScheduleSchema).default({}),
  /** Default number of steps; null: that of training. */
  defaultSteps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS).nullable().default(null),
  /** What the network predicts: the noise ε, v = √ᾱ·ε − √(1 − ᾱ)·x_0, or x_0 (src/diffusion/prediction.ts). */
  prediction: z.enum(['epsilon', 'v', 'x0']).default('epsilon'),
  /**
   * x_0 is the waveform times this: brings audio, whose deviation is some 0.1, near the noise's 1, so that the training
   * steps are spread over the levels that matter (Chen 2023, “On the importance of noise scheduling”, section 2.2).
   */
  signalScale: z.number().positive().max(100).default(1),
  /** x_0 is the waveform's MDCT in place of the waveform; null: the waveform. */
  subbands: subbandsSchema.nullable().default(null),
  /** Clamp the audio to ±1 after every DDPM step, as lmnt's sampler does. */
  clamp: z.boolean().default(true),
  /** Sampler to use if neither the caller nor the schedule names one. */
  defaultSampler: z.enum(samplerNames).default('ddpm'),
  /** DDIM's noise scale for schedules that name none. */
  noiseScale: noiseScale.default(1),
  /** Default of the classifier-free guidance w, for clips with a label. */
  defaultGuidance: z.number().min(0).max(MAX_GUIDANCE).default(0),
  /** Noise shaped by the mel; null: standard normal everywhere. */
  prior: priorSchema.nullable().default(null),
  /** Default phase refinement of a vocoder after the last step; null: none. */
  refinement: refinementSchema.nullable().default(null),
})

/** Steps of a noise schedule, however it is written. */
export function scheduleSteps(schedule: z.output<typeof noiseScheduleSchema>): number {
  return schedule.kind === 'explicit' ? schedule.betas.length : schedule.steps
}

/** Whether x_0 is audio whitened by its mel. */
export function isWhitened({ prior }: Pick<DiffusionConfig, 'prior'>): boolean {
  return prior?.kind === 'mel-envelope'
}

/** Whether the mel shapes the noise, so that it is not white. */
export function hasShapedNoise({ prior }: Pick<DiffusionConfig, 'prior'>): boolean {
  return prior !== null
}

/** The harmonics that voiced speech starts from; null: it starts from noise. */
export function harmonicsOf({ prior }: Pick<DiffusionConfig, 'prior'>): HarmonicsConfig | null {
  return prior?.kind === 'front-end' ? prior.harmonics : null
}

/** Whether levels without a schedule of their own are spaced evenly in steps, not in log-SNR. */
export function hasEvenLevels({ prior }: Pick<DiffusionConfig, 'prior'>): boolean {
  return prior?.kind === 'front-end'
}

/** Whether x_0 is in subbands. */
export function isInSubbands({ subbands }: Pick<DiffusionConfig, 'subbands'>): boolean {
  return subbands !== null
}

export type NoiseScheduleConfig = Readonly<z.output<typeof noiseScheduleSchema>>
export type EnergyPriorConfig = Readonly<z.output<typeof energyPriorSchema>>
export type EnvelopePriorConfig = Readonly<z.output<typeof envelopePriorSchema>>
export type FrontEndPriorConfig = Readonly<z.output<typeof frontEndPriorSchema>>
export type HarmonicsConfig = Readonly<NonNullable<FrontEndPriorConfig['harmonics']>>
export type SubbandsConfig = Readonly<z.output<typeof subbandsSchema>>
export type SamplingScheduleConfig = Readonly<z.output<typeof samplingScheduleSchema>>
export type RefinementConfig = Readonly<z.output<typeof refinementSchema>>
export type PriorConfig = Readonly<z.output<typeof priorSchema>>
export type DiffusionConfig = Readonly<z.output<typeof diffusionSchema>>
