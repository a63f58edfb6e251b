/**
 * Finds where the pulses of a recording are. A vocoder that is trained from pulses in other places can only learn the
 * average over the phases of speech. From pulses in the recording's places it learns which phases belong to a pulse,
 * and in synthesis it makes these phases from pulses anywhere.
 *
 * For each position of the windowed front end, with spectra X of the recording and P of pulses at the mel's pitch:
 *
 * 1. X is whitened: divided by the mel's envelope E, by the phases of the minimum-phase filter of E (what a vocal tract
 *    does to a pulse), and by its own root mean square.
 * 2. Its correlation with P is read at shifts of −1/2 … 1/2 of a period. Only 0.3 to 4 kHz count.
 * 3. Viterbi's algorithm finds the path through the shifts with the highest sum of correlations minus the costs of
 *    changes. Unvoiced positions have almost no weight. Shifts are cyclic: half a period later is half a period
 *    earlier.
 * 4. A parabola through the path's shift and its two neighbours gives the peak between them.
 *
 * Mirrored by interop/pytorch (alignment.py).
 */
import FFT from 'fft.js'
import { MinimumPhase } from '../model/front-end/minimum-phase.js'
import { windowMargin, windowOf, windowUnit } from '../model/front-end/windows.js'
import type { FrontEndConfig } from '../model/network.js'
import type { PitchContour } from './pitch-contour.js'

/** Number of shifts per period to compare. */
const SHIFTS = 64
/** Max number of shifts that a path may move from one position to the next. The cost is COST × (change in periods)². */
const REACH = 8
const COST = 80
/**
 * Range of frequencies that count, in Hz. The phases of lower harmonics depend on the microphone; higher ones are noisy
 * and known too imprecisely.
 */
const LOWEST = 300
export const HIGHEST_ALIGNED = 4000
/** Weight of an unvoiced position. */
const UNVOICED_SHARE = 0.05
/** A position counts as voiced if its voicing is above this. */
const VOICED = 0.99
const FLOOR = 1e-6

/** A recording, and pulses at its pitch. */
export interface AlignedClip {
  /** As long as `pulses`, a whole number of positions. */
  readonly recording: Float32Array
  /** Pulses at the mel's pitch, with any delay. */
  readonly pulses: Float32Array
  /** The mel's envelope E, `[positions × bins]`. */
  readonly envelope: Float32Array
  /** f0 in Hz and voicing, 0 … 1. */
  readonly contour: PitchContour
}

/** The delay between given pulses and a recording's own. */
export interface Alignment {
  /** Delay of the recording's pulses behind the given ones, in periods, `[samples]`. */
  readonly later: Float64Array
  /** 1 for each voiced position, else 0, `[positions]`. */
  readonly voiced: Uint8Array
  /**
   * Mean correlation over the voiced positions, about −1 … 1; 0 if there are none. The inverted recording has another
   * value.
   */
  readonly agreement: number
}

/** `Alignment.agreement` of a recording and of its inversion. */
export interface Polarity {
  readonly recorded: number
  readonly inverted: number
}

/** Weighted correlations of each position, `[SHIFTS]`, and which positions are voiced. */
interface Scores {
  readonly scores: readonly Float64Array[]
  readonly voiced: Uint8Array
}

/** Aligns pulses with recordings, for one front end and sample rate. */
export class PulseAligner {
  readonly #frontEnd: FrontEndConfig
  readonly #rate: number
  readonly #window: Float64Array
  readonly #unit: number
  readonly #fft: FFT
  /** Transform of twice the window's length, so that linear interpolation between its samples is accurate enough. */
  readonly #long: FFT
  readonly #phase: MinimumPhase
  readonly #first: number
  readonly #end: number
  /** Buffers of one position. Outside the bins that count, the product stays 0. */
  readonly #windowed: number[]
  readonly #recording: number[]
  readonly #pulses: number[]
  readonly #product: number[]
  readonly #correlation: number[]

