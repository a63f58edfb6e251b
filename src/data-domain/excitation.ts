/**
 * What voiced speech starts from: pulses at the mel's pitch, and noise that swells with them. f0 and voicing v, 0 or 1
 * in each frame, change linearly from frame to frame, f0 in its logarithm. With φ[n] = Σ_{i≤n} f0[i]/rate, one pulse
 * stands where φ passes a whole number, a sinc under a Hann window of 16 samples times √(rate/f0): power 1, less what
 * the window takes away near half the rate. Noise z becomes
 *
 *     z[n]·√(1 − v + v·(1 + cos 2πφ[n])²/1.5)
 *
 * so that it keeps its power too. Pulses are multiplied by √v. Mirrored by interop/pytorch (excitation.py).
 */

import type { HarmonicsConfig } from '../model/diffusion-config.js'
import type { FrontEndConfig } from '../model/network.js'

/** Half of a pulse's length in samples. */
export const PULSE_HALF_WIDTH = 8
/** Hz until a pitch is found. */
export const FIRST_PITCH = 100
/** Mean of (1 + cos)². */
export const SWELL_POWER = 1.5

/** Signals that a clip starts from, of one length. */
export interface ExcitationSignals {
  readonly pulses: Float32Array
  readonly noise: Float32Array
  /** v, 0 … 1. */
  readonly voicing: Float32Array
}

/** A stretch of the excitation, from sample `first` on. */
export interface Excitation extends ExcitationSignals {
  readonly first: number
  /** f0 in Hz, also where v is 0. */
  readonly pitch: Float64Array
}

/** The excitation of one clip, made in order. */
export class Exciter {
  readonly #hop: number
  readonly #rate: number
  /** How much later pulses come, in periods, per sample of the clip; null: not at all. */
  readonly #later: Float64Array | null
  /** f0 of frames from `#firstFrame` on, 0 without pitch, and the frame of the next sample. */
  #pitch: Float64Array<ArrayBufferLike> = new Float64Array(0)
  #firstFrame = 0
  #frame = 0
  #ended = false
  /** φ, and the whole periods of φ less the delay, of the sample before. */
  #phase = 0
  #passed = 0
  /** ln f0 of the last frame that had a pitch. */
  #held = Math.log(FIRST_PITCH)
  /** The next sample, and those that are still needed, from `#first` on. */
  #sample = 0
  #first = 0
  #pulses: Float64Array<ArrayBufferLike> = new Float64Array(0)
  #noise: Float32Array<ArrayBufferLike> = new Float32Array(0)
  #voicing: Float32Array<ArrayBufferLike> = new Float32Array(0)
  #hertz: Float64Array<ArrayBufferLike> = new Float64Array(0)

  /**
   * @param hop samples per frame
   * @param rate in Hz
   * @param later how much later pulses come, in periods, per sample of the clip. Default: not at all
   */
  constructor(hop: number, rate: number, later?: Float64Array) {
    this.#hop = hop
    this.#rate = rate
    this.#later = later ?? null
    this.#passed = later === undefined ? 0 : Math.floor(-later[0]!)
  }

  /** Appends f0 of frames in Hz, 0 without pitch. @param last no more follow */
  push(pitch: Float64Array, last: boolean): void {
    const kept = this.#pitch.subarray(this.#frame - this.#firstFrame)
    this.#pitch = new Float64Array(kept.length + pitch.length)
    this.#pitch.set(kept)
    this.#pitch.set(pitch, kept.length)
    this.#firstFrame = this.#frame
    this.#ended = last
  }

  /** Samples of the clip; Infinity while its mel goes on. */
  get length(): number {
    return this.#ended ? (this.#firstFrame + this.#pitch.length) * this.#hop : Number.POSITIVE_INFINITY
  }

