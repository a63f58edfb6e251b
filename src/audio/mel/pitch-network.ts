/**
 * A small network that refines the pitch of a mel (pitch.ts): it finds where f0 lies between two candidates. For a
 * frame with candidate c, its input is c and the scores of the candidates c − reach … c + reach in the surrounding
 * frames:
 *
 *     x = [scores of frame t − frames … t + frames, 0 outside the clip and the candidates; (c − 72)/48]
 *     f0 = candidate(c + W₃·max(0, W₂·max(0, W₁·x + b₁) + b₂) + b₃)
 *
 * interop/pytorch has the same network (pitch_network.py) and trains it (train_pitch.py). Its error against the pitch
 * of the waveform is less than half of that of the mean over five frames (docs/log/speech-windows.md).
 */
import { z } from 'zod'
import { CANDIDATES, PER_OCTAVE } from './pitch-candidates.js'

/**
 * Bounds of the network's size. A larger one would need frames that have not arrived yet, or cost more than the
 * tracker.
 */
const MAX_FRAMES = 8
const MAX_REACH = 24
const MAX_HIDDEN = 64
const MIDDLE_CANDIDATE = 72

interface Shape {
  readonly frames: number
  readonly reach: number
  readonly hidden: number
}

/** Number of inputs: the scores and the candidate. */
function inputCount({ frames, reach }: Omit<Shape, 'hidden'>): number {
  return (2 * frames + 1) * (2 * reach + 1) + 1
}

/** Number of weights of a network. */
function weightCount({ hidden, ...seen }: Shape): number {
  return hidden * (inputCount(seen) + 1) + hidden * (hidden + 1) + hidden + 1
}

const MAX_WEIGHTS = weightCount({ frames: MAX_FRAMES, reach: MAX_REACH, hidden: MAX_HIDDEN })

/** Decodes base64; null if the text is not base64. */
function decoded(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0))
  } catch {
    return null
  }
}

/** Schema of a pitch network: its shape and its weights. */
export const pitchNetworkSchema = z
  .strictObject({
    /** f0 is found by this network. */
    kind: z.literal('network'),
    /** Number of frames on either side of a frame that are inputs. */
    frames: z.number().int().min(0).max(MAX_FRAMES),
    /** Number of candidates below and above a frame's own that are inputs. */
    reach: z.number().int().min(1).max(MAX_REACH),
    /** Number of units in each hidden layer. */
    hidden: z.number().int().min(1).max(MAX_HIDDEN),
    /** W₁, b₁, W₂, b₂, W₃, b₃, row-major: float32, little-endian, in base64. */
    weights: z.string().max(4 * Math.ceil((4 * MAX_WEIGHTS) / 3)),
  })
  .refine(c => decoded(c.weights)?.length === 4 * weightCount(c), {
    path: ['weights'],
    message: 'must be base64 of as many float32 as the shape needs',
  })
  .refine(c => floats(c.weights).every(Number.isFinite), { path: ['weights'], message: 'must be finite' })

export type PitchNetworkConfig = Readonly<z.output<typeof pitchNetworkSchema>>

/** The float32 numbers in base64, little-endian. */
function floats(text: string): Float64Array {
  const bytes = decoded(text) ?? new Uint8Array(0)
  const view = new DataView(bytes.buffer)
  return Float64Array.from({ length: bytes.length >> 2 }, (_, i) => view.getFloat32(4 * i, true))
}

/** A layer with weights `[outputs × inputs]` and bias `[outputs]`. */
export interface PitchLayer {
  readonly weights: Float64Array
  readonly bias: Float64Array
}

export class PitchNetwork {
  /** Number of frames on either side that are inputs. */
  readonly frames: number
  /** Number of candidates below and above that are inputs. */
  readonly reach: number
  /** Number of inputs of `layers[0]`. */
  readonly inputs: number
  /** The three layers. */
  readonly layers: readonly PitchLayer[]
  readonly #input: Float64Array

  constructor({ frames, reach, hidden, weights }: PitchNetworkConfig) {
    this.frames = frames
    this.reach = reach
    this.inputs = inputCount({ frames, reach })
    this.#input = new Float64Array(this.inputs)
    const numbers = floats(weights)
    let at = 0
    const take = (count: number) => {
      at += count
      return numbers.subarray(at - count, at)
    }
    this.layers = [
      [hidden, this.inputs],
      [hidden, hidden],
      [1, hidden],
    ].map(([outputs, inputs]) => ({ weights: take(outputs! * inputs!), bias: take(outputs!) }))
  }

  /** The input that states a candidate. */
  static position(candidate: number): number {
    return (candidate - MIDDLE_CANDIDATE) / PER_OCTAVE
  }

  /**
   * Distance of f0 from a frame's candidate, in candidates.
   *
   * @param scores of consecutive frames, `[rows × candidates]`
   * @param row of the frame in `scores`. Frames beside it that are not in `scores` count as outside the clip
   */
  offset(scores: Float64Array, row: number, candidate: number): number {
    const input = this.#input
    const width = 2 * this.reach + 1
    const rows = scores.length / CANDIDATES
    for (let i = 0; i < this.inputs - 1; i++) {
      const seen = row - this.frames + Math.floor(i / width)
      const other = candidate - this.reach + (i % width)
      const isInside = seen >= 0 && seen < rows && other >= 0 && other < CANDIDATES
      input[i] = isInside ? scores[seen * CANDIDATES + other]! : 0
    }
    input[this.inputs - 1] = PitchNetwork.position(candidate)
    const [first, second, last] = this.layers
    return affine(last!, positive(affine(second!, positive(affine(first!, input)))))[0]!
  }
}

/** max(0, values), in place. */
function positive(values: Float64Array): Float64Array {
  for (let i = 0; i < values.length; i++) values[i] = Math.max(0, values[i]!)
  return values
}

/** W·x + b. */
function affine({ weights, bias }: PitchLayer, input: Float64Array): Float64Array {
  const result = bias.slice()
  for (let row = 0; row < result.length; row++) {
    let sum = result[row]!
    const at = row * input.length
    for (let i = 0; i < input.length; i++) sum += weights[at + i]! * input[i]!
    result[row] = sum
  }
  return result
}
