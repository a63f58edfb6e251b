/**
 * The denoiser's architecture: the `network` part of `config.json`, and what follows from it alone. Its variants cover
 * lmnt-com/diffwave, philsyn/DiffWave-Vocoder and this project's own CPU-sized shapes.
 */
import { z } from 'zod'
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
  /**
   * Convolutions over frames (kernel 3, zero padding, leaky ReLU 0.4 after each), then a 1×1 convolution a layer, all
   * at the rate of the frames; its result is interpolated linearly, frame f lying at sample f × hop, held after the
   * last.
   */
  z
    .strictObject({
      kind: z.literal('frame-rate'),
      bands: z.number().int().min(1).max(MAX_MEL_BANDS),
      hop: z.number().int().min(1).max(MAX_HOP),
      /** Output channels of each convolution over frames; none: the mel itself is projected. */
      encoder: z.array(channels).max(8).default([]),
      /** Without meaning here; the first models of interop/pytorch have it. */
      sharing: z.literal('shared').optional(),
    })
    .transform(({ sharing: _, ...mel }) => mel),
])

/**
 * Overlapping windows in the place of a patch: audio enters and leaves the residual stack as the coefficients of a
 * short Fourier transform (src/model/front-end/windows.ts). One position every `stride` samples.
 */
const frontEndSchema = z
  .strictObject({
    kind: z.literal('windows'),
    /** Length K of a window in samples. */
    kernel: z.number().int().min(2).max(MAX_FRONT_END_KERNEL),
    /** Samples per position S. */
    stride: z.number().int().min(1).max(MAX_HOP),
    /** Bins N from 0 Hz up that the network sees and makes. Default: all, kernel/2 + 1. */
    bins: z.number().int().min(1).optional(),
    /** Whether the two transforms are parameters, which start as the Fourier transform. */
    learned: z.boolean().default(false),
    /** The deviation that the mel implies per bin, as input and as scale (src/model/front-end/envelope.ts). */
    envelope: z
      .strictObject({
        /** Multiplicative updates of the magnitudes that the mel implies. */
        iterations: z.number().int().min(1).max(100).default(10),
        /** Smallest deviation, full scale being 1. */
        floor: z.number().gt(0).max(1).default(3e-5),
      })
      .nullable()
      .default(null),
    /** The network's last layer, which moves its output towards the mel (src/audio/mel/correction.ts). */
    correction: z
      .strictObject({
        /** Passes, each an STFT and its inverse. */
        passes: z.number().int().min(1).max(MAX_CORRECTION_PASSES).default(1),
        /** Updates of the gains per pass. */
        iterations: z.number().int().min(1).max(100).default(5),
      })
      .nullable()
      .default(null),
  })
  .refine(f => f.kernel >= f.stride, { path: ['kernel'], message: 'must not be shorter than the stride' })
  .refine(f => f.kernel % 2 === 0 && f.kernel % f.stride === 0 && (f.kernel - f.stride) % 2 === 0, {
    path: ['kernel'],
    message: 'must be even, a multiple of the stride, and differ from it by an even number',
  })
  .refine(f => f.bins === undefined || f.bins <= f.kernel / 2 + 1, {
    path: ['bins'],
    message: 'must not pass kernel/2 + 1',
  })
  .refine(f => f.envelope === null || !f.learned, {
    path: ['envelope'],
    message: 'needs windows that are not learned',
  })
  .refine(f => f.correction === null || f.envelope !== null, {
    path: ['correction'],
    message: 'needs network.frontEnd.envelope',
  })
  .transform(f => ({ ...f, bins: f.bins ?? f.kernel / 2 + 1 }))

/** Schema of the denoiser's architecture. */
export const networkSchema = z
  .strictObject({
    /** Channels C of the residual stack. */
    channels,
    /** Residual layers; layer i has dilation 2^(i mod dilationCycle). */
    layers: z.number().int().min(1).max(MAX_LAYERS),
    dilationCycle: z.number().int().min(1).max(MAX_DILATION_CYCLE),
    /**
     * Samples folded into the channels of one position: sample p × patch + j is channel j of position p. Dilations and
     * the residual stack count positions. 1: the published network.
     */
    patch: z.number().int().min(1).max(MAX_PATCH).default(1),
    /** Overlapping windows in the place of the patch; null: a patch. */
    frontEnd: frontEndSchema.nullable().default(null),
    /**
     * The output is m ⊙ x_t + g(t)·f in place of f: a mask m of 0 … 1, the sigmoid of as many outputs more, says of
     * each sample how much of it may pass, and g is the deviation of a cosine schedule of `steps` steps, those of
     * training (src/model/output-gain.ts): the network alone, without its schedule, is what an engine knows. Where C is
     * less than the patch, the residual stack cannot carry what every sample or band holds; it can say which are worth
     * keeping. Behind windows there is one value of m per bin, and x_t and f are in the front end's transform.
     */
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
    /**
     * The residual sum (x + residual)/√2 takes x from before the step embedding was added (lmnt) or after (philsyn).
     */
    residual: z.enum(['before-step', 'after-step']).default('before-step'),
    mel: melConditionerSchema.nullable().default(null),
    /**
     * Names of the classes; a label is embedded and added to the step embedding. One more row stands for “no label”.
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
  .refine(n => n.mel === null || melHop(n.mel) <= MAX_HOP, { path: ['mel'], message: `hop must not pass ${MAX_HOP}` })
  .refine(n => n.labels === null || new Set(n.labels).size === n.labels.length, {
    path: ['labels'],
    message: 'must differ from one another',
  })

export type MelConditionerConfig = Readonly<z.output<typeof melConditionerSchema>>
/** Architecture of a network: the `network` part of `config.json`. docs/models.md describes the fields. */
export type NetworkConfig = Readonly<z.output<typeof networkSchema>>

/** Overlapping windows of a network. */
export type FrontEndConfig = NonNullable<NetworkConfig['frontEnd']>

/** Samples per position of the residual stack: the stride of the windows, or the patch. */
export function positionSamples({ patch, frontEnd }: Pick<NetworkConfig, 'patch' | 'frontEnd'>): number {
  return frontEnd?.stride ?? patch
}

/** Whether a network takes the deviation that its mel implies per bin. */
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
 * Positions on either side that one output position depends on: the sum of all dilations, and half a window on the way
 * in and on the way out.
 */
export function receptiveRadius(network: Pick<NetworkConfig, 'layers' | 'dilationCycle' | 'frontEnd'>): number {
  let sum = windowPositions(network)
  for (let layer = 0; layer < network.layers; layer++) sum += dilation(network, layer)
  return sum
}

/** Positions that two half windows reach together: kernel/stride; 0 for patches. */
export function windowPositions({ frontEnd }: Pick<NetworkConfig, 'frontEnd'>): number {
  return frontEnd === null ? 0 : frontEnd.kernel / frontEnd.stride
}

/**
 * Kernel length and padding of a transposed convolution along time with a stride (lmnt-com/diffwave for even strides:
 * 2s and s/2).
 */
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
