/**
 * Mel conventions: how to compute the mel spectrogram that a model was trained on. A convention is plain data, so that
 * a config can spell out one that has no name here. Sources of the named ones: lmnt-com/diffwave `preprocess.py` (with
 * torchaudio's MelSpectrogram), NVIDIA/tacotron2 `layers.py`, jik876/hifi-gan `meldataset.py`, open-mmlab/Amphion
 * `utils/mel.py`, gemelo-ai/vocos `feature_extractors.py`.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { deepFrozen, isDeepFrozen } from '../../core/frozen.js'
import { isObject } from '../../core/is-object.js'
import { MAX_FFT_SIZE, MAX_HOP, MAX_MEL_BANDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../../core/limits.js'
import { check, readonlyList } from '../../core/options.js'
import { oneOf, suggestion } from '../../core/suggest.js'

/** Normalisation: value × scale + offset, then clamped. */
export interface AffineNormalisation {
  /** The kind of normalisation. */
  readonly kind: 'affine'
  /** Factor of each value, positive. */
  readonly scale: number
  /** Added after scaling. */
  readonly offset: number
  /** Lower and upper limit of the result; null for none. */
  readonly clamp: readonly [number, number] | null
}

/** Normalisation: (value − mean) / deviation, with one pair per band (ESPnet) or one for all bands (Matcha). */
export interface StandardNormalisation {
  /** The kind of normalisation. */
  readonly kind: 'standardise'
  /** One mean, or one per band. */
  readonly mean: readonly number[]
  /** One standard deviation, or one per band; positive. */
  readonly deviation: readonly number[]
}

/** How a waveform becomes a mel spectrogram. Lengths are in samples, frequencies in Hz. */
export interface MelConvention {
  /** Name of the convention in messages. Default in configs: `custom`. */
  readonly name: string
  /** Sample rate of the audio in Hz, 1,000 to 768,000. */
  readonly sampleRate: number
  /** Length of the Fourier transform: a power of two. */
  readonly fftSize: number
  /** Length of the periodic Hann window, at most `fftSize`. The window is centred in the transform. */
  readonly windowLength: number
  /** Number of samples from one frame to the next, at most `windowLength`. */
  readonly hop: number
  /**
   * `centre`: frame f is centred on sample f × hop (reflect padding of fftSize/2), ⌊samples/hop⌋ + 1 frames.
   * `edge`: reflect padding of (fftSize − hop)/2, ⌊samples/hop⌋ frames.
   */
  readonly framing: 'centre' | 'edge'
  /** Exponent of the spectrum: 1 for magnitudes, 2 for powers. */
  readonly power: 1 | 2
  /** Added to re² + im² under the root of a magnitude. Default in configs: 0. */
  readonly magnitudeEpsilon: number
  /** Whether the spectrum is divided by the root of the sum of the squared window (torchaudio's `normalized`). */
  readonly windowNormalised: boolean
  /** Number of mel bands. */
  readonly bands: number
  /** Formula of the mel scale. */
  readonly melScale: 'htk' | 'slaney'
  /** Norm of the triangular filters: area 1 (`slaney`) or height 1 (`none`). */
  readonly filterNorm: 'slaney' | 'none'
  /** Lower edge of the lowest band in Hz. */
  readonly minFrequency: number
  /** Upper edge of the highest band in Hz, at most half the sample rate. */
  readonly maxFrequency: number
  /** Base of the logarithm. */
  readonly logarithm: 'ln' | 'log10' | 'none'
  /** Lower limit of the values before the logarithm. */
  readonly floor: number
  /** Normalisation after the logarithm; null for none. */
  readonly normalisation: AffineNormalisation | StandardNormalisation | null
}

const range: z.ZodType<readonly [number, number], readonly [number, number]> = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'the lower limit must come first')

const normalisation = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('affine'),
    scale: z.number().positive(),
    offset: z.number(),
    clamp: range.nullable().default(null),
  }),
  z.strictObject({
    kind: z.literal('standardise'),
    mean: readonlyList(z.number()),
    deviation: readonlyList(z.number().positive()),
  }),
])

