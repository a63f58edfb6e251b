/**
 * The waveform, its noise coloured by the envelope of the network's windowed front end: white noise z becomes ε =
 * decode(E ⊙ encode(z)), SpecGrad's idea (Koizumi et al. 2022, section 3) in the front end's own transform. The data
 * are audio as it is; nothing is whitened.
 */
import type { MelConvention } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { type EnvelopeStream, FrontEndEnvelope } from '../model/front-end/envelope.js'
import { coverage, WindowFilter, windowMargin } from '../model/front-end/windows.js'
import type { FrontEndConfig } from '../model/network.js'
import type { NoiseOptions, NoiseShaper, WhiteNoise } from './data-domain.js'
import { WaveformDomain } from './waveform.js'

export class FrontEndPriorDomain extends WaveformDomain {
  override readonly melContext: number
  readonly #frontEnd: FrontEndConfig
  readonly #envelope: FrontEndEnvelope
  readonly #filter: WindowFilter

  /** @param frontEnd one with an envelope */
  constructor(frontEnd: FrontEndConfig, convention: MelConvention) {
    super(1)
    this.#frontEnd = frontEnd
    this.#envelope = new FrontEndEnvelope(frontEnd, convention)
    this.#filter = new WindowFilter(frontEnd)
    // The last window over a sample starts half a kernel after it, and needs the frame after its middle.
    this.melContext = Math.ceil(frontEnd.kernel / convention.hop) + 1
  }

  override noise(mel: MelReaders, { length = Number.POSITIVE_INFINITY, once = false }: NoiseOptions = {}): NoiseShaper {
    const reader = mel.firstReader()
    const deviations = new Deviations(this.#envelope, once)
    return (white, start, count) => {
      for (const piece of reader.take()) deviations.push(piece.mel, piece.last)
      const positions = Math.min(deviations.positions, length / this.#frontEnd.stride)
      return this.#shaped(white, start, count, deviations, positions)
    }
  }

  /** Noise of samples start … start + count − 1. @param positions of the clip; Infinity while it goes on */
  #shaped(white: WhiteNoise, start: number, count: number, deviations: Deviations, positions: number): Float32Array {
    const { kernel, stride } = this.#frontEnd
    const margin = windowMargin(this.#frontEnd)
    // The windows that reach these samples.
    const first = Math.max(0, Math.ceil((start + margin - kernel + 1) / stride))
    const last = Math.min(positions - 1, Math.floor((start + count - 1 + margin) / stride))
    const from = first * stride - margin
    const samples = new Float32Array((last - first) * stride + kernel)
    const to = Math.min(from + samples.length, positions * stride)
    samples.set(white(Math.max(0, from), to - Math.max(0, from)), Math.max(0, -from))
    const sums = new Float64Array(samples.length)
    for (let p = first; p <= last; p++) {
      const at = (p - first) * stride
      this.#filter.add(samples, at, deviations.of(p), 0, sums, at)
    }
    deviations.forget(first)
    const block = Math.floor(start / stride)
    const covered = coverage(this.#frontEnd, block, Math.ceil((start + count) / stride) - block, positions)
    return Float32Array.from(
      { length: count },
      (_, i) => sums[start + i - from]! / covered[start - block * stride + i]!,
    )
  }
}

/** E of the positions that are still needed. */
class Deviations {
  readonly #bins: number
  readonly #stream: EnvelopeStream
  readonly #once: boolean
  /** Pieces of E, `[positions × bins]` each, from position `#first` on. */
  #values: Float32Array<ArrayBufferLike> = new Float32Array(0)
  #first = 0
  #ended = false

  /** @param once whether positions are read only once, in order: then those behind are dropped */
  constructor(envelope: FrontEndEnvelope, once: boolean) {
    this.#bins = envelope.bins
    this.#stream = envelope.stream()
    this.#once = once
  }

  /** Positions of the clip; Infinity while its mel goes on. */
  get positions(): number {
    return this.#ended ? this.#first + this.#values.length / this.#bins : Number.POSITIVE_INFINITY
  }

  push(...[mel, last]: Parameters<EnvelopeStream['push']>): void {
    const more = this.#stream.push(mel, last)
    const all = new Float32Array(this.#values.length + more.length)
    all.set(this.#values)
    all.set(more, this.#values.length)
    this.#values = all
    this.#ended = last
  }

  of(position: number): Float32Array {
    const at = (position - this.#first) * this.#bins
    return this.#values.subarray(at, at + this.#bins)
  }

  /** Positions before this one are not needed again. */
  forget(position: number): void {
    if (!this.#once || position <= this.#first) return
    this.#values = this.#values.slice((position - this.#first) * this.#bins)
    this.#first = position
  }
}
