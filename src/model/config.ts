/**
 * A model's `config.json`: what it is for, its network, the audio it speaks and the noise schedules it knows.
 * The network's variants cover lmnt-com/diffwave, philsyn/DiffWave-Vocoder and this project's own CPU-sized shapes.
 */
import { z } from 'zod'
import { conventionSchema } from '../audio/convention.js'
import { refinementObstacle } from '../audio/phase-refinement.js'
import {
  MAX_CHANNELS,
  MAX_CLIP_SECONDS,
  MAX_DIFFUSION_STEPS,
  MAX_DILATION_CYCLE,
  MAX_GUIDANCE,
  MAX_HOP,
  MAX_LABELS,
  MAX_LAYERS,
  MAX_MEL_BANDS,
  MAX_PATCH,
  MAX_REFINEMENT_ITERATIONS,
  MAX_SAMPLE_RATE,
  MIN_SAMPLE_RATE,
} from '../limits.js'

const channels = z.number().int().min(1).max(MAX_CHANNELS)

/** How a mel reaches the rate of the samples. */
const melConditionerSchema = z.discriminatedUnion('kind', [
  /** Transposed 2-D convolutions 1→1 over [bands × frames], one a stride (kernel [3, 2s], padding [1, s/2] for even s;
   * kernel [3, 2s + 1], padding [1, (s + 1)/2] for odd s), each with leaky ReLU 0.4; then a 1×1 convolution a layer. */
  z.strictObject({
    kind: z.literal('transposed'),
    bands: z.number().int().min(1).max(MAX_MEL_BANDS),
    /** Their product is the hop in samples. */
    strides: z.array(z.number().int().min(1).max(512)).min(1).max(6),
    /** One upsampler for all layers (lmnt), or each layer its own (philsyn). */
    sharing: z.enum(['shared', 'per-layer']).default('shared'),
  }),
  /** Convolutions over frames (kernel 3, zero padding, leaky ReLU 0.4 after each), then a 1×1 convolution a layer, all at
   * the rate of the frames; its result is interpolated linearly, frame f lying at sample f × hop, held after the last. */
  z.strictObject({
    kind: z.literal('frame-rate'),
    bands: z.number().int().min(1).max(MAX_MEL_BANDS),
    hop: z.number().int().min(1).max(MAX_HOP),
    /** Output channels of each convolution over frames; none: the mel itself is projected. */
    encoder: z.array(channels).max(8).default([]),
  }),
])

/** Schema of the denoiser's architecture. */
export const networkSchema = z
  .strictObject({
    /** Channels C of the residual stack. */
    channels,
    /** Residual layers; layer i has dilation 2^(i mod dilationCycle). */
    layers: z.number().int().min(1).max(MAX_LAYERS),
    dilationCycle: z.number().int().min(1).max(MAX_DILATION_CYCLE),
    /** Samples folded into the channels of one position: sample p × patch + j is channel j of position p. Dilations and the
     * residual stack count positions. 1: the published network. */
    patch: z.number().int().min(1).max(MAX_PATCH).default(1),
    /** The output is m ⊙ x_t + g(t)·f in place of f: a mask m of 0 … 1, the sigmoid of as many outputs more, says of each sample how
     * much of it may pass, and g is the deviation of a cosine schedule of `steps` steps, those of training
     * (src/model/output-gain.ts): the network alone, without its schedule, is what an engine knows. Where C is
     * less than the patch, the residual stack cannot carry what every sample or band holds; it can say which are worth
     * keeping. */
    inputMask: z
      .strictObject({ steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS) })
      .nullable()
      .default(null),
    stepEmbedding: z
      .strictObject({
        /** Sines, then cosines, of t × f_i, i = 0 … size/2 − 1, h = size/2 − 1.
         * `powers-of-ten`: f_i = 10^(4i/h) (lmnt); `inverse`: f_i = exp(−i ln(10⁴)/h) (philsyn). */
        frequencies: z.enum(['powers-of-ten', 'inverse']).default('powers-of-ten'),
        /** A fractional step t: `interpolated` between the sinusoids of ⌊t⌋ and ⌈t⌉ (lmnt), or embedded as it is. */
        fractional: z.enum(['interpolated', 'direct']).default('interpolated'),
        size: z.number().int().min(4).max(1024).multipleOf(2).default(128),
        /** Outputs of the two linear layers (SiLU after each). */
        hidden: z.number().int().min(1).max(4096).default(512),
      })
      .prefault({}),
    /** Which half of the dilated convolution is the sigmoid. */
    gate: z.enum(['sigmoid-tanh', 'tanh-sigmoid']).default('sigmoid-tanh'),
    /** The residual sum (x + residual)/√2 takes x from before the step embedding was added (lmnt) or after (philsyn). */
    residual: z.enum(['before-step', 'after-step']).default('before-step'),
    mel: melConditionerSchema.nullable().default(null),
    /** Names of the classes; a label is embedded and added to the step embedding. One more row stands for “no label”. */
    labels: z.array(z.string().min(1)).min(1).max(MAX_LABELS).nullable().default(null),
  })
  .refine(n => n.mel === null || melHop(n.mel) % n.patch === 0, { path: ['patch'], message: 'must divide the hop' })
  .refine(n => n.mel === null || melHop(n.mel) <= MAX_HOP, { path: ['mel'], message: `hop must not pass ${MAX_HOP}` })
  .refine(n => n.labels === null || new Set(n.labels).size === n.labels.length, {
    path: ['labels'],
    message: 'must differ from one another',
  })

