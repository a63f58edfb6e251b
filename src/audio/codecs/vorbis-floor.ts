/**
 * Floors of Vorbis (Vorbis I specification, section 7.2, type 1). A floor is the coarse envelope of a channel's
 * spectrum: a polyline over frequency in steps of 0.547 dB. Type 0, which no encoder has used since 2001, is refused.
 */
import { EndOfBits } from './bit-reader.js'
import { bitLength, type LowBitReader } from './low-bit-reader.js'
import { type Codebook, VorbisFault } from './vorbis-codebook.js'

/** A class of points that are coded in the same way. */
interface PointClass {
  readonly dimensions: number
  /** Bits of the number that selects a codebook for each point. */
  readonly subclassBits: number
  /** The codebook of that number; null if there is only one choice. */
  readonly master: Codebook | null
  /** The codebook of each subclass; null stands for a zero. */
  readonly books: readonly (Codebook | null)[]
}

/** A point of the polyline is predicted from the two earlier points that enclose it. */
interface Neighbours {
  readonly low: number
  readonly high: number
}

/** Amplitudes from −140 dB to 0 dB, as in the specification's table. */
const levels = Float32Array.from({ length: 256 }, (_, i) => 10 ** (((i - 255) * 140) / 256 / 20))
/** The range of the coded heights by multiplier, 1 … 4. */
const ranges = [256, 128, 86, 64]

export class Floor {
  readonly #partitions: readonly PointClass[]
  readonly #multiplier: number
  readonly #range: number
  /** Frequencies of the points: the two ends, then the others in the order in which they are coded. */
  readonly #places: readonly number[]
  readonly #neighbours: readonly Neighbours[]
  /** Indices of the points by frequency. */
  readonly #sorted: readonly number[]
  readonly #coded: Int32Array
  readonly #heights: Int32Array
  readonly #isUsed: Uint8Array

  /** Reads a floor from the setup header. @throws VorbisFault, EndOfBits */
  constructor(bits: LowBitReader, books: readonly Codebook[]) {
    if (bits.read(16) !== 1) throw new VorbisFault('its floors are not of type 1')
    const order = Array.from({ length: bits.read(5) }, () => bits.read(4))
    const classes = Array.from({ length: Math.max(-1, ...order) + 1 }, () => readClass(bits, books))
    this.#partitions = order.map(index => classes[index]!)
    this.#multiplier = bits.read(2) + 1
    this.#range = ranges[this.#multiplier - 1]!
    const rangeBits = bits.read(4)
    const count = this.#partitions.reduce((sum, { dimensions }) => sum + dimensions, 0)
    const places = [0, 2 ** rangeBits, ...Array.from({ length: count }, () => bits.read(rangeBits))]
    if (new Set(places).size !== places.length) throw new VorbisFault('a floor has two points in one place')
    this.#places = places
    this.#neighbours = places.map((_, i) => neighboursOf(places, i))
    this.#sorted = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!)
    this.#coded = new Int32Array(places.length)
    this.#heights = new Int32Array(places.length)
    this.#isUsed = new Uint8Array(places.length)
  }

  /** Reads a block's floor. @returns false if the channel is silent in this block */
  decode(bits: LowBitReader): boolean {
    try {
      if (bits.read(1) === 0) return false
      this.#read(bits)
    } catch (error) {
      if (error instanceof EndOfBits) return false
      throw error
    }
    this.#straighten()
    return true
  }

  #read(bits: LowBitReader): void {
    const coded = this.#coded
    const width = bitLength(this.#range - 1)
    coded[0] = bits.read(width)
    coded[1] = bits.read(width)
    let at = 2
    for (const { dimensions, subclassBits, master, books } of this.#partitions) {
      let choice = master?.decode(bits) ?? 0
      for (let i = 0; i < dimensions; i++) {
        coded[at++] = books[choice & (2 ** subclassBits - 1)]?.decode(bits) ?? 0
        choice >>= subclassBits
      }
    }
  }

  /** Computes the height of each point, which is coded as its distance from the line between its neighbours. */
  #straighten(): void {
    const [coded, heights, isUsed, places] = [this.#coded, this.#heights, this.#isUsed, this.#places]
    const range = this.#range
    isUsed.fill(0)
    for (let i = 0; i < 2; i++) {
      heights[i] = coded[i]!
      isUsed[i] = 1
    }
    for (let i = 2; i < places.length; i++) {
      const { low, high } = this.#neighbours[i]!
      const predicted = lineAt(places[low]!, heights[low]!, places[high]!, heights[high]!, places[i]!)
      const value = coded[i]!
      heights[i] = predicted
      if (value === 0) continue
      isUsed[low] = 1
      isUsed[high] = 1
      isUsed[i] = 1
      const [above, below] = [range - predicted, predicted]
      const room = 2 * Math.min(above, below)
      if (value >= room) heights[i] = above > below ? value - below + predicted : predicted - value + above - 1
      else heights[i] = value % 2 === 1 ? predicted - (value + 1) / 2 : predicted + value / 2
    }
  }

  /** Multiplies a spectrum by the floor that was read last. */
  apply(spectrum: Float32Array, length: number): void {
    const [heights, places] = [this.#heights, this.#places]
    const level = (height: number) => levels[Math.max(0, Math.min(255, height))]!
    let [x, y] = [0, heights[0]! * this.#multiplier]
    for (const i of this.#sorted) {
      if (i === 0 || this.#isUsed[i] === 0) continue
      const [nextX, nextY] = [places[i]!, heights[i]! * this.#multiplier]
      renderLine(x, y, nextX, nextY, Math.min(length, nextX), (at, height) => {
        spectrum[at]! *= level(height)
      })
      x = nextX
      y = nextY
    }
    for (let at = x; at < length; at++) spectrum[at]! *= level(y)
  }
}

function readClass(bits: LowBitReader, books: readonly Codebook[]): PointClass {
  const dimensions = bits.read(3) + 1
  const subclassBits = bits.read(2)
  const book = (index: number) => {
    const found = books[index]
    if (found === undefined) throw new VorbisFault('a floor names no codebook')
    return found
  }
  const master = subclassBits === 0 ? null : book(bits.read(8))
  const subclasses = Array.from({ length: 2 ** subclassBits }, () => bits.read(8))
  return { dimensions, subclassBits, master, books: subclasses.map(index => (index === 0 ? null : book(index - 1))) }
}

/** The nearest points on either side of point `i` among the earlier points. */
function neighboursOf(places: readonly number[], i: number): Neighbours {
  let [low, high] = [0, 1]
  for (let j = 0; j < i; j++) {
    if (places[j]! < places[i]! && places[j]! > places[low]!) low = j
    if (places[j]! > places[i]! && places[j]! < places[high]!) high = j
  }
  return { low, high }
}

/** The height of a line at x, rounded towards its start (`render_point` of the specification). */
function lineAt(x0: number, y0: number, x1: number, y1: number, x: number): number {
  return y0 + Math.trunc(((y1 - y0) * (x - x0)) / (x1 - x0))
}

/** Draws a line in whole numbers from x0 to `end` − 1 (`render_line` of the specification). */
function renderLine(
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  end: number,
  put: (x: number, y: number) => void,
): void {
  const [dy, dx] = [y1 - y0, x1 - x0]
  const base = Math.trunc(dy / dx)
  const rest = Math.abs(dy) - Math.abs(base) * dx
  let [y, error] = [y0, 0]
  for (let x = x0; x < end; x++) {
    put(x, y)
    error += rest
    y += base
    if (error < dx) continue
    error -= dx
    y += dy < 0 ? -1 : 1
  }
}
