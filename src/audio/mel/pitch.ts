/**
 * The pitch that a mel implies. The lower bands of a mel are narrow enough to show single harmonics, so what they show
 * is compared with templates, one per candidate of f0:
 *
 * 1. Of a frame's levels y (natural logarithm), what lies more than `depth` below the loudest band is raised to that.
 *    The first cosines over the bands, the envelope, are projected out: r = y − CᵀC·y.
 * 2. The template of f0 is the same of ln(W·√(b + Σ_k H(k·f0)²)): a mel's filters W over the main lobes H of the
 *    harmonics, with some power b between them.
 * 3. The score of a candidate is the correlation of both, ⟨r, template⟩/max(‖r‖, `minNorm`) for a template of
 *    norm 1; that of a frame without pitch is `unvoiced`.
 * 4. Viterbi's algorithm finds the path with the highest sum of scores minus the costs of its jumps. A frame is decided
 *    `lag` frames later, so that a stream finds what a whole clip does.
 * 5. f0 is the geometric mean of the pitches found in the five frames around, or what a small network reads off the
 *    scores around (pitch-network.ts).
 *
 * Mirrored by interop/pytorch (pitch.py).
 */

import { RowQueue } from '../../core/row-queue.js'
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { correctionObstacle } from './correction.js'
import { CANDIDATES, MIN_HERTZ, PER_OCTAVE } from './pitch-candidates.js'
import { PitchNetwork, type PitchNetworkConfig } from './pitch-network.js'

/** Only bands that peak below are used. Templates have harmonics up to twice as high. */
const MAX_BAND_HERTZ = 1600
/** With fewer, harmonics cannot be told apart. */
const MIN_BANDS = 24
const ENVELOPE_COSINES = 5
/** Power between the harmonics of a template, whose peaks are 1. */
const BETWEEN = 1e-4

/** The numbers of steps 1 to 5 that an exported graph needs, too. */
export const PITCH = {
  depth: 7,
  minNorm: 2,
  minMagnitude: 1e-10,
  unvoiced: 0.5,
  /** Cost of a jump by one candidate; 4 by an octave. */
  jumpCost: (jump: number) => (Math.abs(jump) * 4) / PER_OCTAVE,
  /** Cost where voice begins or ends. */
  changeCost: 0.25,
  /** Max candidates between a frame and the next. */
  reach: 12,
  lag: 12,
  /** Frames before and after one over which f0 is averaged. */
  smoothing: 2,
} as const

/** Costs of jumps by 0 … `reach` candidates. */
const JUMP_COSTS = Float64Array.from({ length: PITCH.reach + 1 }, (_, jump) => PITCH.jumpCost(jump))

/** How f0 is taken from the path: the mean over five frames, or a network. */
export type PitchMethod = 'mean' | PitchNetworkConfig

/** Frames that arrive after one before its pitch is known. */
export function pitchLag(method: PitchMethod): number {
  return PITCH.lag + (method === 'mean' ? PITCH.smoothing : 0)
}

/** What a convention lacks for its pitch to be found; null: nothing. */
export function pitchObstacle(convention: MelConvention): string | null {
  const obstacle = correctionObstacle(convention)
  if (obstacle !== null) return obstacle
  return lowBands(new MelBands(convention)) < MIN_BANDS ? `${MIN_BANDS} bands below ${MAX_BAND_HERTZ} Hz` : null
}

/** Bands that peak at `MAX_BAND_HERTZ` at most. */
function lowBands({ filters, convention }: MelBands): number {
  const peaks = filters.map(({ start, weights }) => start + weights.indexOf(Math.max(...weights)))
  return peaks.filter(bin => (bin * convention.sampleRate) / convention.fftSize <= MAX_BAND_HERTZ).length
}

/**
 * Adds the power of a harmonic to bins, `[bins]`: the square of H(d) = sin(πd)/(πd(1 − d²)), the spectrum of a long
 * periodic Hann window at d bins from its middle. sin²(πd) is the same for all bins, as they are whole numbers apart.
 */
function addLobe(powers: Float64Array, middle: number): void {
  const sine = Math.sin(Math.PI * (middle - Math.round(middle))) / Math.PI
  for (let bin = 0; bin < powers.length; bin++) {
    const d = Math.abs(bin - middle)
    const height = d < 1e-9 ? 1 : Math.abs(d - 1) < 1e-6 ? 0.5 : sine / (d * (1 - d * d))
    powers[bin]! += height * height
  }
}

