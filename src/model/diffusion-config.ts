/** The `diffusion` part of `config.json`: everything that the diffusion process needs to know about a model. */
import { z } from 'zod'
import { highBandSchema } from '../audio/mel/high-band.js'
import { pitchNetworkSchema } from '../audio/mel/pitch-network.js'
import { relaxationSchema } from '../audio/mel/relaxation.js'
import {
  MAX_DIFFUSION_STEPS,
  MAX_GUIDANCE,
  MAX_PATCH,
  MAX_REFINEMENT_ITERATIONS,
  MAX_SAMPLE_RATE,
  MIN_BETA,
} from '../core/limits.js'
import { MIN_SUBBANDS } from './network.js'

/** Schema of one β. */
export const betaSchema = z.number().min(MIN_BETA).lt(1)

/** Schema of a noise schedule, which stands for a list of β, one per step. */
export const noiseScheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** β rises linearly. */
    kind: z.literal('linear'),
    /** Number of steps. */
    steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS),
    /** β of the least noisy step. */
    betaStart: betaSchema,
    /** β of the noisiest step. */
    betaEnd: betaSchema,
  }),
  /**
   * Nichol & Dhariwal 2021, eq. 17: ᾱ(t) = cos²((t/T + s)/(1 + s) · π/2), where s is `offset`. β is clipped at
   * `maxBeta`.
   */
  z.strictObject({
    /** √ᾱ is a quarter of a cosine. */
    kind: z.literal('cosine'),
    /** Number of steps. */
    steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS),
    /** s of the formula, which keeps the first β from being too small. */
    offset: z.number().min(0).max(1).default(0.008),
    /** Largest β. */
    maxBeta: betaSchema.default(0.999),
  }),
  z.strictObject({
    /** The β are listed. */
    kind: z.literal('explicit'),
    /** β of each step, the least noisy step first. */
    betas: z.array(betaSchema).min(1).max(MAX_DIFFUSION_STEPS),
  }),
])

/**
 * PriorGrad's mel-energy prior (Lee et al. 2022, section 4.1): all noise, in training and in sampling, is N(0, σ²) with
 * σ taken from the mel. The energy of a frame is √(Σ over bands of its linear mel amplitudes). σ is that energy, mapped
 * from the data set's [minEnergy, maxEnergy] to [0, 1] and clamped to [floor, 1]. It is linear between frames
 * (src/data-domain/energy-prior.ts).
 */
const energyPriorSchema = z
  .strictObject({
    /** The prior of PriorGrad. */
    kind: z.literal('mel-energy'),
    /** Lowest energy of a frame in the training data. */
    minEnergy: z.number().min(0),
    /** Highest energy of a frame in the training data. */
    maxEnergy: z.number().positive(),
    /** Smallest deviation σ of the noise. */
    floor: z.number().gt(0).max(1).default(0.1),
  })
  .refine(p => p.minEnergy < p.maxEnergy, { path: ['minEnergy'], message: 'must lie below maxEnergy' })

/**
 * SpecGrad's prior: noise with the spectral envelope of the mel (src/data-domain/envelope-prior.ts). Such a model makes
 * no sound above the mel's highest frequency.
 */
export const envelopePriorSchema = z.strictObject({
  /** The prior of SpecGrad. */
  kind: z.literal('mel-envelope'),
  /**
   * What the envelope follows. `bands`: the level of each band, which at low frequencies resolves single harmonics;
   * speech that is whitened and coloured again comes back with an SNR of 19 dB. `formants`: the mean over neighbouring
   * bands, with an SNR of 26 dB, which leaves the harmonics to the network.
   */
  follows: z.enum(['bands', 'formants']).default('bands'),
  /**
   * Smallest deviation of the noise, in units of full scale. For comparison: rounding to 16 bits adds white noise of
   * 0.9e-5.
   */
  floor: z.number().gt(0).max(1).default(1e-5),
})

/**
 * Noise with the envelope of the network's windowed front end, shaped in the front end's own transform
 * (src/data-domain/front-end-prior.ts). The data are the waveform.
 */
const frontEndPriorSchema = z.strictObject({
  /** Noise in the transform of the front end. */
  kind: z.literal('front-end'),
  /** The pulses at the mel's pitch that voiced speech starts from. Default: null, noise everywhere. */
  harmonics: z
    .strictObject({
      /** Frequency in Hz above which pulses give way to noise. */
      corner: z.number().gt(0).max(MAX_SAMPLE_RATE).default(3000),
      /** Share of noise in the power far above the corner. */
      noise: z.number().min(0).max(1).default(0.3),
      /**
       * Phases of the filter that shapes the pulses. `zero`: it leaves phases alone. `minimum`: it is the minimum-phase
       * filter of the envelope, as a vocal tract is.
       */
      phase: z.enum(['zero', 'minimum']).default('zero'),
      /** How f0 is found from the path of candidates: as the mean over five frames, or by a small network. */
      pitch: z.union([z.literal('mean'), pitchNetworkSchema]).default('mean'),
    })
    .nullable()
    .default(null),
})

/** Default momentum of refinement. */
export const DEFAULT_MOMENTUM = 0.99

