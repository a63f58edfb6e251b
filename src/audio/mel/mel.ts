/** Computes mel spectrograms. */
import { nextTurn } from '#platform/core/turn'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { Audio } from '../audio.js'
import { checkAudio, checkNotEmpty, checkSamples } from '../check-audio.js'
import { FrameTransform, framePadding, padReflect, windowPower } from '../transforms/stft.js'
import { type ConventionName, conventionOf, type Mel, type MelConvention } from './convention.js'
import { melFilters } from './filters.js'
import { FRAMES_PER_TURN } from './frames.js'
import { normaliseMel } from './normalise.js'

/** Number of mel frames for a number of samples. */
export function melFrames(samples: number, convention: MelConvention): number {
  return Math.floor(samples / convention.hop) + (convention.framing === 'centre' ? 1 : 0)
}

/**
 * Number of samples that a mel covers of the recording that it was computed from: all of them if frames are centred;
 * else what is left after the last whole hop is not covered.
 */
export function coveredSamples(samples: number, { frames }: Pick<Mel, 'frames'>, { hop }: MelConvention): number {
  return Math.min(samples, frames * hop)
}

/**
 * Computes the mel spectrogram of audio.
 *
 * @param audio mono, at the convention's sample rate
 * @param convention the name of one, or a convention in full, such as a model's `config.mel`
 * @returns `[bands × frames]`, with ⌊samples/hop⌋ + 1 frames if the convention centres its frames, else ⌊samples/hop⌋
 * @throws DiffWaveError `BAD_CONFIG` (not a convention), `SAMPLE_RATE_MISMATCH`, `BAD_AUDIO` (shorter than a frame),
 * `NOT_FINITE`
 * @example
 * const mel = melSpectrogram(await resample(await readAudio('hello.wav'), 22_050), 'tacotron2')
 */
export function melSpectrogram(audio: Audio, convention: MelConvention | ConventionName): Mel {
  const described = conventionOf(convention, 'melSpectrogram convention')
  checkMelAudio(audio, described)
  const analysis = new MelAnalysis(audio.samples, described)
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
  conventionOf(convention, 'melSpectrogram convention')
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
  checkAudio(audio, 'melSpectrogram audio')
  if (audio.sampleRate !== convention.sampleRate) {
    throw new DiffWaveError('SAMPLE_RATE_MISMATCH', 'the audio and the mel convention differ in sample rate', {
      expected: `${convention.sampleRate} Hz`,
      got: `${audio.sampleRate} Hz`,
      where: 'melSpectrogram audio',
      hint: `Resample it first: resample(audio, ${convention.sampleRate}).`,
    })
  }
  checkNotEmpty(audio.samples, 'melSpectrogram audio')
  if (melFrames(audio.samples.length, convention) < 1) {
    throw new DiffWaveError('BAD_AUDIO', 'the audio is shorter than a frame', {
      expected: `at least ${convention.hop} samples`,
      got: String(audio.samples.length),
      where: 'melSpectrogram audio',
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
    // With `edge` and an odd hop, there is one sample more at the end than at the start.
    const padding = framePadding(convention)
    this.#padded = padReflect(samples, padding, framing === 'centre' ? padding : fftSize - hop - padding)
    this.#transform = new FrameTransform(convention)
    this.#filters = melFilters(convention)
    this.#norm = windowNormalised ? Math.sqrt(windowPower(this.#transform.window)) : 1
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
