/**
 * Pitch tracking. YIN's cumulative mean normalised difference function (de Cheveigné & Kawahara 2002, equations 6 to 8)
 * is computed per frame; its dips are candidates, and dynamic programming finds the cheapest path through them, as in
 * RAPT (Talkin 1995, section 4). Choosing frame by frame makes octave errors that would swamp the differences between
 * two recordings. Own code, because the packages that track pitch return one candidate per frame.
 */
import FFT from 'fft.js'

/** A pitch contour, one value per frame. */
export interface PitchTrack {
  /** F0 in Hz, 0 if unvoiced. */
  readonly frequencies: Float64Array
  /** Periodicity: 1 − YIN's aperiodicity at the best dip, 0 … 1; 0 for silence. */
  readonly salience: Float64Array
}

/** A range of pitches, in Hz. */
export interface PitchRange {
  readonly lowest: number
  readonly highest: number
}

/** The range of voices. */
const VOICES: PitchRange = { lowest: 60, highest: 600 }
/** Length of the difference function's window, in seconds. */
const WINDOW = 0.045
/** Seconds between frames. */
const HOP = 0.01
/** Candidates kept per frame. */
const CANDIDATES = 6
/** Costs of the path, in units of YIN's aperiodicity: of an unvoiced frame, … */
const UNVOICED = 0.3
/** … of a change between voiced and unvoiced, … */
const CHANGE = 0.15
/** … of a jump by an octave, … */
const JUMP = 0.6
/** … and of each octave below the highest frequency, which decides between a period and its multiples. */
const DEPTH = 0.03
/** Frames more than 45 dB below the loudest are unvoiced, … */
const QUIET = 10 ** (-45 / 20)
/** … and so are frames with a smaller root mean square than this. */
const SILENCE = 1e-4

interface Candidate {
  /** In Hz; 0: unvoiced. */
  readonly frequency: number
  readonly cost: number
}

/**
 * The difference function of a frame, d(τ) = Σ_j (x_j − x_{j+τ})² for τ from 0 to `maxLag` + 1, from a fast
 * correlation.
 */
class DifferenceFunction {
  readonly values: Float64Array
  readonly #fft: FFT
  readonly #head: Float64Array
  readonly #all: Float64Array
  readonly #headSpectrum: number[]
  readonly #allSpectrum: number[]
  readonly #correlation: number[]

  readonly #window: number
  readonly #maxLag: number

  /** @param window samples compared @param maxLag in samples */
  constructor(window: number, maxLag: number) {
    this.#window = window
    this.#maxLag = maxLag
    const size = 2 ** Math.ceil(Math.log2(window + maxLag + 1))
    this.#fft = new FFT(size)
    this.#head = new Float64Array(size)
    this.#all = new Float64Array(size)
    this.#headSpectrum = this.#fft.createComplexArray()
    this.#allSpectrum = this.#fft.createComplexArray()
    this.#correlation = this.#fft.createComplexArray()
    this.values = new Float64Array(maxLag + 2)
  }

