/** Computes mel spectrograms, and checks whether a mel fits the convention of a model. */
import { nextTurn } from '#platform/core/turn'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { Audio } from '../audio.js'
import { checkAudio, checkSamples } from '../check-audio.js'
import { FrameTransform, padReflect } from '../transforms/stft.js'
import { checkMel, checkMelShape } from './check-mel.js'
import { type ConventionName, type Mel, type MelConvention, requireConvention } from './convention.js'
import { melFilters } from './filters.js'
import { FRAMES_PER_TURN } from './frames.js'

/** Converts an amplitude, or a power, to the value that the convention stores: logarithm, then normalisation. */
export function normaliseMel(value: number, convention: MelConvention, band: number): number {
  const raised = Math.max(value, convention.floor)
  const logged =
    convention.logarithm === 'ln' ? Math.log(raised) : convention.logarithm === 'log10' ? Math.log10(raised) : raised
  const { normalisation } = convention
  if (normalisation === null) return logged
  if (normalisation.kind === 'affine') {
    const scaled = logged * normalisation.scale + normalisation.offset
    return normalisation.clamp === null
      ? scaled
      : Math.min(Math.max(scaled, normalisation.clamp[0]), normalisation.clamp[1])
  }
  const { mean, deviation } = normalisation
  return (logged - (mean[band] ?? mean[0]!)) / (deviation[band] ?? deviation[0]!)
}

/**
 * Converts a stored value back to an amplitude, or a power: the inverse of `normaliseMel` above the floor and within
 * the clamp.
 */
export function denormaliseMel(value: number, convention: MelConvention, band: number): number {
  const { normalisation } = convention
  let logged = value
  if (normalisation?.kind === 'affine') logged = (value - normalisation.offset) / normalisation.scale
  if (normalisation?.kind === 'standardise') {
    const { mean, deviation } = normalisation
    logged = value * (deviation[band] ?? deviation[0]!) + (mean[band] ?? mean[0]!)
  }
  return convention.logarithm === 'ln' ? Math.exp(logged) : convention.logarithm === 'log10' ? 10 ** logged : logged
}

/** Number of mel frames for a number of samples. */
export function melFrames(samples: number, convention: MelConvention): number {
  return Math.floor(samples / convention.hop) + (convention.framing === 'centre' ? 1 : 0)
}

/**
 * Computes the mel spectrogram of audio.
 *
 * @param audio mono, at the convention's sample rate
 * @param convention one of `namedConventions`, or a model's `config.mel`
 * @returns `[bands × frames]`, with ⌊samples/hop⌋ + 1 frames if the convention centres its frames, else ⌊samples/hop⌋
 *
 * @throws DiffWaveError `SAMPLE_RATE_MISMATCH`, `BAD_AUDIO` (shorter than a frame), `NOT_FINITE`
 * @example
 * const mel = melSpectrogram(await readAudio('hello.wav'), namedConventions.tacotron2)
 */
export function melSpectrogram(audio: Audio, convention: MelConvention): Mel {
  checkMelAudio(audio, convention)
  const analysis = new MelAnalysis(audio.samples, convention)
  for (let frame = 0; frame < analysis.mel.frames; frame++) analysis.addFrame(frame)
  return analysis.mel
}

/**
 * As `melSpectrogram`, with turns of the event loop in between: a minute of audio takes some 0.2 s.
 *
 * @throws DiffWaveError as `melSpectrogram`, `ABORTED`
 */
export async function melInTurns(audio: Audio, convention: MelConvention, signal?: AbortSignal): Promise<Mel> {
  throwIfAborted(signal)
  checkMelAudio(audio, convention)
  const analysis = new MelAnalysis(audio.samples, convention)
  for (let frame = 0; frame < analysis.mel.frames; frame++) {
    analysis.addFrame(frame)
    if (frame % FRAMES_PER_TURN !== FRAMES_PER_TURN - 1) continue
    await nextTurn()
    throwIfAborted(signal)
  }
  return analysis.mel
}

/** @throws DiffWaveError as `melSpectrogram` */
function checkMelAudio(audio: Audio, convention: MelConvention): void {
  requireConvention(convention, 'melSpectrogram convention')
  checkAudio(audio, 'melSpectrogram audio')
  if (audio.sampleRate !== convention.sampleRate) {
    throw new DiffWaveError('SAMPLE_RATE_MISMATCH', 'the audio is at another sample rate than the mel convention', {
      expected: `${convention.sampleRate} Hz`,
      got: `${audio.sampleRate} Hz`,
      hint: 'Resample it first: resample(samples, from, to).',
    })
  }
  if (melFrames(audio.samples.length, convention) < 1 || audio.samples.length === 0) {
    throw new DiffWaveError('BAD_AUDIO', 'the audio is shorter than a frame', {
      expected: `at least ${convention.hop} samples`,
      got: String(audio.samples.length),
    })
  }
  checkSamples(audio.samples, 'melSpectrogram audio')
}

/** The computation of one mel, frame by frame. */
class MelAnalysis {
  /** The mel. Its frames are zeros until they are added. */
  readonly mel: Mel
  readonly #convention: MelConvention
  readonly #padded: Float32Array
  readonly #transform: FrameTransform
  readonly #filters: ReturnType<typeof melFilters>
  /** What magnitudes are divided by: the norm of the window, or 1. */
  readonly #norm: number
  /** Magnitudes or powers of one frame, `[bins]`. */
  readonly #spectrum: Float64Array

