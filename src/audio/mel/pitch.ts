/**
 * Finds the pitch in a mel. The lower bands of a mel are narrow enough to resolve single harmonics, so their levels are
 * compared with templates, one for each candidate of f0:
 *
 * 1. The levels y of a frame (natural logarithm) are limited from below to the loudest band minus `depth`. The spectral
 *    envelope, which is the projection on the first cosines C over the bands, is removed: r = y − CᵀC·y.
 * 2. The template of f0 is ln(W·√(b + Σ_k H(k·f0)²)), treated in the same way: the mel's filters W applied to the main
 *    lobes H of the harmonics, with a small power b between them.
 * 3. The score of a candidate is the correlation ⟨r, template⟩/max(‖r‖, `minNorm`), with templates of norm 1. The score
 *    of “no pitch” is `unvoiced`.
 * 4. Viterbi's algorithm finds the path with the highest sum of scores minus the costs of its jumps. A frame is decided
 *    `lag` frames later, so that a stream has the same result as a whole clip.
 * 5. f0 is the geometric mean of the path over five frames, or the output of a small network (pitch-network.ts).
 *
 * interop/pytorch has the same code in pitch.py.
 */
import { RowQueue } from '../../core/row-queue.js'
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { correctionObstacle } from './correction.js'
import { CANDIDATES, MIN_HERTZ, PER_OCTAVE } from './pitch-candidates.js'
import { PitchNetwork, type PitchNetworkConfig } from './pitch-network.js'

/** Only bands that peak below this frequency are used. Templates have harmonics up to twice this frequency. */
const MAX_BAND_HERTZ = 1600
/** With fewer bands, harmonics cannot be told apart. */
const MIN_BANDS = 24
const ENVELOPE_COSINES = 5
/** Power b between the harmonics of a template; the harmonics have power 1. */
const BETWEEN = 1e-4

/** The constants of steps 1 to 5. The ONNX export uses them, too. */
export const PITCH = {
  depth: 7,
  minNorm: 2,
  minMagnitude: 1e-10,
  unvoiced: 0.5,
  /** Cost of a jump by a number of candidates. An octave costs 4. */
  jumpCost: (jump: number) => (Math.abs(jump) * 4) / PER_OCTAVE,
  /** Cost of each beginning and end of voice. */
  changeCost: 0.25,
  /** Max jump from one frame to the next, in candidates. */
  reach: 12,
  lag: 12,
  /** Number of frames on either side over which f0 is averaged. */
  smoothing: 2,
} as const

/** The costs of jumps by −`reach` … `reach` candidates. */
const JUMP_COSTS = Float64Array.from({ length: 2 * PITCH.reach + 1 }, (_, i) => PITCH.jumpCost(i - PITCH.reach))

/** How f0 is found from the path: by the mean over five frames, or by a network. */
export type PitchMethod = 'mean' | PitchNetworkConfig

/** Number of later frames that must arrive before the pitch of a frame is known. */
export function pitchLag(method: PitchMethod): number {
  return PITCH.lag + (method === 'mean' ? PITCH.smoothing : 0)
}

/** What a convention would need for its pitch to be found, for an error; null if it can be found. */
export function pitchObstacle(convention: MelConvention): string | null {
  const obstacle = correctionObstacle(convention)
  if (obstacle !== null) return obstacle
  return lowBands(new MelBands(convention)) < MIN_BANDS ? `${MIN_BANDS} bands below ${MAX_BAND_HERTZ} Hz` : null
}

/** Number of bands that peak at `MAX_BAND_HERTZ` or below. */
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

/** Finds the pitch of mels of one convention. */
export class MelPitch {
  /** f0 of the candidates in Hz. */
  static readonly candidates: readonly number[] = Array.from(
    { length: CANDIDATES },
    (_, i) => MIN_HERTZ * 2 ** (i / PER_OCTAVE),
  )
  readonly #bands: MelBands
  /** Number of bands that are used, the lowest ones. */
  readonly count: number
  /** The cosines C of the envelope, orthonormal, `[ENVELOPE_COSINES][count]`. */
  readonly cosines: readonly Float64Array[]
  /** The template of each candidate, `[candidates][count]`, with norm 1. */
  readonly templates: readonly Float64Array[]
  /** The network that finds f0; null if f0 is the mean over five frames. */
  readonly network: PitchNetwork | null
  /** Buffers of `scores`: the energies of all bands, and the residual r, `[count]`. */
  readonly #energies: Float64Array
  readonly #residual: Float64Array

