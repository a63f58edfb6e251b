/** The trainer's `config.json`: it describes the model to train and everything that the weights depend on. */
import { z } from 'zod'
import { MAX_FFT_SIZE } from '../core/limits.js'
import { check, seed } from '../core/options.js'
import { engineNames } from '../engines/select.js'
import { leavesScaleToGains, type ModelConfig, modelConfigSchema } from '../model/config.js'
import { harmonicsOf, isInSubbands, isWhitened } from '../model/diffusion-config.js'
import { hasCorrection, melHop, patchIsBlock, positionSamples } from '../model/network.js'

/** Which diffusion steps are trained on. */
const noiseLevelsSchema = z.discriminatedUnion('kind', [
  /** Whole steps, uniformly distributed, as in the reference implementation. */
  z.strictObject({
    /** Name of this choice. */
    kind: z.literal('discrete'),
  }),
  /** Fractional steps, uniformly distributed over the training range (WaveGrad, Chen et al. 2021, section 3.2). */
  z.strictObject({
    /** Name of this choice. */
    kind: z.literal('continuous'),
  }),
  /**
   * The network is not trained on noised recordings, but on its own steps from noise of the prior. The loss is the
   * `spectral` loss of the output of each step (src/training/objective/own-steps.ts).
   */
  z
    .strictObject({
      /** Name of this choice. */
      kind: z.literal('own'),
      /** Number of DDIM steps per crop. */
      steps: z.number().int().min(1).max(16).default(4),
      /** Factors of the losses of the steps, starting with the noisiest. Default: 1 for every step. */
      weights: z.array(z.number().min(0)).min(1).max(16).optional(),
    })
    .transform(own => ({ ...own, weights: own.weights ?? new Array<number>(own.steps).fill(1) })),
  /**
   * With probability `share`, a step is drawn within `jitter` steps of a level that sampling visits. Otherwise it is
   * drawn as in `continuous`.
   */
  z.strictObject({
    /** Name of this choice. */
    kind: z.literal('focused'),
    /** Probability that a step is drawn near a level that sampling visits. */
    share: z.number().gt(0).lt(1).default(0.5),
    /** Max distance from that level, in steps. */
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
const trainingConfigSchema = z
  .strictObject({
    /** The model to train: its `config.json`, in which `format` and `version` may be left out. */
    model: trainedModelSchema,
    /** How crops are drawn from the recordings. */
    data: z
      .strictObject({
        /** Length of a crop in samples: a multiple of the hop and of the patch. */
        cropSamples: z.number().int().min(16).max(4_194_304).default(8192),
        /** Number of crops in one call of the engine. */
        batch: z.number().int().min(1).max(1024).default(8),
        /** Number of calls whose gradients are averaged for one update. */
        accumulation: z.number().int().min(1).max(1024).default(1),
        /** Range in dB of the random gain of each crop. The mel is computed from the changed audio. */
        gain: z
          .tuple([z.number().min(-60).max(40), z.number().min(-60).max(40)])
          .refine(([low, high]) => low <= high, { message: 'must ascend' })
          .default([0, 0]),
        /** Speeds at which each training clip is used. Pitch and tempo change together, which adds more voices. */
        speeds: z.array(z.number().min(0.5).max(2)).min(1).max(16).default([1]),
        /**
         * Max length in seconds of the silence before a clip that is shorter than a crop. It is drawn at random, and
         * the clip always fits into the crop. Only for generators.
         */
        leadIn: z.number().min(0).max(10).default(0),
        /** Share of the files that is kept for validation. A hash of the name decides for each file. */
        validationShare: z.number().min(0).max(0.5).default(0.03),
        /** Probability that a label is hidden from the network, for classifier-free guidance. */
        labelDropout: z.number().min(0).lt(1).default(0.1),
      })
      .prefault({}),
    /** Settings of Adam, its learning rate and the average of the weights. */
    optimiser: z
      .strictObject({
        /** Decay of Adam's mean of gradients. */
        beta1: z.number().min(0).lt(1).default(0.9),
        /** Decay of Adam's mean of squared gradients. */
        beta2: z.number().min(0).lt(1).default(0.999),
        /** Constant that is added to the root of the mean of squared gradients. */
        epsilon: z.number().positive().default(1e-8),
        /** Highest learning rate. It is reached at the end of the warm-up. */
        learningRate: z.number().positive().max(1).default(2e-4),
        /** Number of updates over which the rate rises linearly from 0. */
        warmupSteps: z.number().int().min(0).default(0),
        /** Update at which the cosine has come down to `finalFactor`. The rate stays there afterwards. */
        totalSteps: z.number().int().min(1),
        /**
         * Number of updates before `totalSteps` over which the cosine comes down. The rate is constant before them.
         * If null, the cosine begins right after the warm-up.
         */
        decaySteps: z.number().int().min(1).nullable().default(null),
        /** Learning rate at `totalSteps`, as a share of the highest. */
        finalFactor: z.number().min(0).max(1).default(0),
        /** Max norm of the gradient over all parameters. If null, gradients are not clipped. */
        clipNorm: z.number().positive().nullable().default(1),
        /** Decay of the average of the weights. After n updates it is at most (1 + n)/(10 + n). */
        averageDecay: z.number().min(0).lt(1).default(0.999),
      })
      .refine(o => o.decaySteps === null || o.warmupSteps + o.decaySteps <= o.totalSteps, {
        path: ['decaySteps'],
        message: 'must be at most totalSteps − warmupSteps',
      })
      .refine(o => o.warmupSteps <= o.totalSteps, { path: ['warmupSteps'], message: 'must be at most totalSteps' }),
    /**
     * The loss: mean absolute error (`l1`) or mean squared error (`l2`) of the network's output. For networks that
     * predict x_0 there is also the squared error weighted per time-frequency region (`time-frequency`,
     * src/training/objective/time-frequency-loss.ts).
     */
    loss: z.enum(['l1', 'l2', 'time-frequency']).default('l1'),
    /**
     * A multi-resolution STFT loss of x̂_0 that is added to `loss`. With `l1` and `l2`, x̂_0 is computed from the
     * predicted v (src/training/objective/spectral-loss.ts). With `time-frequency`, it is the network's output
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
     * Errors are weighted by the prior's gains to this power (`emphasis`, src/data-domain/spectral-envelope.ts). With
     * 0, all errors in the whitened domain count alike. With 1, they count as much as they are heard. In between, loud
     * parts are learned first, and soft parts are not forgotten.
     */
    emphasis: z.number().min(0).max(1).default(0),
    /** Which diffusion steps are trained on. */
    noiseLevels: noiseLevelsSchema.default({ kind: 'discrete' }),
    /**
     * Where the pulses of `model.diffusion.prior.harmonics` lie in training. `free`: anywhere, as in synthesis.
     * `recorded`: at the recording's own pulses (src/data-domain/pulse-alignment.ts), so that phases can be learned.
     * Recordings whose pulses are negative are then inverted, noised recordings have pulses in their noise, and the
     * loss of own steps also compares the phases of voiced speech. `mixed`: every second crop of a batch has free
     * pulses, and its phases are not compared.
     */
    pulses: z.enum(['free', 'recorded', 'mixed']).default('free'),
    /**
     * Weight of a noise level in the loss. `min-snr`: the loss of x_0 is multiplied by min(SNR, γ) (Hang et al. 2023,
     * section 3.4). `truncated-v`: it is multiplied by min(SNR + 1, most). That is the plain loss of v (Salimans & Ho
     * 2022, section 4), except at levels with next to no noise.
     */
    weighting: z
      .discriminatedUnion('kind', [
        z.strictObject({
          /** Name of this choice. */
          kind: z.literal('none'),
        }),
        z.strictObject({
          /** Name of this choice. */
          kind: z.literal('min-snr'),
          /** Max weight. */
          gamma: z.number().positive(),
        }),
        z.strictObject({
          /** Name of this choice. */
          kind: z.literal('truncated-v'),
          /** Max weight. */
          most: z.number().min(1),
        }),
      ])
      .default({ kind: 'none' }),
    /**
     * PriorGrad's prior, with an energy range that is measured on the training clips. If null, `model.diffusion.prior`
     * stays as it is.
     */
    prior: z
      .strictObject({
        /** Name of the prior. */
        kind: z.literal('mel-energy'),
        /** Min standard deviation of the noise. */
        floor: z.number().gt(0).max(1).default(0.1),
      })
      .nullable()
      .default(null),
    /**
     * Diffusion in subbands, one per sample of the network's patch, with gains that are measured on the training clips.
     * If null, `model.diffusion.subbands` stays as it is.
     */
    subbands: z
      .strictObject({
        /** Name of the transform. */
        kind: z.literal('mdct'),
        /**
         * The gain of a band is proportional to its level to the power of −`equalisation`. 1 makes all bands equally
         * loud, and 0 leaves them as they are.
         */
        equalisation: z.number().min(0).max(1).default(0.5),
        /**
         * Root mean square of all coefficients. It determines at which noise levels the data stand out from the noise.
         */
        deviation: z.number().positive().max(10).default(0.5),
      })
      .nullable()
      .default(null),
    /**
     * With `measured`, the model draws a label at random if none is asked for, each as often as it occurs in the
     * training clips. If null, `model.labelShares` stays as it is.
     */
    labelShares: z.literal('measured').nullable().default(null),
    /** Settings of the adversarial second stage of interop/pytorch. This trainer ignores them. */
    adversarial: z.record(z.string(), z.unknown()).nullable().default(null),
    /** Number of updates between two lines of the log, two validations and two checkpoints. */
    every: z
      .strictObject({
        /** Number of updates between two lines of the log. */
        log: z.number().int().min(1).default(50),
        /** Number of updates between two validations. */
        validation: z.number().int().min(1).default(1000),
        /** Number of updates between two checkpoints. */
        checkpoint: z.number().int().min(1).default(500),
      })
      .prefault({}),
    /** Seed of all random numbers of the run. */
    seed: seed.default(0),
    /** Engine that runs the network. */
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
    message: 'own needs the time-frequency loss and a spectral loss',
  })
  .refine(c => c.noiseLevels.kind !== 'own' || c.model.mel !== null, {
    path: ['noiseLevels', 'kind'],
    message: 'own is only for vocoders',
  })
  .refine(c => c.noiseLevels.kind !== 'own' || c.noiseLevels.weights.length === c.noiseLevels.steps, {
    path: ['noiseLevels', 'weights'],
    message: 'must have one number per step',
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
    { path: ['loss'], message: 'time-frequency needs plain audio: no subbands, whitening or signal scale' },
  )
  .refine(c => c.loss !== 'time-frequency' || c.data.cropSamples >= 1024 + ownEdges(c.model), {
    path: ['data', 'cropSamples'],
    message: 'must be at least 1024 for the time-frequency loss, plus a mel window if the network has a correction',
  })
  .refine(c => c.emphasis === 0 || (isWhitened(c.model.diffusion) && c.spectral !== null), {
    path: ['emphasis'],
    message: 'needs a mel-envelope prior and the spectral loss',
  })
  .refine(c => c.spectral === null || Math.max(...c.spectral.windows) <= c.data.cropSamples, {
    path: ['spectral', 'windows'],
    message: 'must be at most data.cropSamples',
  })
  .refine(c => c.data.leadIn === 0 || c.model.mel === null, {
    path: ['data', 'leadIn'],
    message: 'is only for generators',
  })
  .refine(c => c.subbands === null || !isInSubbands(c.model.diffusion), {
    path: ['subbands'],
    message: 'needs a model that does not set its own gains',
  })
  .refine(c => c.subbands === null || (leavesScaleToGains(c.model) && patchIsBlock(c.model.network)), {
    path: ['subbands'],
    message: 'needs a generator with clamp false, signalScale 1 and a patch that is a power of two, at least 4',
  })
  .refine(c => (c.subbands === null && !isInSubbands(c.model.diffusion)) || c.spectral === null, {
    path: ['spectral'],
    message: 'needs waveforms, not subbands',
  })
  .refine(c => c.labelShares === null || (c.model.network.labels !== null && c.model.labelShares === null), {
    path: ['labelShares'],
    message: 'needs labels, and a model that does not set its own shares',
  })
  .refine(c => c.prior === null || (c.model.mel !== null && c.model.diffusion.prior === null), {
    path: ['prior'],
    message: 'needs a mel, and a model that does not set its own prior',
  })

/** Number of samples of a crop that do not count in the loss because of a correction towards the mel. */
function ownEdges({ network, mel }: Pick<ModelConfig, 'network' | 'mel'>): number {
  return hasCorrection(network) ? (mel?.windowLength ?? 0) : 0
}

/** A training config with all defaults filled in. docs/training.md describes the fields. */
export type TrainingConfig = Readonly<z.output<typeof trainingConfigSchema>>
/** A training config as a person writes it. Fields that have defaults may be left out. */
export type TrainingConfigInput = z.input<typeof trainingConfigSchema>

/** @throws DiffWaveError `BAD_CONFIG` naming the field */
export function checkTrainingConfig(value: unknown, where: string): TrainingConfig {
  return check(trainingConfigSchema, value, where, 'BAD_CONFIG')
}

/**
 * Computes the learning rate of update n, counted from 0: a linear warm-up, a constant part if `decaySteps` is set, and
 * half a cosine.
 */
export function learningRate(optimiser: TrainingConfig['optimiser'], n: number): number {
  const { warmupSteps, totalSteps, finalFactor } = optimiser
  if (n < warmupSteps) return (optimiser.learningRate * (n + 1)) / warmupSteps
  const decay = optimiser.decaySteps ?? Math.max(1, totalSteps - warmupSteps)
  const share = Math.min(1, Math.max(0, (n - (totalSteps - decay)) / decay))
  return optimiser.learningRate * (finalFactor + ((1 - finalFactor) * (1 + Math.cos(Math.PI * share))) / 2)
}