const beta = z.number().gt(0).lt(1)

/** Schema of a noise schedule: its β, one a step. */
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
 * (src/diffusion/prior.ts).
 */
const energyPriorSchema = z
  .strictObject({
    kind: z.literal('mel-energy'),
    minEnergy: z.number().min(0),
    maxEnergy: z.number().positive(),
    floor: z.number().gt(0).max(1).default(0.1),
  })
  .refine(p => p.minEnergy < p.maxEnergy, { path: ['minEnergy'], message: 'must lie below maxEnergy' })

/** Momentum of refinement where nobody says. */
export const DEFAULT_MOMENTUM = 0.99

/** Where the noise has the mel's spectral envelope, as SpecGrad has it; such a model makes nothing above the mel's highest
 * frequency (src/diffusion/envelope.ts). */
export const envelopePriorSchema = z.strictObject({
  kind: z.literal('mel-envelope'),
  /** `bands`: each band's level, which at low frequency lies on single harmonics; speech whitened and coloured again comes back
   * at 19 dB. `formants`: the mean over some bands, 26 dB, but the harmonics are left to the network. */
  follows: z.enum(['bands', 'formants']).default('bands'),
  /** Least deviation of the noise, full scale being 1: rounding to 16 bits alone is white noise of 0.9e-5. */
  floor: z.number().gt(0).max(1).default(1e-5),
})

/** Phases refined after the last pass (src/audio/phase-refinement.ts). */
const refinementSchema = z.strictObject({
  iterations: z.number().int().min(1).max(MAX_REFINEMENT_ITERATIONS),
  /** 0: plain Griffin-Lim. Perraudin et al. 2013 find 0.99 best. */
  momentum: z.number().min(0).lt(1).default(DEFAULT_MOMENTUM),
})

/** Fewest subbands that the transform takes. */
const MIN_SUBBANDS = 4

/** Diffusion in frequency (src/diffusion/subbands.ts). */
const subbandsSchema = z.strictObject({
  kind: z.literal('mdct'),
  /** Of each band, lowest first; as many as the network's patch, a power of two. x_0 is coefficients times these. */
  gains: z.array(z.number().positive().max(1e6)).min(MIN_SUBBANDS).max(MAX_PATCH),
})

const priorSchema = z.union([energyPriorSchema, envelopePriorSchema])

/** How the reverse process gets from one noise level to the next (src/diffusion/samplers). */
export const samplerNames = ['ddpm', 'ddim', 'dpm-solver++'] as const
export type SamplerName = (typeof samplerNames)[number]

const betas = z.array(beta).min(1).max(MAX_DIFFUSION_STEPS)
/** A schedule to sample with: its β; where it was made for one sampler (`diffwave tune`), that too. */
const samplingScheduleSchema = z.union([betas, z.strictObject({ betas, sampler: z.enum(samplerNames) })])