/** Phase refinement after the last pass (src/audio/mel/phase-refinement.ts). */
const refinementSchema = z.strictObject({
  /** The default number. 0: none, unless the caller asks for some. */
  iterations: z.number().int().min(0).max(MAX_REFINEMENT_ITERATIONS),
  /** Momentum of fast Griffin-Lim; 0 is plain Griffin-Lim. Perraudin et al. 2013 recommend 0.99. */
  momentum: z.number().min(0).lt(1).default(DEFAULT_MOMENTUM),
  /**
   * How far each iteration moves the bands: 1 is to the mel, more is past it. With 1.7, two thirds of the iterations
   * are enough.
   */
  relaxation: relaxationSchema,
})

/** Diffusion on subbands (src/data-domain/subbands.ts). */
const subbandsSchema = z.strictObject({
  /** The subbands of a modified discrete cosine transform. */
  kind: z.literal('mdct'),
  /**
   * Gain of each band, lowest first. There are as many bands as the network's patch has samples, a power of two. x_0 is
   * the MDCT coefficients times these gains.
   */
  gains: z.array(z.number().positive().max(1e6)).min(MIN_SUBBANDS).max(MAX_PATCH),
})

const priorSchema = z.discriminatedUnion('kind', [energyPriorSchema, envelopePriorSchema, frontEndPriorSchema])

/** Names of the samplers: how the reverse process gets from one noise level to the next. */
export type SamplerName = 'ddpm' | 'ddim' | 'dpm-solver++'
export const samplerNames = ['ddpm', 'ddim', 'dpm-solver++'] as const satisfies readonly SamplerName[]

const betas = z.array(betaSchema).min(1).max(MAX_DIFFUSION_STEPS)
/**
 * Share of the predicted noise ε̂ that DDIM carries to the next level. Below 1, part of ε̂ is dropped: where a network
 * is unsure of phases, much of ε̂ is the error of x̂_0 rather than noise. Other samplers ignore it.
 */
const noiseScale = z.number().min(0).max(1)
/** A schedule to sample with: its β, and the sampler and the noise scale that it was tuned for (`diffwave tune`). */
const samplingScheduleSchema = z.union([
  betas,
  z.strictObject({
    /** β of each step, the least noisy step first. */
    betas,
    /** The sampler that the schedule was tuned for. */
    sampler: z.enum(samplerNames),
    /** DDIM's noise scale that it was tuned for. Default: the model's. */
    noiseScale: noiseScale.optional(),
  }),
])

/** Schema of the `diffusion` part of a config. */
export const diffusionSchema = z.strictObject({
  /** The noise schedule of the training. The network is conditioned on its steps. */
  training: noiseScheduleSchema,
  /**
   * Shorter schedules to sample with, by number of steps ("6") or by name. Their levels must lie within the training
   * range of ᾱ.
   */
  sampling: z.record(z.string().min(1), samplingScheduleSchema).default({}),
  /** Default number of steps. Default: null, as many as in training. */
  defaultSteps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS).nullable().default(null),
  /** What the network predicts: the noise ε, v = √ᾱ·ε − √(1 − ᾱ)·x_0, or x_0 (src/diffusion/prediction.ts). */
  prediction: z.enum(['epsilon', 'v', 'x0']).default('epsilon'),
  /** x_0 is the waveform times this (src/data-domain/waveform.ts). */
  signalScale: z.number().positive().max(100).default(1),
  /** Makes x_0 the MDCT of the waveform. Default: null, the waveform itself. */
  subbands: subbandsSchema.nullable().default(null),
  /** Whether to clamp the audio to ±1 after every DDPM step, as lmnt's sampler does. */
  clamp: z.boolean().default(true),
  /** The sampler to use if neither the caller nor the schedule names one. */
  defaultSampler: z.enum(samplerNames).default('ddpm'),
  /** DDIM's noise scale for schedules that name none. */
  noiseScale: noiseScale.default(1),
  /** Default weight w of classifier-free guidance, for clips with a label. */
  defaultGuidance: z.number().min(0).max(MAX_GUIDANCE).default(0),
  /** How the mel shapes the noise. Default: null, standard normal noise everywhere. */
  prior: priorSchema.nullable().default(null),
  /** Phase refinement of a vocoder after the last step. Default: null, none unless the caller asks for some. */
  refinement: refinementSchema.nullable().default(null),
  /** The noise that a vocoder adds above its mel (src/synthesis/high-band.ts). Default: null, none. */
  highBand: highBandSchema.nullable().default(null),
})

/** Number of steps of a noise schedule. */
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

/** The settings of the harmonics that voiced speech starts from; null if it starts from noise. */
export function harmonicsOf({ prior }: Pick<DiffusionConfig, 'prior'>): HarmonicsConfig | null {
  return prior?.kind === 'front-end' ? prior.harmonics : null
}

/** Whether derived schedules are evenly spaced in training steps instead of in log-SNR. */
export function hasEvenLevels({ prior }: Pick<DiffusionConfig, 'prior'>): boolean {
  return prior?.kind === 'front-end'
}

/** Number of iterations of phase refinement, unless the caller asks for others. */
export function defaultIterations({ refinement }: Pick<DiffusionConfig, 'refinement'>): number {
  return refinement?.iterations ?? 0
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
export type RefinementConfig = Readonly<z.output<typeof refinementSchema>>
export type PriorConfig = Readonly<z.output<typeof priorSchema>>
export type DiffusionConfig = Readonly<z.output<typeof diffusionSchema>>
