/** The trainer's `config.json`: the model to train and everything its weights depend on. */
import { z } from 'zod'
import { MAX_FFT_SIZE } from '../core/limits.js'
import { check, seed } from '../core/options.js'
import { engineNames } from '../engines/select.js'
import { leavesScaleToGains, type ModelConfig, modelConfigSchema } from '../model/config.js'
import { harmonicsOf, isInSubbands, isWhitened } from '../model/diffusion-config.js'
import { hasCorrection, melHop, patchIsBlock, positionSamples } from '../model/network.js'

/** Which diffusion steps are trained on. */
const noiseLevelsSchema = z.discriminatedUnion('kind', [
  /** Whole steps, uniform, as the reference draws them. */
  z.strictObject({
    /** Names the choice. */
    kind: z.literal('discrete'),
  }),
  /** Fractional steps, uniform over the training range (WaveGrad, Chen et al. 2021, section 3.2). */
  z.strictObject({
    /** Names the choice. */
    kind: z.literal('continuous'),
  }),
  /**
   * The network's own steps from noise of the prior, in the place of noised recordings: the loss is that of `spectral`,
   * of what each step makes (src/training/objective/own-steps.ts).
   */
  z
    .strictObject({
      /** Names the choice. */
      kind: z.literal('own'),
      /** DDIM steps per crop. */
      steps: z.number().int().min(1).max(16).default(4),
      /** Factor of each step's loss, the noisiest first. Default: all 1. */
      weights: z.array(z.number().min(0)).min(1).max(16).optional(),
    })
    .transform(own => ({ ...own, weights: own.weights ?? new Array<number>(own.steps).fill(1) })),
  /** With this share of probability, within `jitter` steps of a level that sampling visits; else continuous. */
  z.strictObject({
    /** Names the choice. */
    kind: z.literal('focused'),
    /** Probability of a step near a level that sampling visits. */
    share: z.number().gt(0).lt(1).default(0.5),
    /** Largest distance from such a level, in steps. */
    jitter: z.number().min(0).max(1000).default(2),
  }),
])

/** A model's `config.json`, in which `format` and `version` may be left out. */
export const trainedModelSchema = z.preprocess(
  value =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { format: 'diffwave', version: 1, ...value }
      : value,
  modelConfigSchema,
)

