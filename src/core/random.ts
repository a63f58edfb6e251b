/**
 * Random numbers keyed by position, not by call order: number i of draw d under a seed is a pure function of (seed, d,
 * i), so chunks, threads and batches cannot change it. Philox4x32-10 (Salmon et al., “Parallel random numbers: as easy
 * as 1, 2, 3”, 2011), checked against the known answers published with it.
 */

const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85
const ROUNDS = 10

/** High 32 bits of an unsigned 32 × 32 bit product, by 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) >>> 0
}

/** Philox4x32-10: four 32-bit counters and two 32-bit keys in, four random 32-bit words out (into `counter`). */
export function philox(counter: Uint32Array, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = counter as unknown as [number, number, number, number]
  let k0 = key0 >>> 0
  let k1 = key1 >>> 0
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0)
    const low0 = Math.imul(MULTIPLIER_0, c0)
    const high1 = multiplyHigh(MULTIPLIER_1, c2)
    const low1 = Math.imul(MULTIPLIER_1, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1 >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + WEYL_0) >>> 0
    k1 = (k1 + WEYL_1) >>> 0
  }
  counter[0] = c0
  counter[1] = c1
  counter[2] = c2
  counter[3] = c3
}

/** Which kind of numbers a counter is for, so that kinds never share bits. */
const GAUSSIAN = 0
const UNIFORM = 1

/** Writes the four random words at a position into `words`. @param kind `GAUSSIAN` or `UNIFORM` */
function block(words: Uint32Array, seed: number, draw: number, index: number, kind: number): void {
  words[0] = index >>> 0
  words[1] = Math.floor(index / 2 ** 32) >>> 0
  words[2] = draw >>> 0
  words[3] = kind
  philox(words, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0)
}

/**
 * Standard normal numbers start … start + count − 1 of a draw, by Box–Muller in double precision.
 *
 * @param seed 0 … 2^53 − 1
 * @param draw 0 … 2^32 − 1: which series of numbers (the start of the process, or one of its steps)
 * @param start index of the first, from 0
 */
export function gaussian(
  seed: number,
  draw: number,
  start: number,
  count: number,
  out: Float32Array = new Float32Array(count),
): Float32Array {
  const words = new Uint32Array(4)
  const four = new Float64Array(4)
  const end = start + count
  for (let index = start; index < end; ) {
    const quadruple = Math.floor(index / 4)
    block(words, seed, draw, quadruple, GAUSSIAN)
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log((words[pair]! + 1) / 2 ** 32))
      const angle = (2 * Math.PI * words[pair + 1]!) / 2 ** 32
      four[pair] = radius * Math.cos(angle)
      four[pair + 1] = radius * Math.sin(angle)
    }
    const first = quadruple * 4
    for (const stop = Math.min(end, first + 4); index < stop; index++) out[index - start] = four[index - first]!
  }
  return out
}

/** Number `index` of a draw, uniform in [0, 1), with 53 random bits. */
export function uniform(seed: number, draw: number, index: number): number {
  const words = new Uint32Array(4)
  block(words, seed, draw, index, UNIFORM)
  return ((words[0]! >>> 5) * 2 ** 26 + (words[1]! >>> 6)) / 2 ** 53
}

/** Number `index` of a draw, uniform among the integers 0 … bound − 1. */
export function uniformInteger(seed: number, draw: number, index: number, bound: number): number {
  return Math.floor(uniform(seed, draw, index) * bound)
}

/**
 * An index drawn by weight, from number `index` of a draw.
 *
 * @param weights at least one above 0; an index of weight 0 is never drawn
 */
export function weightedIndex(weights: readonly number[], seed: number, draw: number, index: number): number {
  const starts: number[] = []
  let total = 0
  for (const weight of weights) {
    starts.push(total)
    total += weight
  }
  const at = uniform(seed, draw, index) * total
  // By starts, so that no rounding leaves the table.
  return starts.findLastIndex((start, i) => weights[i]! > 0 && start <= at)
}

/** The integers 0 … count − 1 in a random order: Fisher–Yates fed by the numbers of a draw. */
export function permutation(seed: number, draw: number, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = uniformInteger(seed, draw, i, i + 1)
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
  return order
}