  /** @param convention one without a `pitchObstacle` @param method how f0 is found from the path. Default: `mean` */
  constructor(convention: MelConvention, method: PitchMethod = 'mean') {
    this.network = method === 'mean' ? null : new PitchNetwork(method)
    this.#bands = new MelBands(convention)
    const count = lowBands(this.#bands)
    this.count = count
    this.#energies = new Float64Array(convention.bands)
    this.#residual = new Float64Array(count)
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

  /** Removes the envelope from levels, in place. */
  #withoutEnvelope(levels: Float64Array): Float64Array {
    const shares = this.cosines.map(cosine => dot(cosine, levels))
    for (const [k, cosine] of this.cosines.entries()) {
      for (let band = 0; band < levels.length; band++) levels[band]! -= shares[k]! * cosine[band]!
    }
    return levels
  }

  /** Writes the scores of all candidates in a frame, `[candidates]`, to `scores`. */
  scores(mel: Mel, frame: number, scores: Float64Array): void {
    const [energies, residual] = [this.#energies, this.#residual]
    this.#bands.targets(mel, frame, energies, 0)
    for (let b = 0; b < residual.length; b++) residual[b] = Math.log(Math.max(energies[b]!, PITCH.minMagnitude))
    const lowest = Math.max(...residual) - PITCH.depth
    for (let b = 0; b < residual.length; b++) residual[b] = Math.max(residual[b]!, lowest)
    this.#withoutEnvelope(residual)
    const scale = 1 / Math.max(norm(residual), PITCH.minNorm)
    dots(scores, this.templates, residual)
    for (let i = 0; i < CANDIDATES; i++) scores[i]! *= scale
  }

  /** f0 of a whole mel in Hz, `[frames]`; 0 where there is no pitch. */
  track(mel: Mel): Float64Array {
    return this.stream().push(mel, true)
  }

  /** Starts to find f0 of a mel that arrives piece by piece. The result is the same as from `track`. */
  stream(): PitchStream {
    return new PitchStream(this)
  }
}

/** The pitch of one clip. */
export class PitchStream {
  readonly #pitch: MelPitch
  /** Sum of the best path to each state. The last state is “no pitch”. */
  #best = new Float64Array(CANDIDATES + 1)
  /** The sums of the frame before. The next frame’s take their place. */
  #before = new Float64Array(CANDIDATES + 1)
  /** The best state before each state, for the frames that are not decided yet. */
  readonly #back: Int16Array[] = []
  #frames = 0
  /** The decided states of frames that are still needed. */
  readonly #decided = new RowQueue<Float64Array>(Float64Array, 1)
  /** The scores of frames that the network still needs. */
  readonly #scores = new RowQueue<Float64Array>(Float64Array, CANDIDATES)
  #returned = 0

  constructor(pitch: MelPitch) {
    this.#pitch = pitch
  }

  /**
   * Appends frames, and returns f0 of the frames that are now known, in order.
   *
   * @param last whether these are the last frames
   */
  push(mel: Mel, last: boolean): Float64Array {
    const { network } = this.#pitch
    const states: number[] = []
    const all = new Float64Array(mel.frames * CANDIDATES)
    for (let frame = 0; frame < mel.frames; frame++) {
      const scores = all.subarray(frame * CANDIDATES, (frame + 1) * CANDIDATES)
      this.#pitch.scores(mel, frame, scores)
      this.#add(scores)
      if (this.#back.length <= PITCH.lag) continue
      states.push(this.#bestPath()[0]!)
      this.#back.shift()
    }
    if (last) states.push(...this.#bestPath())
    this.#decided.append(Float64Array.from(states))
    if (network !== null) this.#scores.append(all)
    const known = this.#decided.end
    const ahead = network === null ? PITCH.smoothing : 0
    const end = last ? known : Math.max(this.#returned, known - ahead)
    const result = Float64Array.from({ length: end - this.#returned }, (_, i) => {
      const frame = this.#returned + i
      return network === null ? this.#smoothed(frame) : this.#estimated(network, frame)
    })
    this.#returned = end
    this.#decided.forget(end - ahead)
    this.#scores.forget(end - (network?.frames ?? 0))
    return result
  }

  /** Adds a frame to Viterbi's algorithm. */
  #add(scores: Float64Array): void {
    const [before, best] = [this.#best, this.#before]
    const back = new Int16Array(CANDIDATES + 1)
    this.#best = best
    this.#before = before
    this.#back.push(back)
    if (this.#frames++ === 0) {
      best.set(scores)
      best[CANDIDATES] = PITCH.unvoiced
      return
    }
    const beginning = before[CANDIDATES]! - PITCH.changeCost
    for (let state = 0; state < CANDIDATES; state++) {
      let from = CANDIDATES
      let most = Number.NEGATIVE_INFINITY
      const end = Math.min(CANDIDATES - 1, state + PITCH.reach)
      for (let other = Math.max(0, state - PITCH.reach); other <= end; other++) {
        const reached = before[other]! - JUMP_COSTS[other - state + PITCH.reach]!
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

  /** The best path over the frames that are not decided yet. */
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
    const from = Math.max(0, frame - network.frames)
    const scores = this.#scores.rows(from, Math.min(this.#scores.end, frame + network.frames + 1))
    return MIN_HERTZ * 2 ** ((candidate + network.offset(scores, frame - from, candidate)) / PER_OCTAVE)
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

/** The products of rows with a vector, four at a time: sums that do not wait for one another take half the time. */
function dots(result: Float64Array, rows: readonly Float64Array[], vector: Float64Array): void {
  let row = 0
  for (; row + 3 < rows.length; row += 4) {
    const [a, b, c, d] = [rows[row]!, rows[row + 1]!, rows[row + 2]!, rows[row + 3]!]
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0]
    for (let i = 0; i < vector.length; i++) {
      const value = vector[i]!
      sumA += a[i]! * value
      sumB += b[i]! * value
      sumC += c[i]! * value
      sumD += d[i]! * value
    }
    result[row] = sumA
    result[row + 1] = sumB
    result[row + 2] = sumC
    result[row + 3] = sumD
  }
  for (; row < rows.length; row++) result[row] = dot(rows[row]!, vector)
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