  /** @param frontEnd of a prior: its kernel is a power of two @param rate in Hz */
  constructor(frontEnd: FrontEndConfig, rate: number) {
    const { kernel, bins } = frontEnd
    this.#frontEnd = frontEnd
    this.#rate = rate
    this.#window = windowOf(frontEnd)
    this.#unit = windowUnit(frontEnd)
    this.#fft = new FFT(kernel)
    this.#long = new FFT(2 * kernel)
    this.#phase = new MinimumPhase(frontEnd)
    const within = (hertz: number) => (hertz * kernel) / rate
    this.#first = Math.floor(within(LOWEST)) + 1
    this.#end = Math.min(bins, Math.ceil(within(HIGHEST_ALIGNED)))
    this.#windowed = new Array<number>(kernel).fill(0)
    this.#recording = this.#fft.createComplexArray()
    this.#pulses = this.#fft.createComplexArray()
    this.#product = this.#long.createComplexArray().fill(0)
    this.#correlation = this.#long.createComplexArray()
  }

  /** @param clip whose contour has not been read yet */
  align(clip: AlignedClip): Alignment {
    const { scores, voiced } = this.#scores(clip)
    const path = bestPath(scores)
    const shifts = Float64Array.from(path, (state, p) => peakOf(scores[p]!, state))
    unwrap(shifts)
    return { later: perSample(shifts, this.#frontEnd.stride), voiced, agreement: meanScore(path, scores, voiced) }
  }

  /** @param clip whose contour has not been read yet */
  polarity(clip: AlignedClip): Polarity {
    const { scores, voiced } = this.#scores(clip)
    // An inverted recording has the same correlations, inverted.
    const inverted = scores.map(own => own.map(score => -score))
    return {
      recorded: meanScore(bestPath(scores), scores, voiced),
      inverted: meanScore(bestPath(inverted), inverted, voiced),
    }
  }

  #scores(clip: AlignedClip): Scores {
    const { stride } = this.#frontEnd
    const positions = clip.recording.length / stride
    const voiced = new Uint8Array(positions)
    const scores: Float64Array[] = []
    for (let p = 0; p < positions; p++) {
      const middle = p * stride + stride / 2
      const frame = clip.contour.frameOf(middle)
      const share = middle / clip.contour.hop - frame.number
      voiced[p] = frame.voicing(share) > VOICED ? 1 : 0
      const own = this.#correlations(clip, p, frame.pitch(share))
      if (!voiced[p]) for (let i = 0; i < SHIFTS; i++) own[i]! *= UNVOICED_SHARE
      scores.push(own)
    }
    return { scores, voiced }
  }

  /** Correlation of whitened recording and pulses at each shift of a period, `[SHIFTS]`. */
  #correlations({ recording, pulses, envelope }: AlignedClip, position: number, f0: number): Float64Array {
    const { bins, kernel } = this.#frontEnd
    const own = envelope.subarray(position * bins, (position + 1) * bins)
    const x = this.#spectrum(recording, position, this.#recording)
    const p = this.#spectrum(pulses, position, this.#pulses)
    const phases = this.#phase.angles(own)
    const count = this.#end - this.#first
    const product = this.#product
    let power = 0
    for (let bin = this.#first; bin < this.#end; bin++) {
      const re = x[2 * bin]! / own[bin]!
      const im = x[2 * bin + 1]! / own[bin]!
      const cos = Math.cos(phases[bin]!)
      const sin = Math.sin(phases[bin]!)
      const a = re * cos + im * sin
      const b = im * cos - re * sin
      power += a * a + b * b
      product[2 * bin] = a * p[2 * bin]! + b * p[2 * bin + 1]!
      product[2 * bin + 1] = b * p[2 * bin]! - a * p[2 * bin + 1]!
    }
    const unit = this.#unit
    const scale = (kernel * 2) / (Math.max(Math.sqrt(power / count) / unit, FLOOR) * count * unit * unit)
    // The inverse transform divides by its length; the real part of one side of the spectrum is the correlation.
    const correlation = this.#correlation
    this.#long.inverseTransform(correlation, product)
    const size = 2 * kernel
    const scores = new Float64Array(SHIFTS)
    for (let i = 0; i < SHIFTS; i++) {
      const at = (((i - SHIFTS / 2) / SHIFTS) * 2 * this.#rate) / f0
      const below = Math.floor(at)
      const low = correlation[2 * modulo(below, size)]!
      scores[i] = scale * (low + (correlation[2 * modulo(below + 1, size)]! - low) * (at - below))
    }
    return scores
  }

  /** Spectrum of the window of a position, not scaled: complex, interleaved, in `spectrum`. */
  #spectrum(samples: Float32Array, position: number, spectrum: number[]): number[] {
    const from = position * this.#frontEnd.stride - windowMargin(this.#frontEnd)
    const window = this.#window
    const windowed = this.#windowed
    // Zeros beyond the clip.
    for (let n = 0; n < windowed.length; n++) {
      const at = from + n
      windowed[n] = at >= 0 && at < samples.length ? window[n]! * samples[at]! : 0
    }
    this.#fft.realTransform(spectrum, windowed)
    return spectrum
  }
}

