/**
 * Where a recording's own pulses stand. A vocoder that is trained from pulses elsewhere can only average over the
 * phases of speech; from pulses in their places it learns them, and in synthesis makes them of pulses anywhere.
 *
 * Of each position of the windowed front end, with spectra X of the recording and P of pulses at the mel's pitch:
 *
 * 1. X is whitened: divided by the mel's envelope E, by the phases of the minimum-phase filter of E (what a vocal tract
 *    does to a pulse), and by its own root mean square.
 * 2. Its correlation with P is read at shifts of −1/2 … 1/2 of a period. Only 0.3 to 4 kHz count.
 * 3. Viterbi's algorithm finds the path through the shifts with the highest sum of correlations minus the costs of
 *    changes. Positions without voice hardly count. Shifts are a circle: half a period later is half a period earlier.
 * 4. A parabola through a path's shift and its neighbours finds the peak between them.
 *
 * Mirrored by interop/pytorch (alignment.py).
 */
import FFT from 'fft.js'
import { MinimumPhase } from '../model/front-end/minimum-phase.js'
import { windowMargin, windowOf, windowUnit } from '../model/front-end/windows.js'
import type { FrontEndConfig } from '../model/network.js'
import type { PitchContour } from './pitch-contour.js'

/** Shifts per period that are compared. */
const SHIFTS = 64
/** How many shifts a path may move from one position to the next, and COST × (change in periods)², what that costs. */
const REACH = 8
const COST = 80
/** Hz. The phase of the lowest harmonics depends on the microphone; above are noise and too little precision. */
const LOWEST = 300
export const HIGHEST_ALIGNED = 4000
/** How much a position without voice counts. */
const UNVOICED_SHARE = 0.05
/** Positions with voice have more voicing than this. */
const VOICED = 0.99
const FLOOR = 1e-6

/** A clip and pulses at its pitch. */
export interface AlignedClip {
  /** As long as `pulses`: a whole number of positions. */
  readonly recording: Float32Array
  /** Pulses at the mel's pitch, anywhere. */
  readonly pulses: Float32Array
  /** The mel's envelope E, `[positions × bins]`. */
  readonly envelope: Float32Array
  /** f0 in Hz and voicing, 0 … 1. */
  readonly contour: PitchContour
}

/** How well a recording's pulses fit. */
export interface Alignment {
  /** How much later than the given pulses the recording's own come, in periods, `[samples]`. */
  readonly later: Float64Array
  /** Positions with voice, `[positions]`, 1 or 0. */
  readonly voiced: Uint8Array
  /** Mean correlation of voiced positions, about −1 … 1; 0 without voice. That of the inverted recording differs. */
  readonly agreement: number
}

/** Aligns pulses with recordings, for one front end and sample rate. */
export class PulseAligner {
  readonly #frontEnd: FrontEndConfig
  readonly #rate: number
  readonly #window: Float64Array
  readonly #unit: number
  readonly #fft: FFT
  /** Twice as many samples as a window has: linear interpolation between them will do. */
  readonly #long: FFT
  readonly #phase: MinimumPhase
  readonly #first: number
  readonly #end: number

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
  }

  /** @param clip its contour has not been read yet */
  align(clip: AlignedClip): Alignment {
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
      scores.push(voiced[p] ? own : own.map(score => score * UNVOICED_SHARE))
    }
    const path = bestPath(scores)
    const shifts = Float64Array.from(path, (state, p) => peakOf(scores[p]!, state))
    unwrap(shifts)
    const count = voiced.reduce((sum, isVoiced) => sum + isVoiced, 0)
    const sum = path.reduce((total, state, p) => total + voiced[p]! * scores[p]![state]!, 0)
    return { later: perSample(shifts, stride), voiced, agreement: count === 0 ? 0 : sum / count }
  }

  /** Correlation of whitened recording and pulses at each shift of a period, `[SHIFTS]`. */
  #correlations({ recording, pulses, envelope }: AlignedClip, position: number, f0: number): Float64Array {
    const { bins, kernel } = this.#frontEnd
    const own = envelope.subarray(position * bins, (position + 1) * bins)
    const [x, p] = [this.#spectrum(recording, position), this.#spectrum(pulses, position)]
    const phases = this.#phase.of(own)
    const count = this.#end - this.#first
    const product = this.#long.createComplexArray().fill(0)
    let power = 0
    for (let bin = this.#first; bin < this.#end; bin++) {
      const [re, im] = [x[2 * bin]! / own[bin]!, x[2 * bin + 1]! / own[bin]!]
      const [cos, sin] = [Math.cos(phases[bin]!), Math.sin(phases[bin]!)]
      const [a, b] = [re * cos + im * sin, im * cos - re * sin]
      power += a * a + b * b
      product[2 * bin] = a * p[2 * bin]! + b * p[2 * bin + 1]!
      product[2 * bin + 1] = b * p[2 * bin]! - a * p[2 * bin + 1]!
    }
    const unit = this.#unit
    const scale = (kernel * 2) / (Math.max(Math.sqrt(power / count) / unit, FLOOR) * count * unit * unit)
    // The inverse transform divides by its length; the real part of one side of the spectrum is the correlation.
    const correlation = this.#long.createComplexArray()
    this.#long.inverseTransform(correlation, product)
    const size = 2 * kernel
    return Float64Array.from({ length: SHIFTS }, (_, i) => {
      const at = (((i - SHIFTS / 2) / SHIFTS) * 2 * this.#rate) / f0
      const below = Math.floor(at)
      const low = correlation[2 * modulo(below, size)]!
      return scale * (low + (correlation[2 * modulo(below + 1, size)]! - low) * (at - below))
    })
  }

  /** Spectrum of the window of a position, not scaled: complex, interleaved. */
  #spectrum(samples: Float32Array, position: number): number[] {
    const from = position * this.#frontEnd.stride - windowMargin(this.#frontEnd)
    const input = Array.from(this.#window, (w, n) => w * (samples[from + n] ?? 0))
    const spectrum = this.#fft.createComplexArray()
    this.#fft.realTransform(spectrum, input)
    return spectrum
  }
}

/** Viterbi's path through the shifts of each position. */
function bestPath(scores: readonly Float64Array[]): Int32Array {
  let best = scores[0]!
  const back: Int8Array[] = [new Int8Array(SHIFTS)]
  for (const own of scores.slice(1)) {
    const moves = new Int8Array(SHIFTS)
    const next = new Float64Array(SHIFTS)
    for (let state = 0; state < SHIFTS; state++) {
      let max = Number.NEGATIVE_INFINITY
      for (let move = -REACH; move <= REACH; move++) {
        const reached = best[modulo(state - move, SHIFTS)]! - COST * (move / SHIFTS) ** 2
        if (reached > max) [max, moves[state]] = [reached, move]
      }
      next[state] = own[state]! + max
    }
    best = next
    back.push(moves)
  }
  const path = new Int32Array(scores.length)
  let state = best.indexOf(Math.max(...best))
  for (let p = path.length - 1; p >= 0; p--) {
    path[p] = state
    state = modulo(state - back[p]![state]!, SHIFTS)
  }
  return path
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
  return Float64Array.from({ length: values.length * stride }, (_, n) => {
    const place = Math.min(Math.max(0, (n - stride / 2) / stride), values.length - 1)
    const below = Math.floor(place)
    const low = values[below]!
    return low + ((values[below + 1] ?? low) - low) * (place - below)
  })
}

function modulo(value: number, size: number): number {
  return ((value % size) + size) % size
}