/** Schema of the trainer's config. */
export const trainingConfigSchema = z
  .strictObject({
    /** The model to train: its `config.json`, in which `format` and `version` may be left out. */
    model: trainedModelSchema,
    /** How crops are drawn from the recordings. */
    data: z
      .strictObject({
        /** Samples of a crop: a multiple of the hop and of the patch. */
        cropSamples: z.number().int().min(16).max(4_194_304).default(8192),
        /** Crops of one call of the engine. */
        batch: z.number().int().min(1).max(1024).default(8),
        /** Calls whose gradients are averaged for one update. */
        accumulation: z.number().int().min(1).max(1024).default(1),
        /** Range in dB of the random gain of each crop; its mel is that of the changed audio. */
        gain: z
          .tuple([z.number().min(-60).max(40), z.number().min(-60).max(40)])
          .refine(([low, high]) => low <= high, { message: 'must ascend' })
          .default([0, 0]),
        /** Speeds at which each training clip is used, pitch and tempo together: more voices from few. */
        speeds: z.array(z.number().min(0.5).max(2)).min(1).max(16).default([1]),
        /**
         * Most silence, in seconds, that is drawn before a generator's clip shorter than a crop; as far as the clip
         * still fits.
         */
        leadIn: z.number().min(0).max(10).default(0),
        /** Share of the files, chosen by the hash of their names, kept for validation. */
        validationShare: z.number().min(0).max(0.5).default(0.03),
        /** Probability with which a label is hidden, for classifier-free guidance. */
        labelDropout: z.number().min(0).lt(1).default(0.1),
      })
      .prefault({}),
    /** Adam, its learning rate and the average of the weights. */
    optimiser: z
      .strictObject({
        /** Decay of the mean of gradients. */
        beta1: z.number().min(0).lt(1).default(0.9),
        /** Decay of the mean of squared gradients. */
        beta2: z.number().min(0).lt(1).default(0.999),
        /** Added to the root of the mean of squared gradients. */
        epsilon: z.number().positive().default(1e-8),
        /** Highest learning rate, reached after the warm-up. */
        learningRate: z.number().positive().max(1).default(2e-4),
        /** Updates over which the rate rises linearly from 0. */
        warmupSteps: z.number().int().min(0).default(0),
        /** Update at which the cosine has come down to `finalFactor`; the rate stays there afterwards. */
        totalSteps: z.number().int().min(1),
        /**
         * Updates before `totalSteps` over which the cosine comes down; the rate is constant before. null: all that
         * follow the warm-up.
         */
        decaySteps: z.number().int().min(1).nullable().default(null),
        /** Learning rate at `totalSteps`, as a share of the highest. */
        finalFactor: z.number().min(0).max(1).default(0),
        /** Bound of the gradient's norm over all parameters; null: none. */
        clipNorm: z.number().positive().nullable().default(1),
        /** Decay of the average of weights, reached as (1 + n)/(10 + n). */
        averageDecay: z.number().min(0).lt(1).default(0.999),
      })
      .refine(o => o.decaySteps === null || o.warmupSteps + o.decaySteps <= o.totalSteps, {
        path: ['decaySteps'],
        message: 'must not pass totalSteps − warmupSteps',
      })
      .refine(o => o.warmupSteps <= o.totalSteps, { path: ['warmupSteps'], message: 'must not pass totalSteps' }),
    /**
     * Mean absolute (`l1`) or mean squared (`l2`) error of the network's output; or, of networks that predict x_0, the
     * squared error weighted per time-frequency region (`time-frequency`,
     * src/training/objective/time-frequency-loss.ts).
     */
    loss: z.enum(['l1', 'l2', 'time-frequency']).default('l1'),
    /**
     * Beside it, the multi-resolution STFT loss of the x̂_0 that v stands for
     * (src/training/objective/spectral-loss.ts), or beside the time-frequency loss that of x̂_0
     * (src/training/objective/magnitude-distance.ts).
     */
    spectral: z
      .strictObject({
        /** Factor of this loss. */
        weight: z.number().positive().default(1),
        /** Window lengths in samples, powers of two. */
        windows: z
          .array(z.number().int().min(16).max(MAX_FFT_SIZE))
          .min(1)
          .max(8)
          .refine(sizes => sizes.every(size => Number.isInteger(Math.log2(size))), { message: 'must be powers of two' })
          .default([512, 1024, 2048]),
      })
      .nullable()
      .default(null),
    /**
     * Errors are weighed with the prior's gains to this power: 0, all of the white domain alike; 1, as they will sound
     * (`emphasis`, src/data-domain/spectral-envelope.ts). Halfway, what is loud is learnt first and what is soft not
     * forgotten.
     */
    emphasis: z.number().min(0).max(1).default(0),
    /** Which diffusion steps are trained on. */
    noiseLevels: noiseLevelsSchema.default({ kind: 'discrete' }),
    /**
     * Where pulses of `model.diffusion.prior.harmonics` stand in training: anywhere (`free`), as in synthesis, or where
     * the recording's own do (`recorded`, src/data-domain/pulse-alignment.ts), so that phases can be learned. Then
     * recordings whose pulses are negative are inverted, noised recordings have pulses in their noise, and
     * the loss of own steps compares the phases of voiced speech, too.
     * `mixed`: every second crop of a batch has them anywhere, and its phases are not compared.
     */
    pulses: z.enum(['free', 'recorded', 'mixed']).default('free'),
    /**
     * Weight of a noise level in the loss. `min-snr`: that of x_0 counts min(SNR, γ) times (Hang et al. 2023, section
     * 3.4); `truncated-v`: min(SNR + 1, most) times, which is the plain loss of v (Salimans & Ho 2022, section 4) but
     * where there is next to no noise.
     */
    weighting: z
      .discriminatedUnion('kind', [
        z.strictObject({
          /** Names the choice. */
          kind: z.literal('none'),
        }),
        z.strictObject({
          /** Names the choice. */
          kind: z.literal('min-snr'),
          /** Largest weight. */
          gamma: z.number().positive(),
        }),
        z.strictObject({
          /** Names the choice. */
          kind: z.literal('truncated-v'),
          /** Largest weight. */
          most: z.number().min(1),
        }),
      ])
      .default({ kind: 'none' }),
    /**
     * PriorGrad's prior with the energy range measured on the training clips; null: as `model.diffusion.prior` has it.
     */
    prior: z
      .strictObject({
        /** Names the prior. */
        kind: z.literal('mel-energy'),
        /** Smallest standard deviation of the noise. */
        floor: z.number().gt(0).max(1).default(0.1),
      })
      .nullable()
      .default(null),
    /**
     * Diffusion in subbands, one per sample of the network's patch, their gains measured on the training clips; null:
     * as `model.diffusion.subbands` has it.
     */
    subbands: z
      .strictObject({
        /** Names the transform. */
        kind: z.literal('mdct'),
        /** Gains go as a band's level to the power of minus this: 1 makes all bands equally loud, 0 leaves them. */
        equalisation: z.number().min(0).max(1).default(0.5),
        /** Root mean square of all coefficients. It decides at which noise levels the data stand out from the noise. */
        deviation: z.number().positive().max(10).default(0.5),
      })
      .nullable()
      .default(null),
    /**
     * `measured`: the model draws a label for a clip for which none is asked, as often as the training clips have it;
     * null: as `model.labelShares` has it.
     */
    labelShares: z.literal('measured').nullable().default(null),
    /** Settings of the second stage that interop/pytorch has; without meaning here. */
    adversarial: z.record(z.string(), z.unknown()).nullable().default(null),
    /** Updates between lines of the log, validations and checkpoints. */
    every: z
      .strictObject({
        /** Updates between lines of the log. */
        log: z.number().int().min(1).default(50),
        /** Updates between validations. */
        validation: z.number().int().min(1).default(1000),
        /** Updates between checkpoints. */
        checkpoint: z.number().int().min(1).default(500),
      })
      .prefault({}),
    /** Seed of everything random in the run. */
    seed: seed.default(0),
    /** What runs the network. */
    engine: z.enum(engineNames).default('auto'),
  })
  .refine(c => c.data.cropSamples % positionSamples(c.model.network) === 0, {
    path: ['data', 'cropSamples'],
    message: 'must be a multiple of the network’s patch, or of its front end’s stride',
  })
  .refine(c => c.model.network.mel === null || c.data.cropSamples % melHop(c.model.network.mel) === 0, {
    path: ['data', 'cropSamples'],
    message: 'must be a multiple of the hop',
  })
  .refine(c => c.spectral === null || c.loss === 'time-frequency' || c.model.diffusion.prediction === 'v', {
    path: ['spectral'],
    message: 'needs a model that predicts v, or the time-frequency loss',
  })
  .refine(c => c.noiseLevels.kind !== 'own' || (c.loss === 'time-frequency' && c.spectral !== null), {
    path: ['noiseLevels', 'kind'],
    message: 'own needs the time-frequency loss and spectral, which is its only part',
  })
  .refine(c => c.noiseLevels.kind !== 'own' || c.model.mel !== null, {
    path: ['noiseLevels', 'kind'],
    message: 'own is for vocoders',
  })
  .refine(c => c.noiseLevels.kind !== 'own' || c.noiseLevels.weights.length === c.noiseLevels.steps, {
    path: ['noiseLevels', 'weights'],
    message: 'must be as many as steps',
  })
  .refine(c => c.pulses === 'free' || harmonicsOf(c.model.diffusion) !== null, {
    path: ['pulses'],
    message: 'recorded and mixed need model.diffusion.prior.harmonics',
  })
  .refine(c => c.loss !== 'time-frequency' || c.model.diffusion.prediction === 'x0', {
    path: ['loss'],
    message: 'time-frequency needs a model that predicts x0',
  })
  .refine(
    ({ loss, subbands, model: { diffusion } }) =>
      loss !== 'time-frequency' ||
      (diffusion.signalScale === 1 && !isWhitened(diffusion) && !isInSubbands(diffusion) && subbands === null),
    { path: ['loss'], message: 'time-frequency is of audio as it is: no subbands, whitening or signal scale' },
  )
  .refine(c => c.loss !== 'time-frequency' || c.data.cropSamples >= 1024 + ownEdges(c.model), {
    path: ['data', 'cropSamples'],
    message: 'must be at least 1024 for the time-frequency loss, and a window of the mel more with a correction',
  })
  .refine(c => c.emphasis === 0 || (isWhitened(c.model.diffusion) && c.spectral !== null), {
    path: ['emphasis'],
    message: 'needs a mel-envelope prior and the spectral loss',
  })
  .refine(c => c.spectral === null || Math.max(...c.spectral.windows) <= c.data.cropSamples, {
    path: ['spectral', 'windows'],
    message: 'must not be longer than a crop',
  })
  .refine(c => c.data.leadIn === 0 || c.model.mel === null, { path: ['data', 'leadIn'], message: 'is for generators' })
  .refine(c => c.subbands === null || !isInSubbands(c.model.diffusion), {
    path: ['subbands'],
    message: 'needs a model that does not set its own gains',
  })
  .refine(c => c.subbands === null || (leavesScaleToGains(c.model) && patchIsBlock(c.model.network)), {
    path: ['subbands'],
    message: 'needs a generator with clamp false, signalScale 1 and a power of two from 4 on as its patch',
  })
  .refine(c => (c.subbands === null && !isInSubbands(c.model.diffusion)) || c.spectral === null, {
    path: ['spectral'],
    message: 'is of waveforms, not of subbands',
  })
  .refine(c => c.labelShares === null || (c.model.network.labels !== null && c.model.labelShares === null), {
    path: ['labelShares'],
    message: 'needs labels, and a model that does not set its own shares',
  })
  .refine(c => c.prior === null || (c.model.mel !== null && c.model.diffusion.prior === null), {
    path: ['prior'],
    message: 'needs a mel, and a model that does not set its own prior',
  })