  /** Computes `values` for the frame that starts at a sample. @returns the energy of its window */
  measure(samples: Float32Array, start: number): number {
    const { values } = this
    const window = this.#window
    for (let i = 0; i < window + this.#maxLag + 1; i++) {
      const sample = samples[start + i] ?? 0
      this.#all[i] = sample
      this.#head[i] = i < window ? sample : 0
    }
    this.#fft.realTransform(this.#headSpectrum, this.#head)
    this.#fft.realTransform(this.#allSpectrum, this.#all)
    this.#fft.completeSpectrum(this.#headSpectrum)
    this.#fft.completeSpectrum(this.#allSpectrum)
    const [a, b] = [this.#headSpectrum, this.#allSpectrum]
    for (let i = 0; i < a.length; i += 2) {
      const [real, imaginary] = [a[i]!, a[i + 1]!]
      a[i] = real * b[i]! + imaginary * b[i + 1]!
      a[i + 1] = real * b[i + 1]! - imaginary * b[i]!
    }
    this.#fft.inverseTransform(this.#correlation, a)
    let energy = 0
    for (let i = 0; i < window; i++) energy += this.#head[i]! ** 2
    let shifted = energy
    for (let lag = 0; lag < values.length; lag++) {
      values[lag] = Math.max(0, energy + shifted - 2 * this.#correlation[2 * lag]!)
      shifted += this.#all[lag + window]! ** 2 - this.#all[lag]! ** 2
    }
    return energy
  }
}

/** Divides a difference function by its mean over the lags up to each one, to `out` (YIN, equation 8). */
function normalise(values: Float64Array, out: Float64Array): void {
  let sum = 0
  out[0] = 1
  for (let lag = 1; lag < values.length; lag++) {
    sum += values[lag]!
    out[lag] = sum > 0 ? (values[lag]! * lag) / sum : 1
  }
}

/** Offset of the vertex of the parabola through three neighbouring values from the middle one, −½ … ½. */
function vertex(before: number, at: number, after: number): number {
  const curvature = before - 2 * at + after
  return curvature > 0 ? Math.max(-0.5, Math.min(0.5, (before - after) / (2 * curvature))) : 0
}

/** The pitch of a voice, every 10 ms from the first sample on. @param sampleRate in Hz */
export function trackPitch(samples: Float32Array, sampleRate: number): PitchTrack {
  const { candidates, salience } = pitchCandidates(samples, sampleRate, VOICES, HOP)
  return { frequencies: cheapestPath(candidates), salience }
}

/** `PitchTrack.salience` alone. @param seconds between frames */
export function pitchSalience(
  samples: Float32Array,
  sampleRate: number,
  range: PitchRange,
  seconds: number,
): Float64Array {
  return pitchCandidates(samples, sampleRate, range, seconds).salience
}

function pitchCandidates(samples: Float32Array, sampleRate: number, range: PitchRange, seconds: number) {
  const hop = Math.round(seconds * sampleRate)
  const window = Math.round(WINDOW * sampleRate)
  const shortest = Math.max(2, Math.floor(sampleRate / range.highest))
  const longest = Math.ceil(sampleRate / range.lowest)
  const frames = Math.floor(samples.length / hop) + 1
  const difference = new DifferenceFunction(window, longest)
  const candidates: Candidate[][] = []
  const levels = new Float64Array(frames)
  const salience = new Float64Array(frames)
  const normalised = new Float64Array(longest + 2)
  const padded = new Float32Array(samples.length + window + 2 * longest)
  const margin = Math.floor((window + longest) / 2)
  padded.set(samples, margin)
  for (let frame = 0; frame < frames; frame++) {
    levels[frame] = Math.sqrt(difference.measure(padded, frame * hop) / window)
    const { values } = difference
    normalise(values, normalised)
    const found: Candidate[] = []
    for (let lag = shortest; lag <= longest; lag++) {
      const value = normalised[lag]!
      if (value > normalised[lag - 1]! || value > normalised[lag + 1]! || value >= 1) continue
      salience[frame] = Math.max(salience[frame]!, 1 - value)
      const frequency = sampleRate / (lag + vertex(values[lag - 1]!, values[lag]!, values[lag + 1]!))
      if (frequency < range.lowest || frequency > range.highest) continue
      found.push({ frequency, cost: value + DEPTH * Math.log2(range.highest / frequency) })
    }
    candidates.push(found.sort((a, b) => a.cost - b.cost).slice(0, CANDIDATES))
  }
  const quiet = Math.max(SILENCE, QUIET * levels.reduce((a, b) => Math.max(a, b), 0))
  for (let frame = 0; frame < frames; frame++) {
    if (levels[frame]! >= quiet) continue
    candidates[frame] = []
    salience[frame] = 0
  }
  return { candidates, salience }
}

/** The cheapest choice of one candidate, or none, per frame, by dynamic programming. */
function cheapestPath(candidates: readonly Candidate[][]): Float64Array {
  const states = candidates.map(found => [{ frequency: 0, cost: UNVOICED }, ...found])
  const from: number[][] = []
  let costs: number[] = []
  for (const [frame, here] of states.entries()) {
    const before = states[frame - 1]
    const origins: number[] = []
    costs = here.map(({ frequency, cost }) => {
      if (before === undefined) return cost
      let [best, origin] = [Number.POSITIVE_INFINITY, 0]
      for (const [i, earlier] of before.entries()) {
        const change =
          frequency === 0 && earlier.frequency === 0
            ? 0
            : frequency === 0 || earlier.frequency === 0
              ? CHANGE
              : JUMP * Math.abs(Math.log2(frequency / earlier.frequency))
        if (costs[i]! + change < best) [best, origin] = [costs[i]! + change, i]
      }
      origins.push(origin)
      return best + cost
    })
    from.push(origins)
  }
  const path = new Float64Array(states.length)
  let state = costs.indexOf(Math.min(...costs))
  for (let frame = states.length - 1; frame >= 0; frame--) {
    path[frame] = states[frame]![state]!.frequency
    state = from[frame]![state] ?? 0
  }
  return path
}
