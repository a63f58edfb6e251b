/**
 * The excitation that voiced speech starts from: pulses at the mel's pitch, and noise that swells with them. f0 and
 * voicing v come from the pitch contour (pitch-contour.ts). The phase is φ[n] = Σ_{i≤n} f0[i]/rate, and a pulse lies
 * where φ passes a whole number. A pulse is a sinc under a Hann window of 16 samples, times √(rate/f0), so that pulses
 * have power 1 except near half the sample rate. Noise z becomes
 *
 *     z[n]·√(1 − v + v·(1 + cos 2πφ[n])²/1.5)
 *
 * which keeps its power, too. Pulses are multiplied by √v. Mirrored by interop/pytorch (excitation.py).
 */
import { RowQueue } from '../core/row-queue.js'
import type { HarmonicsConfig } from '../model/diffusion-config.js'
import type { FrontEndConfig } from '../model/network.js'
import { PitchContour } from './pitch-contour.js'

/** Half of a pulse's length in samples. */
export const PULSE_HALF_WIDTH = 8
/** Mean of (1 + cos)². */
export const SWELL_POWER = 1.5

/** The signals that a clip starts from, all of the same length. */
export interface ExcitationSignals {
  readonly pulses: Float32Array
  readonly noise: Float32Array
  /** v, 0 … 1. */
  readonly voicing: Float32Array
}

/** Part of the excitation, from sample `first` on. */
export interface Excitation extends ExcitationSignals {
  readonly first: number
}

/** Makes the excitation of one clip, in order. */
export class Exciter {
  readonly #hop: number
  readonly #rate: number
  /** Delay of the pulses in periods, one number per sample of the clip; null for no delay. */
  readonly #later: Float64Array | null
  readonly #contour: PitchContour
  /** φ at the sample before, and the number of whole periods in φ minus the delay. */
  #phase = 0
  #passed = 0
  /** The next sample to make, and rows of the samples that are still needed. */
  #sample = 0
  /** Pulses. There is room for half a pulse beyond the last sample made. */
  readonly #pulses = new RowQueue<Float64Array>(Float64Array, 1)
  readonly #noise = new RowQueue<Float32Array>(Float32Array, 1)
  readonly #voicing = new RowQueue<Float32Array>(Float32Array, 1)

  /**
   * @param hop samples per frame
   * @param rate in Hz
   * @param later delay of the pulses in periods, one number per sample of the clip. Default: no delay
   */
  constructor(hop: number, rate: number, later?: Float64Array) {
    this.#hop = hop
    this.#rate = rate
    this.#later = later ?? null
    this.#passed = later === undefined ? 0 : Math.floor(-later[0]!)
    this.#contour = new PitchContour(hop)
    this.#pulses.append(new Float64Array(PULSE_HALF_WIDTH))
  }

  /** Appends f0 of frames in Hz, 0 where there is no pitch. @param last whether these are the last frames */
  push(pitch: Float64Array, last: boolean): void {
    this.#contour.push(pitch, last)
  }

  /** Samples of the clip; Infinity while its mel goes on. */
  get length(): number {
    return this.#contour.length
  }

  /**
   * Makes all samples before `end`, and drops those before `first`.
   *
   * @param end at most the clip's length. All frames up to `PULSE_HALF_WIDTH` samples later, and the next one, must
   * have arrived
   * @param length of the clip, if it is shorter than its mel
   * @param white returns the normal numbers of samples start … start + count − 1
   */
  advance(
    end: number,
    first: number,
    length: number,
    white: (start: number, count: number) => Float32Array,
  ): Excitation {
    for (const queue of [this.#pulses, this.#noise, this.#voicing]) queue.forget(Math.min(first, this.#sample))
    // A pulse also adds to the samples before it.
    const made = Math.min(length, end + PULSE_HALF_WIDTH)
    if (made > this.#sample) this.#make(made, white(this.#sample, made - this.#sample))
    const from = this.#noise.first
    const stop = Math.max(from, end)
    const voicing = this.#voicing.rows(from, stop)
    const unweighted = this.#pulses.rows(from, stop)
    const pulses = new Float32Array(voicing.length)
    for (let i = 0; i < pulses.length; i++) pulses[i] = unweighted[i]! * Math.sqrt(voicing[i]!)
    return { first: from, pulses, noise: this.#noise.rows(from, stop), voicing }
  }

  #make(end: number, white: Float32Array): void {
    const made = this.#sample
    const more = end - made
    this.#pulses.append(new Float64Array(more))
    const { first } = this.#pulses
    const pulses = this.#pulses.rows(first, this.#pulses.end)
    const noise = new Float32Array(more)
    const voicing = new Float32Array(more)
    for (let i = 0; i < more; ) {
      const frame = this.#contour.frameOf(made + i)
      const stop = Math.min(more, (frame.number + 1) * this.#hop - made)
      for (; i < stop; i++) {
        const share = (made + i) / this.#hop - frame.number
        const f0 = frame.pitch(share)
        const v = frame.voicing(share)
        this.#phase += f0 / this.#rate
        const phase = this.#phase - (this.#later?.[made + i] ?? 0)
        const whole = Math.floor(phase)
        if (whole > this.#passed) {
          const period = this.#rate / f0
          addPulse(pulses, first, made + i - (phase - whole) * period, period)
        }
        this.#passed = whole
        noise[i] = v === 0 ? white[i]! : white[i]! * swellAt(phase, v)
        voicing[i] = v
      }
    }
    this.#noise.append(noise)
    this.#voicing.append(voicing)
    this.#sample = end
  }
}

/** The factor of the noise at a phase of the pulses, with voicing v. */
function swellAt(phase: number, v: number): number {
  const swell = 1 + Math.cos(2 * Math.PI * phase)
  return Math.sqrt(1 - v + (v * swell * swell) / SWELL_POWER)
}

/**
 * Adds a pulse at a fractional sample position.
 *
 * @param first sample of the clip at which `samples` begins
 * @param place in the clip, not in `samples`: rounding would then depend on how the clip is cut into pieces
 * @param period in samples
 */
function addPulse(samples: Float64Array, first: number, place: number, period: number): void {
  const from = Math.floor(place) + 1 - PULSE_HALF_WIDTH
  const to = Math.min(first + samples.length, from + 2 * PULSE_HALF_WIDTH)
  for (let i = Math.max(first, from); i < to; i++) {
    const d = i - place
    const sinc = d === 0 ? 1 : Math.sin(Math.PI * d) / (Math.PI * d)
    samples[i - first]! += Math.sqrt(period) * sinc * (0.5 + 0.5 * Math.cos((Math.PI * d) / PULSE_HALF_WIDTH))
  }
}

/**
 * Share of the pulses in the power of voiced speech, per bin of a front end, `[bins]`: 1 far below `corner`, 1 −
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
