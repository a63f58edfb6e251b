/**
 * The architecture of the denoiser: the `network` part of `config.json`, and what follows from it alone. Its variants
 * cover the networks of lmnt-com/diffwave and philsyn/DiffWave-Vocoder, and this project's own smaller ones for CPUs.
 */
import { z } from 'zod'
import { relaxationSchema } from '../audio/mel/relaxation.js'
import {
  MAX_CHANNELS,
  MAX_CORRECTION_PASSES,
  MAX_DIFFUSION_STEPS,
  MAX_DILATION_CYCLE,
  MAX_FRONT_END_KERNEL,
  MAX_HOP,
  MAX_LABELS,
  MAX_LAYERS,
  MAX_MEL_BANDS,
  MAX_PATCH,
} from '../core/limits.js'

/** Smallest number of subbands that the transform supports. */
export const MIN_SUBBANDS = 4

const channels = z.number().int().min(1).max(MAX_CHANNELS)

/** How the mel, which has one vector per frame, becomes the conditioning of every position. */
const melConditionerSchema = z.discriminatedUnion('kind', [
  /**
   * As in the published networks. The mel `[bands × frames]` is upsampled to the rate of the samples by 2-D transposed
   * convolutions from one channel to one, one per stride s: kernel [3, 2s] and padding [1, s/2] for even s, kernel [3,
   * 2s + 1] and padding [1, (s + 1)/2] for odd s. A leaky ReLU with slope 0.4 follows each. Then each layer has its own
   * 1×1 convolution.
   */
  z.strictObject({
    /** Transposed convolutions up to the rate of the samples. */
    kind: z.literal('transposed'),
    /** Number of mel bands. */
    bands: z.number().int().min(1).max(MAX_MEL_BANDS),
    /** Strides of the convolutions. Their product is the hop in samples. */
    strides: z.array(z.number().int().min(1).max(512)).min(1).max(6),
    /** `shared`: one upsampler for all layers (lmnt). `per-layer`: each layer has its own (philsyn). */
    sharing: z.enum(['shared', 'per-layer']).default('shared'),
  }),
  /**
   * Everything runs at the rate of the frames: first convolutions over frames (kernel 3, zero padding, each followed by
   * a leaky ReLU with slope 0.4), then a 1×1 convolution for each layer. The results are interpolated linearly between
   * frames, with frame f at sample f × hop. After the last frame its value is held.
   */
  z
    .strictObject({
      /** Convolutions at the rate of the frames. */
      kind: z.literal('frame-rate'),
      /** Number of mel bands. */
      bands: z.number().int().min(1).max(MAX_MEL_BANDS),
      /** Samples from one frame to the next. */
      hop: z.number().int().min(1).max(MAX_HOP),
      /** Output channels of each convolution over frames. Default: none, so that the mel itself is projected. */
      encoder: z.array(channels).max(8).default([]),
      /** Ignored. The first models of interop/pytorch state it. */
      sharing: z.literal('shared').optional(),
    })
    .transform(({ sharing: _, ...mel }) => mel),
])

/** Schema of a correction towards the mel (src/audio/mel/correction.ts). */
export const correctionSchema = z.strictObject({
  /** Number of passes. Each is an STFT and its inverse. */
  passes: z.number().int().min(1).max(MAX_CORRECTION_PASSES).default(1),
  /** Number of updates of the gains in each pass. */
  iterations: z.number().int().min(1).max(100).default(5),
  /** How far each pass moves: 1 is to the mel, more is past it. */
  relaxation: relaxationSchema,
})

/**
 * A windowed front end: overlapping windows instead of patches. Audio enters and leaves the residual stack as the
 * coefficients of a short Fourier transform (src/model/front-end/windows.ts), with one position every `stride` samples.
 */