  /**
   * Makes all samples before `end`, and forgets those before `first`.
   *
   * @param end at most the clip's length; all frames up to `PULSE_HALF_WIDTH` samples later and the next must be there
   * @param length of the clip, if it is shorter than its mel
   * @param white normal numbers of samples start … start + count − 1
   */
  until(end: number, first: number, length: number, white: (start: number, count: number) => Float32Array): Excitation {
    this.#forget(first)
    // A pulse reaches samples before it.
    const made = Math.min(length, end + PULSE_HALF_WIDTH)
    if (made > this.#sample) this.#make(made, white(this.#sample, made - this.#sample))
    const count = Math.max(0, end - this.#first)
    const voicing = this.#voicing.slice(0, count)
    const pulses = new Float32Array(count)
    for (let i = 0; i < voicing.length; i++) pulses[i] = this.#pulses[i]! * Math.sqrt(voicing[i]!)
    return {
      first: this.#first,
      pulses,
      noise: this.#noise.slice(0, count),
      voicing,
      pitch: this.#hertz.slice(0, count),
    }
  }

  #forget(first: number): void {
    const drop = Math.min(first, this.#sample) - this.#first
    if (drop <= 0) return
    this.#pulses = this.#pulses.slice(drop)
    this.#noise = this.#noise.slice(drop)
    this.#voicing = this.#voicing.slice(drop)
    this.#hertz = this.#hertz.slice(drop)
    this.#first += drop
  }

  #make(end: number, white: Float32Array): void {
    const kept = this.#sample - this.#first
    const more = end - this.#sample
    // The last pulse reaches beyond the last sample.
    const pulses = new Float64Array(kept + more + PULSE_HALF_WIDTH)
    pulses.set(this.#pulses)
    const noise = new Float32Array(kept + more)
    noise.set(this.#noise)
    const voicing = new Float32Array(kept + more)
    voicing.set(this.#voicing)
    const hertz = new Float64Array(kept + more)
    hertz.set(this.#hertz)
    for (let i = 0; i < more; ) {
      const frame = this.#frameAt(this.#sample + i)
      const stop = Math.min(more, (frame.number + 1) * this.#hop - this.#sample)
      for (; i < stop; i++) {
        const share = (this.#sample + i) / this.#hop - frame.number
        const f0 = frame.steady ?? Math.exp(frame.start + (frame.end - frame.start) * share)
        const v = frame.from + (frame.to - frame.from) * share
        this.#phase += f0 / this.#rate
        const phase = this.#phase - (this.#later?.[this.#sample + i] ?? 0)
        const whole = Math.floor(phase)
        if (whole > this.#passed) {
          const period = this.#rate / f0
          addPulse(pulses, kept + i - (phase - whole) * period, period)
        }
        this.#passed = whole
        noise[kept + i] = v === 0 ? white[i]! : white[i]! * swellAt(phase, v)
        voicing[kept + i] = v
        hertz[kept + i] = f0
      }
    }
    this.#pulses = pulses
    this.#noise = noise
    this.#voicing = voicing
    this.#hertz = hertz
    this.#sample = end
  }

  /** The frame of a sample: pitch and voicing at its start and at that of the next. */
  #frameAt(sample: number): ExcitedFrame {
    const frame = Math.floor(sample / this.#hop)
    const at = frame - this.#firstFrame
    if (frame > this.#frame) {
      const past = this.#pitch[at - 1]!
      if (past > 0) this.#held = Math.log(past)
      this.#frame = frame
    }
    const here = this.#pitch[at]!
    const next = this.#pitch[at + 1] ?? here
    const start = here > 0 ? Math.log(here) : next > 0 ? Math.log(next) : this.#held
    const end = next > 0 ? Math.log(next) : start
    const steady = start === end ? Math.exp(start) : null
    return { number: frame, start, end, steady, from: here > 0 ? 1 : 0, to: next > 0 ? 1 : 0 }
  }
}

interface ExcitedFrame {
  readonly number: number
  /** ln f0 at its start and at its end. */
  readonly start: number
  readonly end: number
  /** f0 in Hz if it does not change. */
  readonly steady: number | null
  /** Voicing at its start and at its end. */
  readonly from: number
  readonly to: number
}

/** What multiplies noise at a phase of the pulses, with voicing v. */
function swellAt(phase: number, v: number): number {
  const swell = 1 + Math.cos(2 * Math.PI * phase)
  return Math.sqrt(1 - v + (v * swell * swell) / SWELL_POWER)
}

/** Adds a pulse at a place between samples. @param period in samples */
function addPulse(samples: Float64Array, place: number, period: number): void {
  const from = Math.floor(place) + 1 - PULSE_HALF_WIDTH
  const to = Math.min(samples.length, from + 2 * PULSE_HALF_WIDTH)
  for (let i = Math.max(0, from); i < to; i++) {
    const d = i - place
    const sinc = d === 0 ? 1 : Math.sin(Math.PI * d) / (Math.PI * d)
    samples[i]! += Math.sqrt(period) * sinc * (0.5 + 0.5 * Math.cos((Math.PI * d) / PULSE_HALF_WIDTH))
  }
}

/**
 * Share of the power of voiced speech that pulses have per bin of a front end, `[bins]`: 1 far below `corner`, 1 −
 * `noise` far above.
 *
 * @param rate in Hz
 */
export function pulseShares(
  { kernel, bins }: Pick<FrontEndConfig, 'kernel' | 'bins'>,
  rate: number,
  { corner, noise }: HarmonicsConfig,
): Float64Array {
  return Float64Array.from({ length: bins }, (_, bin) => {
    const ratio = ((bin * rate) / kernel / corner) ** 4
    return 1 - (noise * ratio) / (1 + ratio)
  })
}