  constructor(samples: Float32Array, convention: MelConvention) {
    const { fftSize, hop, bands, framing, windowNormalised } = convention
    const frames = melFrames(samples.length, convention)
    this.mel = { data: new Float32Array(bands * frames), bands, frames }
    this.#convention = convention
    this.#padded = padReflect(samples, framing === 'centre' ? fftSize / 2 : (fftSize - hop) / 2)
    this.#transform = new FrameTransform(convention)
    this.#filters = melFilters(convention)
    const squares = this.#transform.window.reduce((sum, value) => sum + value * value, 0)
    this.#norm = windowNormalised ? Math.sqrt(squares) : 1
    this.#spectrum = new Float64Array(this.#transform.bins)
  }

  addFrame(frame: number): void {
    const convention = this.#convention
    const spectrum = this.#spectrum
    const { data, bands, frames } = this.mel
    const bins = this.#transform.forward(this.#padded, frame * convention.hop)
    for (let bin = 0; bin < spectrum.length; bin++) {
      const power = bins[2 * bin]! ** 2 + bins[2 * bin + 1]! ** 2 + convention.magnitudeEpsilon
      const magnitude = Math.sqrt(power) / this.#norm
      spectrum[bin] = convention.power === 1 ? magnitude : magnitude * magnitude
    }
    for (let band = 0; band < bands; band++) {
      const { start, weights } = this.#filters[band]!
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * spectrum[start + i]!
      data[band * frames + frame] = normaliseMel(sum, convention, band)
    }
  }
}

/** Lowest and highest value of a mel. */
export function melRange(mel: Mel): { readonly min: number; readonly max: number } {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  const { data } = mel
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!
    if (value < min) min = value
    if (value > max) max = value
  }
  return { min, max }
}

/** Values may lie this far outside the range of a convention, because predicted mels overshoot a little. */
const RANGE_SLACK = 0.5

/**
 * Guesses the convention of a mel from its range. Values of `lmnt` lie in 0 … 1. Values of `tacotron2` and `hifigan`,
 * which cannot be told apart, are mostly negative, from ln 1e-5 to about 2.5. Null for any other range.
 */
export function recogniseConvention(mel: Mel): Extract<ConventionName, 'lmnt' | 'tacotron2'> | null {
  const { min, max } = melRange(mel)
  if (min >= -0.01 && max <= 1.01) return 'lmnt'
  if (min >= Math.log(1e-5) - RANGE_SLACK && min < -0.5 && max < 4) return 'tacotron2'
  return null
}

/** The range of values that a convention allows: from its floor to its clamp, or to what very loud audio has. */
function conventionRange(convention: MelConvention): { readonly low: number; readonly high: number } {
  const lows = Array.from({ length: convention.bands }, (_, band) => normaliseMel(0, convention, band))
  const { normalisation } = convention
  const clamp = normalisation?.kind === 'affine' ? normalisation.clamp : null
  // The linear mel amplitude of full-scale audio is below the sum of the window. A factor of ten leaves room for loud
  // predictions.
  const loudest = normaliseMel(10 * convention.fftSize ** convention.power, convention, 0)
  return { low: Math.min(...lows), high: clamp === null ? loudest : clamp[1] }
}

/**
 * Refuses a mel that cannot have been meant for a model of this convention.
 *
 * @param where names the mel in errors
 * @throws DiffWaveError `BAD_MEL` (bands, empty), `NOT_FINITE`, `MEL_RANGE` (saying which convention it looks like)
 */
export function checkMelFor(mel: Mel, convention: MelConvention, where: string): void {
  checkMelShape(mel, where)
  if (mel.bands !== convention.bands) {
    throw new DiffWaveError('BAD_MEL', 'the mel has the wrong number of bands for this model', {
      expected: String(convention.bands),
      got: String(mel.bands),
      where,
      ...(mel.frames === convention.bands
        ? { hint: 'Its frames are as many as the bands wanted: is it transposed?' }
        : {}),
    })
  }
  checkMel(mel, where)
  const { min, max } = melRange(mel)
  const { low, high } = conventionRange(convention)
  const slack = RANGE_SLACK * (high - low > 2 ? 1 : 0.1)
  // A log-mel of a recording has quiet bands, so it cannot be without negative values.
  const mistaken = low < -1 && min >= 0
  if (min < low - slack || max > high + slack || mistaken) {
    const looksLike = recogniseConvention(mel)
    throw new DiffWaveError('MEL_RANGE', 'the mel’s values are out of range for this model', {
      expected: `${low.toFixed(2)} … ${high.toFixed(2)} (${convention.name})`,
      got: `${min.toFixed(2)} … ${max.toFixed(2)}`,
      where,
      hint:
        looksLike === null
          ? 'Make the mel with the model’s own convention: `diffwave mel -m <model>`.'
          : looksLike === 'tacotron2'
            ? 'By its range it follows the tacotron2 or hifigan convention.'
            : 'By its range it follows the lmnt convention.',
    })
  }
}