const frontEndSchema = z
  .strictObject({
    /** Overlapping windows. */
    kind: z.literal('windows'),
    /** Length K of a window in samples. */
    kernel: z.number().int().min(2).max(MAX_FRONT_END_KERNEL),
    /** Number of samples per position, S. */
    stride: z.number().int().min(1).max(MAX_HOP),
    /** Number of frequency bins, N, from 0 Hz up, that the network sees and makes. Default: all, kernel/2 + 1. */
    bins: z.number().int().min(1).optional(),
    /** Whether the transforms on the way in and out are learned. Their initial values are the Fourier transform's. */
    learned: z.boolean().default(false),
    /**
     * The deviation of each bin that the mel implies: an input of the network, and the scale of its output
     * (src/model/front-end/envelope.ts). Null: neither.
     */
    envelope: z
      .strictObject({
        /** Number of multiplicative updates that find magnitudes to fit the mel. */
        iterations: z.number().int().min(1).max(100).default(10),
        /** Smallest deviation, in units of full scale. */
        floor: z.number().gt(0).max(1).default(3e-5),
      })
      .nullable()
      .default(null),
    /** A last layer without parameters that moves the output towards the mel. Null: none. */
    correction: correctionSchema.nullable().default(null),
  })
  .refine(f => f.kernel >= f.stride, { path: ['kernel'], message: 'must be at least the stride' })
  .refine(f => f.kernel % 2 === 0 && f.kernel % f.stride === 0 && (f.kernel - f.stride) % 2 === 0, {
    path: ['kernel'],
    message: 'must be even, a multiple of the stride, and differ from it by an even number',
  })
  .refine(f => f.bins === undefined || f.bins <= f.kernel / 2 + 1, {
    path: ['bins'],
    message: 'must be at most kernel/2 + 1',
  })
  .refine(f => f.envelope === null || !f.learned, {
    path: ['envelope'],
    message: 'needs windows that are not learned',
  })
  .refine(f => f.correction === null || f.envelope !== null, {
    path: ['correction'],
    message: 'needs network.frontEnd.envelope',
  })
  .transform(f => ({
    ...f,
    /** Number of frequency bins, N, from 0 Hz up, that the network sees and makes. */
    bins: f.bins ?? f.kernel / 2 + 1,
  }))

/** Schema of the denoiser's architecture. */
export const networkSchema = z
  .strictObject({
    /** Number of channels of the residual stack, C. */
    channels,
    /** Number of residual layers. Layer i has dilation 2^(i mod dilationCycle). */
    layers: z.number().int().min(1).max(MAX_LAYERS),
    /** Number of layers after which the dilation starts at 1 again. */
    dilationCycle: z.number().int().min(1).max(MAX_DILATION_CYCLE),
    /**
     * Number of samples that are folded into the channels of one position: sample p × patch + j is channel j of
     * position p. The residual stack and its dilations count positions. Default: 1, as in the published networks.
     */
    patch: z.number().int().min(1).max(MAX_PATCH).default(1),
    /** Overlapping windows instead of the patch. Default: null, a patch. */
    frontEnd: frontEndSchema.nullable().default(null),
    /**
     * Lets the network pass its input through: the output is m ⊙ x_t + g(t)·f instead of f.
     *
     * The mask m, 0 to 1, is the sigmoid of additional outputs, one per sample, or one per bin of a windowed front end,
     * where x_t and f are in the front end's transform. It says how much of the input to keep. If the stack has fewer
     * channels than the patch has samples or bands, it cannot carry all of them, but it can choose which to keep.
     *
     * g(t) is the deviation of the noise in a cosine schedule (src/model/output-gain.ts). `steps` is the length of the
     * training schedule, which is repeated here because an engine knows only the network.
     */
    inputMask: z
      .strictObject({
        /** Number of steps of the training schedule. */
        steps: z.number().int().min(1).max(MAX_DIFFUSION_STEPS),
      })
      .nullable()
      .default(null),
    /** How the step of the diffusion enters the network. */
    stepEmbedding: z
      .strictObject({
        /**
         * The embedding is the sines, then the cosines, of t × f_i, for i = 0 … size/2 − 1. With h = size/2 − 1,
         * `powers-of-ten` means f_i = 10^(4i/h) (lmnt), and `inverse` means f_i = exp(−i ln(10⁴)/h) (philsyn).
         */
        frequencies: z.enum(['powers-of-ten', 'inverse']).default('powers-of-ten'),
        /**
         * How a fractional step t is embedded: `interpolated` between the sinusoids of ⌊t⌋ and ⌈t⌉ (lmnt), or `direct`,
         * as the sinusoids of t (philsyn).
         */
        fractional: z.enum(['interpolated', 'direct']).default('interpolated'),
        /** Number of sinusoids. */
        size: z.number().int().min(4).max(1024).multipleOf(2).default(128),
        /** Width of the two linear layers after the sinusoids. A SiLU follows each. */
        hidden: z.number().int().min(1).max(4096).default(512),
      })
      .prefault({}),
    /**
     * Order of the gate's halves in the output of the dilated convolution: lmnt has the sigmoid first, philsyn the
     * tanh.
     */
    gate: z.enum(['sigmoid-tanh', 'tanh-sigmoid']).default('sigmoid-tanh'),
    /**
     * Whether x in the residual sum (x + residual)/√2 is taken before the step embedding was added (lmnt) or after
     * (philsyn).
     */
    residual: z.enum(['before-step', 'after-step']).default('before-step'),
    /** The conditioning on a mel. Default: null, for generators. */
    mel: melConditionerSchema.nullable().default(null),
    /**
     * Names of the classes. The embedding of a label is added to the step embedding; the embedding has one more row for
     * “no label”. Default: null, no labels.
     */
    labels: z.array(z.string().min(1)).min(1).max(MAX_LABELS).nullable().default(null),
  })
  .refine(n => n.mel === null || melHop(n.mel) % n.patch === 0, { path: ['patch'], message: 'must divide the hop' })
  .refine(n => n.frontEnd === null || n.patch === 1, { path: ['patch'], message: 'must be 1 beside a front end' })
  .refine(n => n.frontEnd === null || n.mel === null || melHop(n.mel) % n.frontEnd.stride === 0, {
    path: ['frontEnd', 'stride'],
    message: 'must divide the hop',
  })
  .refine(n => n.frontEnd === null || n.frontEnd.envelope === null || n.mel?.kind === 'frame-rate', {
    path: ['frontEnd', 'envelope'],
    message: 'needs a mel conditioner of kind frame-rate',
  })
  .refine(n => n.mel === null || melHop(n.mel) <= MAX_HOP, { path: ['mel'], message: `hop must be at most ${MAX_HOP}` })
  .refine(n => n.labels === null || new Set(n.labels).size === n.labels.length, {
    path: ['labels'],
    message: 'must differ from one another',
  })

