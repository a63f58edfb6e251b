/**
 * The waveform, with noise that has the envelope E of the network's windowed front end: white noise z becomes ε =
 * decode(E ⊙ encode(z)). This is SpecGrad's idea (Koizumi et al. 2022, section 3) in the front end's own transform. The
 * data are the waveform itself; nothing is whitened.
 *
 * A clip can start from harmonics: in voiced speech, pulses at the mel's pitch (src/audio/mel/pitch.ts) replace a share
 * h of the noise (excitation.ts). With voicing v,
 *
 *     x_T = decode(E ⊙ (√h ⊙ encode(pulses) + √(1 − v·h) ⊙ encode(noise)))      h = 1 − noise·r/(1 + r)
 *                                                                             r = (frequency/corner)⁴
 *
 * If `phase` is `minimum`, the phases of encode(pulses) are also rotated by those of the minimum-phase filter with
 * magnitudes E (src/model/front-end/minimum-phase.ts), as a vocal tract would.
 *
 * The reason: a mel shows where harmonics lie, but not their phases. From noise, a network with few steps makes voices
 * that sound breathy above 2 kHz, because the phases of its harmonics do not agree. From pulses they agree from the
 * start.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { MelPitch, pitchLag } from '../audio/mel/pitch.js'
import { RowQueue } from '../core/row-queue.js'
import type { HarmonicsConfig } from '../model/diffusion-config.js'
import { type EnvelopeStream, FrontEndEnvelope } from '../model/front-end/envelope.js'
import type { FrontEndKernels } from '../model/front-end/kernels.js'
import { coverage, WindowFilter, windowMargin } from '../model/front-end/windows.js'
import type { FrontEndConfig } from '../model/network.js'
import type { ClipPulses, DataDomain, NoiseOptions, NoiseShaper, StartOptions } from './data-domain.js'
import { Exciter, PULSE_HALF_WIDTH, pulseShares } from './excitation.js'
import { PitchContour } from './pitch-contour.js'
import { PulseAligner } from './pulse-alignment.js'
import { WaveformDomain } from './waveform.js'

/** A signal to filter, and its gains. */
interface Source {
  /** The first sample of the clip that is in `samples`. */
  readonly first: number
  readonly samples: Float32Array
  /** Returns the gains of positions, `[count × bins]`. */
  readonly gains: (from: number, count: number) => Float32Array
  /** Magnitudes whose minimum phase is added to the phases, `[count × bins]`. Default: phases stay as they are. */
  readonly magnitudes?: ((from: number, count: number) => Float32Array) | undefined
}

export class FrontEndPriorDomain extends WaveformDomain {
  override readonly melContext: number
  readonly pulsesOf?: DataDomain['pulsesOf']
  readonly #frontEnd: FrontEndConfig
  readonly #convention: MelConvention
  readonly #envelope: FrontEndEnvelope
  readonly #filter: WindowFilter
  readonly #harmonics: HarmonicsConfig | null
  /** Made when a clip first starts from pulses: its templates take time, and noise does not need them. */
  #pitch: MelPitch | null = null
  /** Made in training only. */
  #aligner: PulseAligner | null = null

  /**
   * @param frontEnd one with an envelope
   * @param harmonics null if voiced speech starts from noise, too
   * @param kernels faster code of an engine, with the same bytes. Default: none
   */
  constructor(
    frontEnd: FrontEndConfig,
    convention: MelConvention,
    harmonics: HarmonicsConfig | null,
    kernels?: FrontEndKernels,
  ) {
    super(1)
    this.#frontEnd = frontEnd
    this.#convention = convention
    this.#envelope = new FrontEndEnvelope(frontEnd, convention, kernels)
    this.#filter = new WindowFilter(frontEnd, kernels)
    this.#harmonics = harmonics
    // The last window over a sample starts half a kernel after it, and needs the frame after its middle.
    const reach = frontEnd.kernel + (harmonics === null ? 0 : PULSE_HALF_WIDTH)
    if (harmonics !== null) this.pulsesOf = mel => this.#pulsesOf(mel)
    this.melContext = Math.ceil(reach / convention.hop) + 1 + (harmonics === null ? 0 : pitchLag(harmonics.pitch))
  }