/** Schema of a convention that `config.json` spells out. The result is frozen. */
export const melConventionSchema = z
  .strictObject({
    name: z.string().min(1).default('custom'),
    sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
    fftSize: z.number().int().min(16).max(MAX_FFT_SIZE),
    windowLength: z.number().int().min(16).max(MAX_FFT_SIZE),
    hop: z.number().int().min(1).max(MAX_HOP),
    framing: z.enum(['centre', 'edge']),
    power: z.union([z.literal(1), z.literal(2)]),
    magnitudeEpsilon: z.number().min(0).default(0),
    windowNormalised: z.boolean().default(false),
    bands: z.number().int().min(1).max(MAX_MEL_BANDS),
    melScale: z.enum(['htk', 'slaney']),
    filterNorm: z.enum(['slaney', 'none']),
    minFrequency: z.number().min(0),
    maxFrequency: z.number().positive(),
    logarithm: z.enum(['ln', 'log10', 'none']),
    floor: z.number().min(0),
    normalisation: normalisation.nullable().default(null),
  } satisfies { readonly [Field in keyof MelConvention]: z.ZodType<MelConvention[Field]> })
  .refine(c => Number.isInteger(Math.log2(c.fftSize)), { path: ['fftSize'], message: 'must be a power of two' })
  .refine(c => c.windowLength <= c.fftSize, { path: ['windowLength'], message: 'must be at most fftSize' })
  .refine(c => c.hop <= c.windowLength, { path: ['hop'], message: 'must be at most windowLength' })
  .refine(c => c.minFrequency < c.maxFrequency, { path: ['minFrequency'], message: 'must lie below maxFrequency' })
  .refine(c => c.maxFrequency <= c.sampleRate / 2, {
    path: ['maxFrequency'],
    message: 'must be at most half the sample rate',
  })
  .refine(c => c.logarithm === 'none' || c.floor > 0, { path: ['floor'], message: 'must be positive for a logarithm' })
  .refine(
    c =>
      c.normalisation?.kind !== 'standardise' ||
      [c.normalisation.mean, c.normalisation.deviation].every(v => v.length === 1 || v.length === c.bands),
    { path: ['normalisation'], message: 'mean and deviation need one number, or one per band' },
  )
  .transform(deepFrozen<MelConvention>)

/** A mel spectrogram. */
export interface Mel {
  /** `[bands × frames]`, row-major: frame f of band b is `data[b * frames + f]`. */
  readonly data: Float32Array
  /** Number of mel bands: the rows. */
  readonly bands: number
  /** Number of frames: the columns. */
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

const conventionNames = ['lmnt', 'tacotron2', 'hifigan', 'amphion', 'vocos'] as const

/** Names of the conventions in `namedConventions`. */
export type ConventionName = (typeof conventionNames)[number]

/**
 * The conventions that have a name. They are frozen: spread one to change a field.
 *
 * @example
 * const { sampleRate, bands } = namedConventions.tacotron2
 */
export const namedConventions: Readonly<Record<ConventionName, MelConvention>> = deepFrozen({
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
  /**
   * open-mmlab/Amphion's vocoders (config/vocoder.json, utils/mel.py): hifigan's transform at 24 kHz. NVIDIA/BigVGAN's
   * 24 kHz models with 100 bands use the same convention.
   */
  amphion: {
    ...tacotron2,
    name: 'amphion',
    sampleRate: 24_000,
    framing: 'edge',
    magnitudeEpsilon: 1e-9,
    bands: 100,
    maxFrequency: 12_000,
  },
  /** gemelo-ai/vocos, MelSpectrogramFeatures: torchaudio's MelSpectrogram with its default filters. */
  vocos: {
    ...tacotron2,
    name: 'vocos',
    sampleRate: 24_000,
    bands: 100,
    melScale: 'htk',
    filterNorm: 'none',
    maxFrequency: 12_000,
    floor: 1e-7,
  },
})

/**
 * Conventions that have been checked, so that a trainer does not check its convention again for each crop. They are
 * frozen: others may have changed since.
 */
const known = new WeakSet<MelConvention>()

/**
 * The convention that a caller passed by its name or in full. It is checked before its fields are read.
 *
 * @param where names the argument in errors
 * @throws DiffWaveError `BAD_CONFIG`
 */
export function conventionOf(convention: MelConvention | ConventionName, where: string): MelConvention {
  if (typeof convention === 'string') {
    if (Object.hasOwn(namedConventions, convention)) return namedConventions[convention]
    throw new DiffWaveError('BAD_CONFIG', 'no mel convention has this name', {
      expected: `${oneOf(conventionNames)}, or a convention described in full`,
      got: convention,
      where,
      ...suggestion(convention, conventionNames),
    })
  }
  if (isObject(convention) && known.has(convention)) return convention
  check(melConventionSchema, convention, where, 'BAD_CONFIG')
  if (isDeepFrozen(convention)) known.add(convention)
  return convention
}

/** Schema of the name of a convention, which becomes the convention. */
export const conventionNameSchema = z.enum(conventionNames).transform((name): MelConvention => namedConventions[name])

/** Schema of a convention in configs and options: a name, or a convention spelled out. */
export const conventionSchema = z.union([conventionNameSchema, melConventionSchema])

/** What a convention would need for phase refinement, for an error; null if phase refinement is possible. */
export function refinementObstacle({ fftSize, windowLength, hop }: MelConvention): string | null {
  // With shorter windows, only the very end of a window covers the clip's last samples, and overlap-add would divide by
  // its tiny values.
  if (2 * windowLength < 5 * hop) return 'windows of at least two and a half hops'
  // Each stage of the refinement keeps one spectrum per hop.
  if (fftSize > 32 * hop) return 'transforms of at most 32 hops'
  return null
}
