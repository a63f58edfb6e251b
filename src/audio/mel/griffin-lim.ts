/**
 * Griffin-Lim, the baseline vocoder that needs no model. It searches for phases with which the mel's magnitudes become
 * a consistent spectrogram (Griffin & Lim 1984), with the momentum of Perraudin, Balazs & Søndergaard 2013 (algorithm
 * 2). If it starts from audio, it refines the phases of that audio, and leaves frequencies that the mel does not cover
 * as they are. This file works on whole clips; `PhaseRefinement` does the same piece by piece.
 */
import { z } from 'zod'
import { nextTurn } from '#platform/core/turn'
import { isFloat32Array } from '../../core/any-realm.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { abortSignal, check, onProgress, seed } from '../../core/options.js'
import type { OnProgress } from '../../core/progress.js'
import { uniform } from '../../core/random.js'
import { orAborted } from '../../core/until-aborted.js'
import type { Audio } from '../audio.js'
import { checkSamples } from '../check-audio.js'
import { FrameTransform, framePadding, windowSquares } from '../transforms/stft.js'
import { BandGains } from './band-gains.js'
import { MelBands } from './bands.js'
import { checkMelFor } from './check-mel.js'
import { type ConventionName, conventionOf, type Mel, type MelConvention } from './convention.js'
import { FRAMES_PER_TURN, sliceMel } from './frames.js'
import { MelInverse } from './inverse.js'
import type { Refinement } from './phase-refinement.js'
import { relaxationSchema } from './relaxation.js'

/** Options of `griffinLim`. */
export interface GriffinLimOptions {
  /** Number of iterations, 1 to 10,000. Default: 60. */
  readonly iterations?: number | undefined
  /** Momentum, from 0 (plain Griffin-Lim) to below 1. Default: 0.99. */
  readonly momentum?: number | undefined
  /**
   * Audio to start from, beginning at the mel's first sample, and followed by zeros if it is shorter. The magnitudes
   * are then the audio's own, scaled to the mel's energy in each band (phase-refinement.ts). Default: random phases,
   * and magnitudes spread over the bins of each band.
   */
  readonly start?: Float32Array | undefined
  /**
   * How far each iteration moves the bands: 1 is to the mel, more (below 2) is past it. Only with `start`. Default: 1.
   */
  readonly relaxation?: number | undefined
  /** Seed of the random initial phases. Default: 0. */
  readonly seed?: number | undefined
  /**
   * Number of samples to return: at most frames × hop, and up to hop − 1 more with framing `edge`, as a recording
   * with that many frames can have. Default: frames × hop.
   */
  readonly length?: number | undefined
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Called after each iteration. */
  readonly onProgress?: OnProgress | undefined
}

const optionsSchema = z.strictObject({
  iterations: z.number().int().min(1).max(10_000).default(60),
  momentum: z.number().min(0).lt(1).default(0.99),
  start: z.custom<Float32Array>(isFloat32Array, 'expected a Float32Array').optional(),
  relaxation: relaxationSchema,
  seed: seed.default(0),
  length: z.number().int().positive().optional(),
  signal: abortSignal.optional(),
  onProgress: onProgress.optional(),
})

/** Number of frames to invert between two turns: the inversion of a frame takes as long as some twenty transforms. */
const INVERTED_PER_TURN = FRAMES_PER_TURN / 20
const TINY = 1e-12

/**
 * Makes audio whose mel is close to the given one, by Griffin-Lim.
 *
 * @param mel `[bands × frames]`, computed in the convention
 * @param convention the name of one, or a convention in full, such as a model's `config.mel`
 * @returns mono audio at the convention's sample rate
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG` (not a convention), `BAD_MEL`, `MEL_RANGE`, `NOT_FINITE`, `ABORTED`
 * @example
 * const audio = await griffinLim(mel, 'tacotron2', { iterations: 100 })
 */