/** The pitch of mels of one convention: its templates. */
export class MelPitch {
  /** f0 of the candidates in Hz. */
  static readonly candidates: readonly number[] = Array.from(
    { length: CANDIDATES },
    (_, i) => MIN_HERTZ * 2 ** (i / PER_OCTAVE),
  )
  readonly #bands: MelBands
  /** Bands that are used: the lowest. */
  readonly count: number
  /** The envelope's cosines, orthonormal, `[ENVELOPE_COSINES][count]`. */
  readonly cosines: readonly Float64Array[]
  /** `[candidates][count]`, each of norm 1. */
  readonly templates: readonly Float64Array[]
  /** Null: f0 is the mean over five frames. */
  readonly network: PitchNetwork | null
  readonly #levels: Float64Array

  /** @param convention one without a `pitchObstacle` @param method that takes f0 from the path. Default: `mean` */
  constructor(convention: MelConvention, method: PitchMethod = 'mean') {
    this.network = method === 'mean' ? null : new PitchNetwork(method)
    this.#bands = new MelBands(convention)
    const count = lowBands(this.#bands)
    this.count = count
    this.#levels = new Float64Array(convention.bands)
    this.cosines = Array.from({ length: ENVELOPE_COSINES }, (_, k) => {
      const cosine = Float64Array.from({ length: count }, (_, b) => Math.cos((Math.PI * k * (b + 0.5)) / count))
      return scaled(cosine, 1 / norm(cosine))
    })
    this.templates = MelPitch.candidates.map(f0 => {
      const template = this.#template(f0)
      return scaled(template, 1 / norm(template))
    })
  }

  #template(f0: number): Float64Array {
    const { filters, convention } = this.#bands
    const highest = filters[this.count - 1]!
    const bins = highest.start + highest.weights.length
    const spacing = (f0 * convention.fftSize) / convention.sampleRate
    const powers = new Float64Array(bins).fill(BETWEEN)
    for (let k = 1; k <= Math.floor((2 * MAX_BAND_HERTZ) / f0); k++) addLobe(powers, k * spacing)
    const levels = Float64Array.from({ length: this.count }, (_, band) => {
      const { start, weights } = filters[band]!
      return Math.log(weights.reduce((sum, weight, i) => sum + weight * Math.sqrt(powers[start + i]!), 0))
    })
    return this.#withoutEnvelope(levels)
  }

  /** Projects the envelope out, in place. */
  #withoutEnvelope(levels: Float64Array): Float64Array {
    const shares = this.cosines.map(cosine => dot(cosine, levels))
    for (const [k, cosine] of this.cosines.entries()) {
      for (let band = 0; band < levels.length; band++) levels[band]! -= shares[k]! * cosine[band]!
    }
    return levels
  }

  /** Scores of a frame's candidates, `[candidates]`. */
  scores(mel: Mel, frame: number): Float64Array {
    const levels = this.#levels
    this.#bands.targets(mel, frame, levels, 0)
    const residual = new Float64Array(this.count)
    for (let b = 0; b < residual.length; b++) residual[b] = Math.log(Math.max(levels[b]!, PITCH.minMagnitude))
    const lowest = Math.max(...residual) - PITCH.depth
    for (let b = 0; b < residual.length; b++) residual[b] = Math.max(residual[b]!, lowest)
    this.#withoutEnvelope(residual)
    const scale = 1 / Math.max(norm(residual), PITCH.minNorm)
    const scores = new Float64Array(this.templates.length)
    for (let i = 0; i < scores.length; i++) scores[i] = dot(this.templates[i]!, residual) * scale
    return scores
  }

  /** f0 of a whole mel in Hz, `[frames]`; 0 where there is none. */
  whole(mel: Mel): Float64Array {
    return this.stream().push(mel, true)
  }

  /** f0 of a mel that comes piece by piece; the same numbers as `whole`. */
  stream(): PitchStream {
    return new PitchStream(this)
  }
}

/** The pitch of one clip. */
export class PitchStream {
  readonly #pitch: MelPitch
  /** Sum of the best path to each state, the last being that without pitch. */
  #best = new Float64Array(CANDIDATES + 1)
  /** The best state before each state, of the frames that are not decided. */
  readonly #back: Int16Array[] = []
  #frames = 0
  /** States of frames that are decided and still needed. */
  readonly #decided = new RowQueue<Float64Array>(Float64Array, 1)
  /** Scores of frames that the network still needs. */
  readonly #scores = new RowQueue<Float64Array>(Float64Array, CANDIDATES)
  #given = 0

  constructor(pitch: MelPitch) {
    this.#pitch = pitch
  }