/** Samples of a crop that a correction towards the mel leaves out of the loss. */
function ownEdges({ network, mel }: Pick<ModelConfig, 'network' | 'mel'>): number {
  return hasCorrection(network) ? (mel?.windowLength ?? 0) : 0
}

/** A training config, with every default filled in. docs/training.md describes the fields. */
export type TrainingConfig = Readonly<z.output<typeof trainingConfigSchema>>
/** A training config as a person writes it: fields that have defaults may be left out. */
export type TrainingConfigInput = z.input<typeof trainingConfigSchema>

/** @throws DiffWaveError `BAD_CONFIG` naming the field */
export function checkTrainingConfig(value: unknown, where: string): TrainingConfig {
  return check(trainingConfigSchema, value, where, 'BAD_CONFIG')
}

/** Learning rate of update n, from 0: linear warm-up, then half a cosine, with `decaySteps` after a constant. */
export function learningRate(optimiser: TrainingConfig['optimiser'], n: number): number {
  const { warmupSteps, totalSteps, finalFactor } = optimiser
  if (n < warmupSteps) return (optimiser.learningRate * (n + 1)) / warmupSteps
  const decay = optimiser.decaySteps ?? Math.max(1, totalSteps - warmupSteps)
  const share = Math.min(1, Math.max(0, (n - (totalSteps - decay)) / decay))
  return optimiser.learningRate * (finalFactor + ((1 - finalFactor) * (1 + Math.cos(Math.PI * share))) / 2)
}