export async function griffinLim(
  mel: Mel,
  convention: MelConvention | ConventionName,
  options: GriffinLimOptions = {},
): Promise<Audio> {
  const checked = check(optionsSchema, options, 'griffinLim options')
  const { iterations, momentum, relaxation, start, signal, onProgress: report } = checked
  const described = conventionOf(convention, 'griffinLim convention')
  checkMelFor(mel, described, 'griffinLim')
  checkLength(checked.length, mel.frames, described)
  if (start !== undefined) checkSamples(start, 'griffinLim start')
  throwIfAborted(signal)
  // A copy, because the caller may write to its array meanwhile.
  const own = sliceMel(mel, 0, mel.frames)
  const search = new PhaseSearch(own, described, { momentum, relaxation }, signal)
  if (start === undefined) await search.startAtRandom(checked.seed)
  else search.startFrom(start)
  for (let iteration = 0; iteration < iterations; iteration++) {
    throwIfAborted(signal)
    await search.project()
    await search.synthesise()
    await orAborted(report?.({ done: iteration + 1, total: iterations }), signal)
  }
  throwIfAborted(signal)
  return { samples: search.audio(checked.length ?? mel.frames * described.hop), sampleRate: described.sampleRate }
}

/** @throws DiffWaveError `BAD_OPTION` for more samples than any recording with that many frames has */
function checkLength(length: number | undefined, frames: number, { hop, framing }: MelConvention): void {
  const most = frames * hop + (framing === 'edge' ? hop - 1 : 0)
  if (length === undefined || length <= most) return
  throw new DiffWaveError('BAD_OPTION', 'the length is more than the mel covers', {
    expected: `at most ${most} samples`,
    got: String(length),
    where: 'length',
  })
}

/** The search. It alternates between making audio from spectra and taking the phases of the audio's own spectra. */
class PhaseSearch {
  readonly #mel: Mel
  readonly #hop: number
  readonly #momentum: number
  readonly #signal: AbortSignal | undefined
  #fromAudio = false
  readonly #bands: MelBands
  readonly #gains: BandGains
  readonly #targets: Float32Array
  readonly #transform: FrameTransform
  readonly #padding: number
  /**
   * Magnitudes, `[frames × bins]`. If the search started from audio, each iteration computes them anew; a 1 means that
   * `#angles` holds the audio's whole spectrum, not just its phases.
   */
  readonly #magnitudes: Float32Array
  /** Cosine and sine of the phases, frame-major, `[frames × bins × 2]`. */
  readonly #angles: Float32Array
  /** The last consistent spectrum, `[frames × bins × 2]`. */
  readonly #previous: Float32Array
  readonly #squares: Float64Array
  readonly #samples: Float64Array

  constructor(
    mel: Mel,
    convention: MelConvention,
    { momentum, relaxation }: Pick<Refinement, 'momentum' | 'relaxation'>,
    signal: AbortSignal | undefined,
  ) {
    this.#mel = mel
    this.#hop = convention.hop
    this.#momentum = momentum
    this.#signal = signal
    this.#bands = new MelBands(convention)
    this.#gains = new BandGains(this.#bands, relaxation)
    this.#targets = new Float32Array(mel.bands)
    this.#transform = new FrameTransform(convention)
    this.#padding = framePadding(convention)
    const bins = mel.frames * this.#transform.bins
    this.#magnitudes = new Float32Array(bins)
    this.#angles = new Float32Array(2 * bins)
    this.#previous = new Float32Array(2 * bins)
    this.#squares = windowSquares(convention, mel.frames)
    this.#samples = new Float64Array(this.#squares.length)
  }

  /** Starts from audio, which begins at the mel's first sample. */
  startFrom(audio: Float32Array): void {
    this.#fromAudio = true
    this.#magnitudes.fill(1)
    this.#samples.set(audio.subarray(0, this.#mel.frames * this.#hop), this.#padding)
  }