  /** Appends frames and returns f0 of those that have become known, in order. @param last no more frames follow */
  push(mel: Mel, last: boolean): Float64Array {
    const { network } = this.#pitch
    const states: number[] = []
    const kept = new Float64Array(network === null ? 0 : mel.frames * CANDIDATES)
    for (let frame = 0; frame < mel.frames; frame++) {
      const scores = this.#pitch.scores(mel, frame)
      if (network !== null) kept.set(scores, frame * CANDIDATES)
      this.#add(scores)
      if (this.#back.length <= PITCH.lag) continue
      states.push(this.#bestPath()[0]!)
      this.#back.shift()
    }
    if (last) states.push(...this.#bestPath())
    this.#decided.append(Float64Array.from(states))
    this.#scores.append(kept)
    const known = this.#decided.end
    const ahead = network === null ? PITCH.smoothing : 0
    const end = last ? known : Math.max(this.#given, known - ahead)
    const result = Float64Array.from({ length: end - this.#given }, (_, i) => {
      const frame = this.#given + i
      return network === null ? this.#smoothed(frame) : this.#estimated(network, frame)
    })
    this.#given = end
    this.#decided.forget(end - ahead)
    this.#scores.forget(end - (network?.frames ?? 0))
    return result
  }

  /** One frame of Viterbi's algorithm. */
  #add(scores: Float64Array): void {
    const back = new Int16Array(CANDIDATES + 1)
    const before = this.#best
    const best = new Float64Array(CANDIDATES + 1)
    if (this.#frames++ === 0) {
      best.set(scores)
      best[CANDIDATES] = PITCH.unvoiced
    } else {
      const beginning = before[CANDIDATES]! - PITCH.changeCost
      for (let state = 0; state < CANDIDATES; state++) {
        let from = CANDIDATES
        let most = Number.NEGATIVE_INFINITY
        const end = Math.min(CANDIDATES - 1, state + PITCH.reach)
        for (let other = Math.max(0, state - PITCH.reach); other <= end; other++) {
          const reached = before[other]! - JUMP_COSTS[Math.abs(other - state)]!
          if (reached > most) {
            from = other
            most = reached
          }
        }
        if (beginning > most) {
          from = CANDIDATES
          most = beginning
        }
        back[state] = from
        best[state] = scores[state]! + most
      }
      const leading = largest(before, CANDIDATES)
      const ending = before[leading]! - PITCH.changeCost
      const ends = ending > before[CANDIDATES]!
      back[CANDIDATES] = ends ? leading : CANDIDATES
      best[CANDIDATES] = PITCH.unvoiced + (ends ? ending : before[CANDIDATES]!)
    }
    this.#best = best
    this.#back.push(back)
  }

  /** The states of the frames that are not decided, on the best path to the last of them. */
  #bestPath(): number[] {
    const path = new Array<number>(this.#back.length)
    let state = largest(this.#best, CANDIDATES + 1)
    for (let i = path.length - 1; i >= 0; i--) {
      path[i] = state
      state = this.#back[i]![state]!
    }
    return path
  }

  #smoothed(frame: number): number {
    const { first, end } = this.#decided
    const from = Math.max(first, frame - PITCH.smoothing)
    const around = this.#decided.rows(from, Math.min(end, frame + PITCH.smoothing + 1))
    if (around[frame - from] === CANDIDATES) return 0
    const logs = around.filter(state => state < CANDIDATES).map(logPitch)
    return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length)
  }

  #estimated(network: PitchNetwork, frame: number): number {
    const candidate = this.#decided.rows(frame, frame + 1)[0]!
    if (candidate === CANDIDATES) return 0
    const scores = Array.from({ length: 2 * network.frames + 1 }, (_, i) => {
      const row = frame - network.frames + i
      return row < 0 || row >= this.#scores.end ? null : this.#scores.rows(row, row + 1)
    })
    return MIN_HERTZ * 2 ** ((candidate + network.offset(scores, candidate)) / PER_OCTAVE)
  }
}

/** ln f0 of a candidate. */
function logPitch(candidate: number): number {
  return Math.log(MelPitch.candidates[candidate]!)
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function norm(values: Float64Array): number {
  return Math.sqrt(dot(values, values))
}

function scaled(values: Float64Array, factor: number): Float64Array {
  return values.map(value => value * factor)
}

/** Index of the first largest of `count` values. */
function largest(values: Float64Array, count: number): number {
  let index = 0
  for (let i = 1; i < count; i++) if (values[i]! > values[index]!) index = i
  return index
}