/** Schema of what the diffusion process needs to know of a model. */
export const diffusionSchema = z.strictObject({
  /** The schedule the model was trained on: its steps are what the network is told. */
  training: noiseScheduleSchema,
  /** Shorter schedules to sample with, by number of steps ("6") or name; each within the training range of ᾱ. */
  sampling: z.record(z.string().min(1), samplingScheduleSchema).default({}),
  /** Number of steps taken where the caller names none. */
  defaultSteps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS).nullable().default(null),
  /** What the network predicts: the noise ε, v = √ᾱ·ε − √(1 − ᾱ)·x_0, or x_0 (src/diffusion/prediction.ts). */
  prediction: z.enum(['epsilon', 'v', 'x0']).default('epsilon'),
  /** x_0 is the waveform times this: brings audio, whose deviation is some 0.1, near the noise's 1, so that the training
   * steps are spread over the levels that matter (Chen 2023, “On the importance of noise scheduling”, section 2.2). */
  signalScale: z.number().positive().max(100).default(1),
  /** x_0 is the waveform's MDCT in place of the waveform; null: the waveform. */
  subbands: subbandsSchema.nullable().default(null),
  /** Clamp the audio to ±1 after every DDPM step, as lmnt's sampler does. */
  clamp: z.boolean().default(true),
  /** Sampler taken where neither the caller nor the schedule names one. */
  defaultSampler: z.enum(samplerNames).default('ddpm'),
  /** Classifier-free guidance w taken where a label is asked for and the caller says nothing of it. */
  defaultGuidance: z.number().min(0).max(MAX_GUIDANCE).default(0),
  /** Noise shaped by the mel; null: standard normal everywhere. */
  prior: priorSchema.nullable().default(null),
  /** What a vocoder does with the result of the last pass where the caller says nothing of it; null: nothing. */
  refinement: refinementSchema.nullable().default(null),
})

/** Steps of a noise schedule, however it is written. */
export function scheduleSteps(schedule: z.output<typeof noiseScheduleSchema>): number {
  return schedule.kind === 'explicit' ? schedule.betas.length : schedule.steps
}

/** Schema of `config.json`. */
export const modelConfigSchema = z
  .strictObject({
    format: z.literal('diffwave'),
    version: z.literal(1),
    kind: z.enum(['vocoder', 'generator']),
    name: z.string().default(''),
    description: z.string().default(''),
    licence: z.string().default(''),
    sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
    /** Length in seconds of the clips a generator was trained on: what it makes where the caller says nothing. */
    clipSeconds: z.number().positive().max(MAX_CLIP_SECONDS).nullable().default(null),
    network: networkSchema,
    /** Other names of labels: `7` for `seven`. */
    aliases: z.record(z.string().min(1), z.string()).default({}),
    /** How often each label is drawn for a clip for which none is asked, in the labels' order: by a clip's seed, in proportion to
     * these; null: such a clip is made without a label. */
    labelShares: z.array(z.number().min(0)).nullable().default(null),
    /** The mel that the network is conditioned on: a convention's name, or the convention spelled out. */
    mel: conventionSchema.nullable().default(null),
    diffusion: diffusionSchema,
    /** Where the weights come from and how they were trained: free text by topic. */
    provenance: z.record(z.string(), z.unknown()).default({}),
  })
  .refine(c => (c.kind === 'vocoder') === (c.network.mel !== null), {
    path: ['network', 'mel'],
    message: 'a vocoder needs a mel conditioner, a generator has none',
  })
  .refine(c => (c.network.mel === null) === (c.mel === null), {
    path: ['mel'],
    message: 'a mel convention and a mel conditioner come together',
  })
  .refine(c => c.mel === null || c.mel.sampleRate === c.sampleRate, {
    path: ['mel', 'sampleRate'],
    message: 'must equal sampleRate',
  })
  .refine(c => c.mel === null || c.network.mel === null || c.mel.bands === c.network.mel.bands, {
    path: ['network', 'mel', 'bands'],
    message: 'must equal the convention’s bands',
  })
  .refine(c => c.mel === null || c.network.mel === null || c.mel.hop === melHop(c.network.mel), {
    path: ['network', 'mel'],
    message: 'its hop must equal the convention’s',
  })
  .refine(c => Object.values(c.aliases).every(label => c.network.labels?.includes(label)), {
    path: ['aliases'],
    message: 'must stand for labels of the network',
  })
  .refine(c => c.network.inputMask === null || c.network.inputMask.steps === scheduleSteps(c.diffusion.training), {
    path: ['network', 'inputMask', 'steps'],
    message: 'must equal the training schedule’s',
  })
  .refine(c => c.labelShares === null || c.labelShares.length === c.network.labels?.length, {
    path: ['labelShares'],
    message: 'must be as many as the network’s labels',
  })
  .refine(c => c.labelShares === null || c.labelShares.some(share => share > 0), {
    path: ['labelShares'],
    message: 'must not all be 0',
  })
  .refine(c => !c.diffusion.clamp || c.diffusion.signalScale === 1, {
    path: ['diffusion', 'clamp'],
    message: 'would cut what signalScale lifts above ±1: make it false',
  })
  .refine(c => c.diffusion.subbands === null || c.diffusion.subbands.gains.length === c.network.patch, {
    path: ['diffusion', 'subbands', 'gains'],
    message: 'must be as many as the network’s patch',
  })
  .refine(c => c.diffusion.subbands === null || patchIsBlock(c.network), {
    path: ['network', 'patch'],
    message: 'must be a power of two where there are subbands',
  })
  .refine(c => c.diffusion.subbands === null || leavesScaleToGains(c), {
    path: ['diffusion', 'subbands'],
    message: 'are for generators with clamp false and signalScale 1: the gains scale',
  })
  .refine(c => c.diffusion.prior === null || c.mel !== null, {
    path: ['diffusion', 'prior'],
    message: 'a prior needs a mel',
  })
  .refine(c => c.diffusion.prior?.kind !== 'mel-envelope' || c.mel === null || 2 * c.mel.hop <= c.mel.windowLength, {
    path: ['diffusion', 'prior'],
    message: 'a mel-envelope prior needs windows of at least two hops',
  })
  .refine(c => c.diffusion.refinement === null || c.mel !== null, {
    path: ['diffusion', 'refinement'],
    message: 'refinement needs a mel',
  })
  .refine(c => c.diffusion.refinement === null || c.mel === null || refinementObstacle(c.mel) === null, {
    path: ['diffusion', 'refinement'],
    message: 'refinement needs windows of 2.5 hops or more, and transforms of at most 32',
  })