/** COST × (change in periods)² of each move, −REACH … REACH. */
const moveCosts = Float64Array.from({ length: 2 * REACH + 1 }, (_, i) => COST * ((i - REACH) / SHIFTS) ** 2)

/** Viterbi's path through the shifts of each position. Exported for its test. */
export function bestPath(scores: readonly Float64Array[]): Int32Array {
  // Shifts are a circle: REACH of them are repeated at either end.
  const best = new Float64Array(SHIFTS + 2 * REACH)
  const close = () => {
    best.copyWithin(0, SHIFTS, SHIFTS + REACH)
    best.copyWithin(SHIFTS + REACH, REACH, 2 * REACH)
  }
  best.set(scores[0]!, REACH)
  close()
  const next = new Float64Array(SHIFTS)
  const back: Int8Array[] = [new Int8Array(SHIFTS)]
  for (const own of scores.slice(1)) {
    const moves = new Int8Array(SHIFTS)
    for (let state = 0; state < SHIFTS; state++) {
      let max = Number.NEGATIVE_INFINITY
      let chosen = 0
      for (let i = 0; i <= 2 * REACH; i++) {
        // From state − move, move being i − REACH.
        const reached = best[state + 2 * REACH - i]! - moveCosts[i]!
        if (reached > max) {
          max = reached
          chosen = i - REACH
        }
      }
      next[state] = own[state]! + max
      moves[state] = chosen
    }
    best.set(next, REACH)
    close()
    back.push(moves)
  }
  const path = new Int32Array(scores.length)
  const last = best.subarray(REACH, REACH + SHIFTS)
  let state = last.indexOf(Math.max(...last))
  for (let p = path.length - 1; p >= 0; p--) {
    path[p] = state
    state = modulo(state - back[p]![state]!, SHIFTS)
  }
  return path
}

/** Mean score of a path's voiced positions; 0 without voice. */
function meanScore(path: Int32Array, scores: readonly Float64Array[], voiced: Uint8Array): number {
  const count = voiced.reduce((sum, isVoiced) => sum + isVoiced, 0)
  const sum = path.reduce((total, state, p) => total + voiced[p]! * scores[p]![state]!, 0)
  return count === 0 ? 0 : sum / count
}

/** The peak of a parabola through a shift and its neighbours, in periods. */
function peakOf(scores: Float64Array, state: number): number {
  const [left, middle, right] = [-1, 0, 1].map(d => scores[modulo(state + d, SHIFTS)]!) as [number, number, number]
  const bend = left - 2 * middle + right
  const isPeak = bend < 0 && middle >= left && middle >= right
  return (state + (isPeak ? (left - right) / bend / 2 : 0) - SHIFTS / 2) / SHIFTS
}

/** Adds whole periods, in place, so that no shift is more than half a period from the one before. */
function unwrap(shifts: Float64Array): void {
  for (let p = 1; p < shifts.length; p++) shifts[p]! -= Math.round(shifts[p]! - shifts[p - 1]!)
}

/** Values at the middles of positions → per sample, linear between, held at the ends. */
function perSample(values: Float64Array, stride: number): Float64Array {
  const result = new Float64Array(values.length * stride)
  for (let n = 0; n < result.length; n++) {
    const place = Math.min(Math.max(0, (n - stride / 2) / stride), values.length - 1)
    const below = Math.floor(place)
    const low = values[below]!
    result[n] = low + ((values[below + 1] ?? low) - low) * (place - below)
  }
  return result
}

function modulo(value: number, size: number): number {
  return ((value % size) + size) % size
}
