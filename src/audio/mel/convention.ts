/**
 * Mel conventions: how a waveform becomes the mel spectrogram that a model was trained on. A convention is data, so that
 * a config can spell out one that has no name here. Sources of the named ones: lmnt-com/diffwave `preprocess.py` (with
 * torchaudio's MelSpectrogram), NVIDIA/tacotron2 `layers.py`, jik876/hifi-gan `meldataset.py`,
 * open-mmlab/Amphion `utils/mel.py`.
 */
import { z } from 'zod'
import { MAX_FFT_SIZE, MAX_HOP, MAX_MEL_BANDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../../core/limits.js'

const normalisation = z.union([
  /** value × scale + offset, then clamped to `clamp` where it is given. */
  z.strictObject({
    kind: z.literal('affine'),
    scale: z.number(),
    offset: z.number(),
    clamp: z.tuple([z.number(), z.number()]).nullable().default(null),
  }),
  /** (value − mean) / deviation, one pair a band (ESPnet) or one for all (Matcha). */
  z.strictObject({
    kind: z.literal('standardise'),
    mean: z.array(z.number()).min(1),
    deviation: z.array(z.number().positive()).min(1),
  }),
])

/** Schema of a convention as `config.json` spells it. Lengths in samples, frequencies in Hz. */
export const melConventionSchema = z
  .strictObject({
    name: z.string().min(1).default('custom'),
    sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
    /** Transform length, a power of two. */
    fftSize: z.number().int().min(16).max(MAX_FFT_SIZE),
    /** Periodic Hann window's length, centred in the transform. */
    windowLength: z.number().int().min(16).max(MAX_FFT_SIZE),
    hop: z.number().int().min(1).max(MAX_HOP),
    /** `centre`: frame f is centred on sample f × hop (reflect padding of fftSize/2), ⌊samples/hop⌋ + 1 frames.
     * `edge`: reflect padding of (fftSize − hop)/2, ⌊samples/hop⌋ frames. */
    framing: z.enum(['centre', 'edge']),
    /** Spectrum: 1 magnitude, 2 power. */
    power: z.union([z.literal(1), z.literal(2)]),
    /** Added to re² + im² under the root. */
    magnitudeEpsilon: z.number().min(0).default(0),
    /** Divide the spectrum by the root of the sum of the squared window (torchaudio's `normalized`). */
    windowNormalised: z.boolean().default(false),
    bands: z.number().int().min(1).max(MAX_MEL_BANDS),
    melScale: z.enum(['htk', 'slaney']),
    /** Triangles of area one (`slaney`) or of height one (`none`). */
    filterNorm: z.enum(['slaney', 'none']),
    minFrequency: z.number().min(0),
    maxFrequency: z.number().positive(),
    logarithm: z.enum(['ln', 'log10', 'none']),
    /** Values below are raised to this before the logarithm. */
    floor: z.number().min(0),
    normalisation: normalisation.nullable().default(null),
  })
  .refine(c => Number.isInteger(Math.log2(c.fftSize)), { path: ['fftSize'], message: 'must be a power of two' })
  .refine(c => c.windowLength <= c.fftSize, { path: ['windowLength'], message: 'must not pass fftSize' })
  .refine(c => c.hop <= c.windowLength, { path: ['hop'], message: 'must not pass windowLength' })
  .refine(c => c.minFrequency < c.maxFrequency, { path: ['minFrequency'], message: 'must lie below maxFrequency' })
  .refine(c => c.maxFrequency <= c.sampleRate / 2, { path: ['maxFrequency'], message: 'must not pass half the rate' })
  .refine(c => c.logarithm === 'none' || c.floor > 0, { path: ['floor'], message: 'must be positive for a logarithm' })
  .refine(
    c =>
      c.normalisation?.kind !== 'standardise' ||
      [c.normalisation.mean, c.normalisation.deviation].every(v => v.length === 1 || v.length === c.bands),
    { path: ['normalisation'], message: 'mean and deviation need one number, or one a band' },
  )

/** A mel convention, every field filled in. */
export type MelConvention = Readonly<z.output<typeof melConventionSchema>>

/** A mel spectrogram: `data` is `[bands × frames]`, row-major: band b's frame f is `data[b * frames + f]`. */
export interface Mel {
  readonly data: Float32Array
  readonly bands: number
  readonly frames: number
}

const tacotron2: MelConvention = {
  name: 'tacotron2',
  sampleRate: 22050,
  fftSize: 1024,
  windowLength: 1024,
  hop: 256,
  framing: 'centre',
  power: 1,
  magnitudeEpsilon: 0,
  windowNormalised: false,
  bands: 80,
  melScale: 'slaney',
  filterNorm: 'slaney',
  minFrequency: 0,
  maxFrequency: 8000,
  logarithm: 'ln',
  floor: 1e-5,
  normalisation: null,
}

/** The conventions that have a name. */
export const namedConventions = {
  lmnt: {
    ...tacotron2,
    name: 'lmnt',
    windowNormalised: true,
    melScale: 'htk',
    filterNorm: 'none',
    minFrequency: 20,
    maxFrequency: 11025,
    logarithm: 'log10',
    normalisation: { kind: 'affine', scale: 0.2, offset: 0.8, clamp: [0, 1] },
  },
  tacotron2,
  hifigan: { ...tacotron2, name: 'hifigan', framing: 'edge', magnitudeEpsilon: 1e-9 },
  /** open-mmlab/Amphion's vocoders (config/vocoder.json, utils/mel.py): hifigan's transform at 24 kHz. */
  amphion: {
    ...tacotron2,
    name: 'amphion',
    sampleRate: 24_000,
    framing: 'edge',
    magnitudeEpsilon: 1e-9,
    bands: 100,
    maxFrequency: 12_000,
  },
} as const satisfies Record<string, MelConvention>

export type ConventionName = keyof typeof namedConventions

/** A convention by name or spelled out, as configs and options take it. */
export const conventionSchema = z.union([
  z.enum(['lmnt', 'tacotron2', 'hifigan', 'amphion']).transform((name): MelConvention => namedConventions[name]),
  melConventionSchema,
])