export type MelConditionerConfig = Readonly<z.output<typeof melConditionerSchema>>
export type NetworkConfig = Readonly<z.output<typeof networkSchema>>
export type NoiseScheduleConfig = Readonly<z.output<typeof noiseScheduleSchema>>
export type EnergyPriorConfig = Readonly<z.output<typeof energyPriorSchema>>
export type EnvelopePriorConfig = Readonly<z.output<typeof envelopePriorSchema>>
export type SubbandsConfig = Readonly<z.output<typeof subbandsSchema>>
export type SamplingScheduleConfig = Readonly<z.output<typeof samplingScheduleSchema>>
export type RefinementConfig = Readonly<z.output<typeof refinementSchema>>
export type PriorConfig = Readonly<z.output<typeof priorSchema>>
export type DiffusionConfig = Readonly<z.output<typeof diffusionSchema>>
export type ModelConfig = Readonly<z.output<typeof modelConfigSchema>>
/** A config as a person writes it, defaults left out. */
export type ModelConfigInput = z.input<typeof modelConfigSchema>

/** Whether a patch can be a block of subbands. */
export function patchIsBlock({ patch }: Pick<NetworkConfig, 'patch'>): boolean {
  return patch >= MIN_SUBBANDS && Number.isInteger(Math.log2(patch))
}

/** Whether nothing but the gains of subbands scales or cuts a model's x_0. */
export function leavesScaleToGains({
  mel,
  diffusion,
}: {
  readonly mel: unknown
  readonly diffusion: Pick<DiffusionConfig, 'clamp' | 'signalScale'>
}): boolean {
  return mel === null && !diffusion.clamp && diffusion.signalScale === 1
}

/** Samples a mel frame. */
export function melHop(mel: MelConditionerConfig): number {
  return mel.kind === 'frame-rate' ? mel.hop : mel.strides.reduce((product, stride) => product * stride, 1)
}

/** Samples between two places where a model's audio can be cut: a frame of its mel, else a position. */
export function audioHop({ mel, network }: Pick<ModelConfig, 'mel' | 'network'>): number {
  return mel?.hop ?? network.patch
}

/** Dilation of layer i, in positions. */
export function dilation(network: Pick<NetworkConfig, 'dilationCycle'>, layer: number): number {
  return 2 ** (layer % network.dilationCycle)
}

/** Positions on either side that one output position depends on: the sum of all dilations. */
export function receptiveRadius(network: Pick<NetworkConfig, 'layers' | 'dilationCycle'>): number {
  let sum = 0
  for (let layer = 0; layer < network.layers; layer++) sum += dilation(network, layer)
  return sum
}

/** Kernel length and padding of a transposed convolution along time with a stride (DESIGN of the reference: 2s and s/2). */
export function upsamplerShape(stride: number): { readonly kernel: number; readonly padding: number } {
  return stride % 2 === 0
    ? { kernel: 2 * stride, padding: stride / 2 }
    : { kernel: 2 * stride + 1, padding: (stride + 1) / 2 }
}

/** Mel frames on either side that the conditioning of a sample depends on, counted from the frame it lies in. */
export function melContext(mel: MelConditionerConfig): number {
  return mel.kind === 'frame-rate' ? mel.encoder.length + 1 : mel.strides.length + 1
}

/** Slope of the leaky ReLU after each upsampling or encoder convolution. */
export const LEAKY_SLOPE = 0.4
