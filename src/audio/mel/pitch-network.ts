/**
 * A small network that finds where f0 lies between the candidates of a mel's pitch (pitch.ts). For a frame on candidate
 * c it sees the scores of the candidates c − reach … c + reach in the frames around, and c:
 *
 *     x = [scores of frame t − frames … t + frames, 0 outside the clip and the candidates; (c − 72)/48]
 *     f0 = candidate(c + W₃·max(0, W₂·max(0, W₁·x + b₁) + b₂) + b₃)
 *
 * Mirrored by interop/pytorch (pitch_network.py), which also trains it (train_pitch.py): the error against the pitch of
 * the waveform is less than half of what the mean over five frames has (docs/log/speech-windows.md).
 */
import { z } from 'zod'
import { PER_OCTAVE } from './pitch-candidates.js'

/** Bounds of its size: more would see frames that are not known yet, or cost more than the tracker itself. */
const MAX_FRAMES = 8
const MAX_REACH = 24
const MAX_HIDDEN = 64
const MIDDLE_CANDIDATE = 72

interface Shape {
  readonly frames: number
  readonly reach: number
  readonly hidden: number
}

/** Scores that the network sees, and the candidate. */
function inputCount({ frames, reach }: Omit<Shape, 'hidden'>): number {
  return (2 * frames + 1) * (2 * reach + 1) + 1
}

/** Numbers of a network of a shape. */
function weightCount({ hidden, ...seen }: Shape): number {
  return hidden * (inputCount(seen) + 1) + hidden * (hidden + 1) + hidden + 1
}

const MAX_WEIGHTS = weightCount({ frames: MAX_FRAMES, reach: MAX_REACH, hidden: MAX_HIDDEN })

/** Bytes of base64; null if the text is not base64. */
function decoded(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0))
  } catch {
    return null
  }
}

/** Schema of a network: its shape and numbers. */
export const pitchNetworkSchema = z
  .strictObject({
    kind: z.literal('network'),
    /** Frames before and after a frame that it sees. */
    frames: z.number().int().min(0).max(MAX_FRAMES),
    /** Candidates below and above the frame's own that it sees. */
    reach: z.number().int().min(1).max(MAX_REACH),
    /** Units of each hidden layer. */
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

/** Float32 of base64, little-endian. */
function floats(text: string): Float64Array {
  const bytes = decoded(text) ?? new Uint8Array(0)
  const view = new DataView(bytes.buffer)
  return Float64Array.from({ length: bytes.length >> 2 }, (_, i) => view.getFloat32(4 * i, true))
}

/** One layer: `[outputs × inputs]` and `[outputs]`. */
export interface PitchLayer {
  readonly weights: Float64Array
  readonly bias: Float64Array
}

export class PitchNetwork {
  /** Frames before and after. */
  readonly frames: number
  /** Candidates below and above. */
  readonly reach: number
  /** Of `layers[0]`. */
  readonly inputs: number
  /** The three layers. */
  readonly layers: readonly PitchLayer[]

  constructor({ frames, reach, hidden, weights }: PitchNetworkConfig) {
    this.frames = frames
    this.reach = reach
    this.inputs = inputCount({ frames, reach })
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

  /** What the network sees of a candidate besides scores. */
  static position(candidate: number): number {
    return (candidate - MIDDLE_CANDIDATE) / PER_OCTAVE
  }

  /**
   * How far above a frame's candidate f0 lies, in candidates.
   *
   * @param scores of frames t − frames … t + frames, `[candidates]` each; null outside the clip
   */
  offset(scores: readonly (Float64Array | null)[], candidate: number): number {
    const input = new Float64Array(this.inputs)
    const width = 2 * this.reach + 1
    for (const [row, values] of scores.entries()) {
      for (let i = 0; i < width; i++) input[row * width + i] = values?.[candidate - this.reach + i] ?? 0
    }
    input[this.inputs - 1] = PitchNetwork.position(candidate)
    const [first, second, last] = this.layers
    return affine(last!, positive(affine(second!, positive(affine(first!, input)))))[0]!
  }
}

function positive(values: Float64Array): Float64Array {
  return values.map(value => Math.max(0, value))
}

/** W·x + b. */
function affine({ weights, bias }: PitchLayer, input: Float64Array): Float64Array {
  return bias.map((start, row) => {
    let sum = start
    for (let i = 0; i < input.length; i++) sum += weights[row * input.length + i]! * input[i]!
    return sum
  })
}
