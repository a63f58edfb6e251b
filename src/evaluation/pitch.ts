/**
 * Pitch tracking: the cumulative mean normalised difference function of YIN (de Cheveigné & Kawahara 2002, equations 6 to 8) for
 * each frame, its dips as candidates, and the cheapest path through them (as RAPT, Talkin 1995, section 4): a choice frame by
 * frame makes octave errors that would drown what is compared. Own code, as the packages that track pitch give one
 * candidate a frame.
 */
import FFT from 'fft.js'

/** A pitch contour: F0 in Hz a frame, 0 where unvoiced. */
export interface PitchTrack {
  readonly frequencies: Float64Array
  /** 1 − YIN's aperiodicity at the best dip, 0 … 1: how strongly a frame has any pitch. */
  readonly salience: Float64Array
  /** Samples between frames; frame f is centred on sample f × hop. */
  readonly hop: number
}

export interface PitchRange {
  /** Hz. */
  readonly lowest: number
  readonly highest: number
}

/** Voices. */
const speech: PitchRange = { lowest: 60, highest: 600 }
/** Seconds over which samples are compared with later ones. */
const WINDOW = 0.045
const HOP = 0.01
/** Candidates of a frame. */
const CANDIDATES = 6
/** Costs of the path, in units of YIN's aperiodicity: an unvoiced frame, a change of voicing, an octave's jump, an octave's depth. */
const UNVOICED = 0.3
const CHANGE = 0.15
const JUMP = 0.6
const DEPTH = 0.03
/** Frames this far below the loudest, or with less than this root mean square, are unvoiced. */
const QUIET = 10 ** (-45 / 20)
const SILENCE = 1e-4

interface Candidate {
  /** Hz; 0: unvoiced. */
  readonly frequency: number
  readonly cost: number
}

/** The difference function of one frame: Σ_j (x_j − x_{j+τ})² for τ up to the longest lag, by way of the transform. */
class DifferenceFunction {
  readonly values: Float64Array
  readonly #fft: FFT
  readonly #head: Float64Array
  readonly #all: Float64Array
  readonly #headSpectrum: number[]
  readonly #allSpectrum: number[]
  readonly #correlation: number[]

  constructor(
    private readonly window: number,
    private readonly longest: number,
  ) {
    const size = 2 ** Math.ceil(Math.log2(window + longest + 1))
    this.#fft = new FFT(size)
    this.#head = new Float64Array(size)
    this.#all = new Float64Array(size)
    this.#headSpectrum = this.#fft.createComplexArray()
    this.#allSpectrum = this.#fft.createComplexArray()
    this.#correlation = this.#fft.createComplexArray()
    this.values = new Float64Array(longest + 2)
  }

  /** @returns energy of the first window */
  measure(samples: Float32Array, start: number): number {
    const { window, longest, values } = this
    for (let i = 0; i < window + longest + 1; i++) {
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

/** The vertex of the parabola through three neighbouring values, as an offset from the middle one. */
function vertex(before: number, at: number, after: number): number {
  const curvature = before - 2 * at + after
  return curvature > 0 ? Math.max(-0.5, Math.min(0.5, (before - after) / (2 * curvature))) : 0
}

/**
 * The pitch of a recording.
 *
 * @param sampleRate Hz
 */
export function trackPitch(samples: Float32Array, sampleRate: number, range: PitchRange = speech): PitchTrack {
  const { candidates, salience, hop } = pitchCandidates(samples, sampleRate, range, HOP)
  return { frequencies: cheapestPath(candidates), salience, hop }
}

/** `PitchTrack.salience` alone, of frames `seconds` apart. */
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
    let sum = 0
    normalised[0] = 1
    for (let lag = 1; lag < values.length; lag++) {
      sum += values[lag]!
      normalised[lag] = sum > 0 ? (values[lag]! * lag) / sum : 1
    }
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
  return { candidates, salience, hop }
}

/** The cheapest choice of a candidate (or none) a frame, by dynamic programming. */
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