  override noise(mel: MelReaders, { length = Number.POSITIVE_INFINITY, times }: NoiseOptions = {}): NoiseShaper {
    const reader = mel.nextReader()
    const deviations = new Deviations(this.#envelope)
    const draws = times === undefined ? null : new OrderedDraws(times)
    return (white, start, count) => {
      for (const piece of reader.take()) deviations.push(piece.mel, piece.last)
      const positions = Math.min(deviations.positions, length / this.#frontEnd.stride)
      const { from, to } = this.#reach(start, count, positions)
      const source = { first: from, samples: white(from, to - from), gains: deviations.rows.bind(deviations) }
      const noise = this.#filtered([source], start, count, positions)
      if (draws !== null) deviations.forget(this.#firstPosition(draws.advance(start, count)))
      return noise
    }
  }

  override start(mel: MelReaders, options: StartOptions = {}): NoiseShaper {
    if (this.#harmonics === null) return super.start(mel, options)
    const pitch = this.#melPitch().stream()
    const reader = mel.nextReader()
    const deviations = new Deviations(this.#envelope)
    const exciter = new Exciter(this.#convention.hop, this.#convention.sampleRate)
    const shape = this.#fromPulses(this.#harmonics, deviations, exciter, options.length)
    return (white, start, count) => {
      for (const piece of reader.take()) {
        deviations.push(piece.mel, piece.last)
        exciter.push(pitch.push(piece.mel, piece.last), piece.last)
      }
      const made = shape(white, start, count)
      deviations.forget(this.#firstPosition(start + count))
      return made
    }
  }

  #pulsesOf(mel: Mel): ClipPulses {
    const { hop, sampleRate } = this.#convention
    const pitch = this.#melPitch().track(mel)
    const deviations = new Deviations(this.#envelope)
    deviations.push(mel, true)
    const exciter = (later?: Float64Array) => {
      const made = new Exciter(hop, sampleRate, later)
      made.push(pitch, true)
      return made
    }
    const aligned = (recording: Float32Array) => {
      const { length } = recording
      const { pulses } = exciter().advance(length, 0, length, (_, count) => new Float32Array(count))
      const contour = new PitchContour(hop)
      contour.push(pitch, true)
      return { recording, pulses, envelope: deviations.rows(0, length / this.#frontEnd.stride), contour }
    }
    const aligner = () => {
      this.#aligner ??= new PulseAligner(this.#frontEnd, sampleRate)
      return this.#aligner
    }
    return {
      align: recording => aligner().align(aligned(recording)),
      polarity: recording => aligner().polarity(aligned(recording)),
      start: (length, later) => this.#fromPulses(this.#harmonics!, deviations, exciter(later), length),
    }
  }

  /** What a clip starts from if its prior has harmonics. Envelope and pitch arrive in `deviations` and `exciter`. */
  #fromPulses(
    harmonics: HarmonicsConfig,
    deviations: Deviations,
    exciter: Exciter,
    length = Number.POSITIVE_INFINITY,
  ): NoiseShaper {
    const { bins, stride } = this.#frontEnd
    const shares = pulseShares(this.#frontEnd, this.#convention.sampleRate, harmonics)
    const pulseRoots = shares.map(Math.sqrt)
    const pulseGains = (from: number, count: number) => {
      const gains = deviations.rows(from, count).slice()
      for (let i = 0; i < gains.length; i++) gains[i]! *= pulseRoots[i % bins]!
      return gains
    }
    const magnitudes = harmonics.phase === 'minimum' ? deviations.rows.bind(deviations) : undefined
    const noiseGains = (from: number, count: number, voicing: (position: number) => number) => {
      const gains = deviations.rows(from, count).slice()
      for (let p = 0; p < count; p++) {
        const v = voicing(from + p)
        if (v === 0) continue
        for (let bin = 0; bin < bins; bin++) gains[p * bins + bin]! *= Math.sqrt(1 - v * shares[bin]!)
      }
      return gains
    }
    return (white, start, count) => {
      const positions = Math.min(deviations.positions, length / stride)
      const { from, to } = this.#reach(start, count, positions)
      const excitation = exciter.advance(to, from, Math.min(exciter.length, length), white)
      const voicing = (p: number) => excitation.voicing[p * stride + stride / 2 - excitation.first]!
      const sources: Source[] = [
        {
          first: excitation.first,
          samples: excitation.noise,
          gains: (from, count) => noiseGains(from, count, voicing),
        },
      ]
      // Filtering zeros would add nothing.
      if (excitation.pulses.some(x => x !== 0)) {
        sources.push({ first: excitation.first, samples: excitation.pulses, gains: pulseGains, magnitudes })
      }
      return this.#filtered(sources, start, count, positions)
    }
  }

  #melPitch(): MelPitch {
    this.#pitch ??= new MelPitch(this.#convention, this.#harmonics?.pitch)
    return this.#pitch
  }

  /**
   * What it takes to make samples start … start + count − 1: the input samples from … to − 1, and the gains of
   * positions from `first` on.
   *
   * @param positions number of positions of the clip; Infinity until it is known
   */
  #reach(start: number, count: number, positions: number) {
    const { kernel, stride } = this.#frontEnd
    const margin = windowMargin(this.#frontEnd)
    const first = this.#firstPosition(start)
    const last = Math.min(positions - 1, Math.floor((start + count - 1 + margin) / stride))
    const from = Math.max(0, first * stride - margin)
    return { first, last, from, to: Math.min(last * stride - margin + kernel, positions * stride) }
  }

  /** The first position whose window reaches a sample. */
  #firstPosition(sample: number): number {
    const { kernel, stride } = this.#frontEnd
    return Math.max(0, Math.ceil((sample + windowMargin(this.#frontEnd) - kernel + 1) / stride))
  }

  /** The sum of some sources, each filtered with its gains. @param sources with all samples that `#reach` names */
  #filtered(sources: readonly Source[], start: number, count: number, positions: number): Float32Array {
    const { kernel, stride } = this.#frontEnd
    const margin = windowMargin(this.#frontEnd)
    const { first, last, from, to } = this.#reach(start, count, positions)
    const begin = first * stride - margin
    const sums = new Float64Array((last - first) * stride + kernel)
    for (const source of sources) {
      // Zeros beyond the clip.
      const samples = new Float32Array(sums.length)
      samples.set(source.samples.subarray(from - source.first, to - source.first), from - begin)
      const all = last - first + 1
      this.#filter.addAll(samples, source.gains(first, all), sums, source.magnitudes?.(first, all))
    }
    const block = Math.floor(start / stride)
    const covered = coverage(this.#frontEnd, block, Math.ceil((start + count) / stride) - block, positions)
    const result = new Float32Array(count)
    for (let i = 0; i < count; i++) result[i] = sums[start - begin + i]! / covered[start - block * stride + i]!
    return result
  }
}

/** Keeps E of the positions that are still needed. */
class Deviations {
  readonly #stream: EnvelopeStream
  readonly #positions: RowQueue<Float32Array>
  #ended = false

  constructor(envelope: FrontEndEnvelope) {
    this.#positions = new RowQueue(Float32Array, envelope.bins)
    this.#stream = envelope.stream()
  }

  /** Number of positions of the clip; Infinity until the mel has ended. */
  get positions(): number {
    return this.#ended ? this.#positions.end : Number.POSITIVE_INFINITY
  }

  push(...[mel, last]: Parameters<EnvelopeStream['push']>): void {
    this.#positions.append(this.#stream.push(mel, last))
    this.#ended = last
  }

  /** E of positions, `[count × bins]`. */
  rows(position: number, count: number): Float32Array {
    return this.#positions.rows(position, position + count)
  }

  /** Positions before this one are not needed again. */
  forget(position: number): void {
    this.#positions.forget(position)
  }
}

/** Follows the draws of one clip, each of which takes its samples in order. */
class OrderedDraws {
  /** The next sample of each. */
  readonly #next: number[]

  constructor(count: number) {
    this.#next = new Array<number>(count).fill(0)
  }

  /**
   * Moves one draw forward. It is recognised by the sample it has reached. If two draws have reached the same sample,
   * it does not matter which one moves.
   *
   * @returns the first sample that some draw still needs
   */
  advance(start: number, count: number): number {
    const draw = this.#next.indexOf(start)
    if (draw < 0) throw new RangeError(`no draw stands at sample ${start}`)
    this.#next[draw] = start + count
    return Math.min(...this.#next)
  }
}