export type MelConditionerConfig = Readonly<z.output<typeof melConditionerSchema>>
/** Architecture of a network: the `network` part of `config.json`. docs/models.md describes the fields. */
export type NetworkConfig = Readonly<z.output<typeof networkSchema>>

/** The windowed front end of a network. */
export type FrontEndConfig = NonNullable<NetworkConfig['frontEnd']>

/** Number of samples per position of the residual stack: the stride of the windows, or the patch. */
export function positionSamples({ patch, frontEnd }: Pick<NetworkConfig, 'patch' | 'frontEnd'>): number {
  return frontEnd?.stride ?? patch
}

/** Whether a network takes the envelope of its mel as an input. */
export function hasEnvelope({ frontEnd }: Pick<NetworkConfig, 'frontEnd'>): boolean {
  return frontEnd !== null && frontEnd.envelope !== null
}

/** Whether a network ends with a correction towards the mel. */
export function hasCorrection({ frontEnd }: Pick<NetworkConfig, 'frontEnd'>): boolean {
  return frontEnd !== null && frontEnd.correction !== null
}

/** Whether a patch can be a block of subbands. */
export function patchIsBlock({ patch }: Pick<NetworkConfig, 'patch'>): boolean {
  return patch >= MIN_SUBBANDS && Number.isInteger(Math.log2(patch))
}

/** Samples per mel frame. */
export function melHop(mel: MelConditionerConfig): number {
  return mel.kind === 'frame-rate' ? mel.hop : mel.strides.reduce((product, stride) => product * stride, 1)
}

/** Dilation of layer i, in positions. */
export function dilation(network: Pick<NetworkConfig, 'dilationCycle'>, layer: number): number {
  return 2 ** (layer % network.dilationCycle)
}

/**
 * Number of positions on either side that affect an output position: the sum of all dilations, and half a window on the
 * way in and on the way out.
 */
export function receptiveRadius(network: Pick<NetworkConfig, 'layers' | 'dilationCycle' | 'frontEnd'>): number {
  let sum = windowPositions(network)
  for (let layer = 0; layer < network.layers; layer++) sum += dilation(network, layer)
  return sum
}

/** Length of a window in positions, kernel/stride; 0 for patches. */
export function windowPositions({ frontEnd }: Pick<NetworkConfig, 'frontEnd'>): number {
  return frontEnd === null ? 0 : frontEnd.kernel / frontEnd.stride
}

/**
 * Kernel length and padding, along time, of a transposed convolution with stride s. For even s they are 2s and s/2, as
 * in lmnt-com/diffwave.
 */
export function upsamplerShape(stride: number): { readonly kernel: number; readonly padding: number } {
  return stride % 2 === 0
    ? { kernel: 2 * stride, padding: stride / 2 }
    : { kernel: 2 * stride + 1, padding: (stride + 1) / 2 }
}

/** Number of mel frames on either side of a sample's own frame that affect its conditioning. */
export function melContext(mel: MelConditionerConfig): number {
  return mel.kind === 'frame-rate' ? mel.encoder.length + 1 : mel.strides.length + 1
}

/** Slope of the leaky ReLU after each upsampling or encoder convolution. */
export const LEAKY_SLOPE = 0.4