  /** Starts from the mel's magnitudes and random phases. */
  async startAtRandom(seed: number): Promise<void> {
    const { bins } = this.#transform
    const inverse = new MelInverse(this.#bands.convention)
    for (let frame = 0; frame < this.#mel.frames; frame++) {
      inverse.writeFrame(this.#mel, frame, this.#magnitudes, frame * bins)
      for (let i = frame * bins; i < (frame + 1) * bins; i++) {
        const phase = 2 * Math.PI * uniform(seed, 0, i)
        this.#angles[2 * i] = Math.cos(phase)
        this.#angles[2 * i + 1] = Math.sin(phase)
      }
      if (frame % INVERTED_PER_TURN === INVERTED_PER_TURN - 1) await this.#turn()
    }
    await this.synthesise()
  }

  /**
   * Makes the audio whose spectra are closest to the present magnitudes and phases (least squares over overlapping
   * frames).
   */
  async synthesise(): Promise<void> {
    const { bins } = this.#transform
    const spectrum = new Float64Array(2 * bins)
    this.#samples.fill(0)
    for (let frame = 0; frame < this.#mel.frames; frame++) {
      for (let bin = 0; bin < bins; bin++) {
        const at = frame * bins + bin
        const magnitude = this.#magnitudes[at]!
        spectrum[2 * bin] = magnitude * this.#angles[2 * at]!
        spectrum[2 * bin + 1] = magnitude * this.#angles[2 * at + 1]!
      }
      this.#transform.inverseAdd(spectrum, this.#samples, frame * this.#hop)
      if (frame % FRAMES_PER_TURN === FRAMES_PER_TURN - 1) await this.#turn()
    }
    for (let i = 0; i < this.#samples.length; i++) this.#samples[i]! /= Math.max(this.#squares[i]!, TINY)
  }

  /** Takes the phases of the audio's own spectra, extrapolated by the momentum. */
  async project(): Promise<void> {
    for (let frame = 0; frame < this.#mel.frames; frame++) {
      this.#projectFrame(frame)
      if (frame % FRAMES_PER_TURN === FRAMES_PER_TURN - 1) await this.#turn()
    }
  }

  /** Lets other work have its turn. @throws DiffWaveError `ABORTED` */
  async #turn(): Promise<void> {
    await nextTurn()
    throwIfAborted(this.#signal)
  }

  #projectFrame(frame: number): void {
    const { bins } = this.#transform
    const consistent = this.#transform.forward(this.#samples, frame * this.#hop)
    if (this.#fromAudio) {
      this.#bands.targets(this.#mel, frame, this.#targets, 0)
      this.#gains.magnitudes(consistent, this.#targets, 0, this.#magnitudes, frame * bins)
    }
    const [angles, previous, momentum] = [this.#angles, this.#previous, this.#momentum]
    for (let bin = 0; bin < bins; bin++) {
      const at = 2 * (frame * bins + bin)
      // No band covers this bin: it stays as it is in the audio.
      if (this.#fromAudio && this.#bands.columnSums[bin]! <= 0) {
        angles[at] = consistent[2 * bin]!
        angles[at + 1] = consistent[2 * bin + 1]!
        continue
      }
      const real = consistent[2 * bin]! + momentum * (consistent[2 * bin]! - previous[at]!)
      const imaginary = consistent[2 * bin + 1]! + momentum * (consistent[2 * bin + 1]! - previous[at + 1]!)
      previous[at] = consistent[2 * bin]!
      previous[at + 1] = consistent[2 * bin + 1]!
      const norm = Math.sqrt(real * real + imaginary * imaginary) + TINY
      angles[at] = real / norm
      angles[at + 1] = imaginary / norm
    }
  }

  /** The first `length` samples of the audio; zeros past its end. */
  audio(length: number): Float32Array {
    const result = new Float32Array(length)
    result.set(Float32Array.from(this.#samples.subarray(this.#padding, this.#padding + length)))
    return result
  }
}
