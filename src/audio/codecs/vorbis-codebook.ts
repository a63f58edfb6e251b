/** Codebooks of Vorbis (Vorbis I specification, section 3): Huffman codes and the vectors that they encode. */
import {
  MAX_VORBIS_ENTRIES,
  MAX_VORBIS_VALUES,
  VORBIS_ENTRIES_PER_BYTE,
  VORBIS_VALUES_PER_BYTE,
} from '../../core/limits.js'
import type { LowBitReader } from './low-bit-reader.js'

/** The stream breaks the specification or a limit. The decoder turns it into an error. */
export class VorbisFault extends Error {}

/** What the codebooks of a file may still declare. */
export interface CodebookBudget {
  entries: number
  values: number
}

/** @param fileBytes size of the file */
export function codebookBudget(fileBytes: number): CodebookBudget {
  return {
    entries: MAX_VORBIS_ENTRIES + VORBIS_ENTRIES_PER_BYTE * fileBytes,
    values: MAX_VORBIS_VALUES + VORBIS_VALUES_PER_BYTE * fileBytes,
  }
}

const SYNC = 0x564342
/** Bits that one table look-up decodes. */
const TABLE_BITS = 9
/** Leaves are stored as −1 − entry, so that 0 is “no code”. */
const leaf = (entry: number) => -1 - entry

export class Codebook {
  readonly dimensions: number
  readonly entries: number
  /** `[entries × dimensions]`; null for a codebook of numbers only. */
  readonly vectors: Float32Array | null
  /** The binary tree, `[nodes × 2]`: for each bit the next node, a leaf, or 0 for no code. */
  readonly #tree: Int32Array
  /** By the next `TABLE_BITS` bits: the node or leaf that they lead to. */
  readonly #table: Int32Array
  /** By the same bits: how many of them are used. */
  readonly #used: Uint8Array

  /** Reads a codebook from the setup header. @throws VorbisFault, EndOfBits */
  constructor(bits: LowBitReader, budget: CodebookBudget) {
    if (bits.read(24) !== SYNC) throw new VorbisFault('a codebook is damaged')
    this.dimensions = bits.read(16)
    this.entries = bits.read(24)
    if (this.dimensions === 0 || this.entries === 0) throw new VorbisFault('a codebook is empty')
    // Run lengths can describe millions of entries in a few bits.
    budget.entries -= this.entries
    if (budget.entries < 0) throw new VorbisFault('its codebooks are too large')
    this.#tree = treeOf(codeLengths(bits, this.entries))
    const { table, used } = tableOf(this.#tree)
    this.#table = table
    this.#used = used
    this.vectors = readVectors(bits, this.entries, this.dimensions, budget)
  }

  /** Decodes the index of the next entry. @throws EndOfBits, VorbisFault for a code that no entry has */
  decode(bits: LowBitReader): number {
    const prefix = bits.peek(TABLE_BITS)
    let node = this.#table[prefix]!
    bits.skip(this.#used[prefix]!)
    while (node > 0) node = this.#tree[2 * node + bits.read(1)]!
    if (node === 0) throw new VorbisFault('a packet is damaged')
    return leaf(node)
  }
}

/** Reads the length of each entry's code; 0 for an unused entry. */
function codeLengths(bits: LowBitReader, entries: number): Uint8Array {
  const lengths = new Uint8Array(entries)
  if (bits.read(1) === 1) {
    let length = bits.read(5) + 1
    for (let entry = 0; entry < entries; length++) {
      const count = bits.read(32 - Math.clz32(entries - entry))
      if (length > 32 || entry + count > entries) throw new VorbisFault('a codebook is damaged')
      lengths.fill(length, entry, entry + count)
      entry += count
    }
    return lengths
  }
  const sparse = bits.read(1) === 1
  for (let entry = 0; entry < entries; entry++) {
    if (!sparse || bits.read(1) === 1) lengths[entry] = bits.read(5) + 1
  }
  return lengths
}

/**
 * The Huffman codes of the entries, left-aligned in 32 bits: each entry in turn takes the leftmost free place at its
 * depth (section 3.2.1).
 *
 * @throws VorbisFault if no place is free
 */
function codesOf(lengths: Uint8Array): Uint32Array {
  // At each depth at most one subtree is free. This is its code, or −1 for none.
  const free = new Float64Array(33).fill(-1)
  free[0] = 0
  const codes = new Uint32Array(lengths.length)
  for (const [entry, length] of lengths.entries()) {
    if (length === 0) continue
    let depth = length
    while (depth >= 0 && free[depth]! < 0) depth--
    if (depth < 0) throw new VorbisFault('a codebook has more codes than fit')
    const code = free[depth]!
    free[depth] = -1
    for (let below = length; below > depth; below--) free[below] = code + 2 ** (32 - below)
    codes[entry] = code
  }
  return codes
}

/** Builds the Huffman tree. @throws VorbisFault if there are more codes than fit */
function treeOf(lengths: Uint8Array): Int32Array {
  const codes = codesOf(lengths)
  const isUsed = (length: number) => length > 0
  const only = lengths.findIndex(isUsed)
  // A single entry has a code of one bit, whose value does not matter.
  if (only >= 0 && only === lengths.findLastIndex(isUsed)) return Int32Array.of(leaf(only), leaf(only))
  const nodes: number[] = [0, 0]
  for (const [entry, length] of lengths.entries()) {
    let node = 0
    for (let depth = 1; depth <= length; depth++) {
      const side = 2 * node + ((codes[entry]! >>> (32 - depth)) & 1)
      if (depth === length) nodes[side] = leaf(entry)
      else {
        if (nodes[side] === 0) {
          nodes[side] = nodes.length / 2
          nodes.push(0, 0)
        }
        node = nodes[side]!
      }
    }
  }
  return Int32Array.from(nodes)
}

function tableOf(tree: Int32Array): { readonly table: Int32Array; readonly used: Uint8Array } {
  const table = new Int32Array(2 ** TABLE_BITS)
  const used = new Uint8Array(2 ** TABLE_BITS)
  for (let prefix = 0; prefix < table.length; prefix++) {
    let [node, depth] = [0, 0]
    do node = tree[2 * node + ((prefix >> depth++) & 1)]!
    while (node > 0 && depth < TABLE_BITS)
    table[prefix] = node
    used[prefix] = depth
  }
  return { table, used }
}

/** Reads the vectors of the entries (section 3.2.1, “VQ lookup table vector representation”). */
function readVectors(
  bits: LowBitReader,
  entries: number,
  dimensions: number,
  budget: CodebookBudget,
): Float32Array | null {
  const type = bits.read(4)
  if (type === 0) return null
  if (type > 2) throw new VorbisFault('a codebook is damaged')
  const minimum = readFloat(bits)
  const delta = readFloat(bits)
  const width = bits.read(4) + 1
  const sequential = bits.read(1) === 1
  budget.values -= entries * dimensions
  if (budget.values < 0) throw new VorbisFault('its codebooks are too large')
  const count = type === 1 ? latticeSize(entries, dimensions) : entries * dimensions
  if (count * width > bits.left) throw new VorbisFault('its setup header is cut short')
  const factors = Uint16Array.from({ length: count }, () => bits.read(width))
  const vectors = new Float32Array(entries * dimensions)
  for (let entry = 0; entry < entries; entry++) {
    let [last, divisor] = [0, 1]
    for (let i = 0; i < dimensions; i++) {
      const place = type === 1 ? Math.floor(entry / divisor) % count : entry * dimensions + i
      const value = factors[place]! * delta + minimum + last
      if (sequential) last = value
      vectors[entry * dimensions + i] = value
      divisor *= count
    }
  }
  return vectors
}

/** The largest r with r to the power of `dimensions` at most `entries`. */
function latticeSize(entries: number, dimensions: number): number {
  let size = Math.floor(entries ** (1 / dimensions))
  while ((size + 1) ** dimensions <= entries) size++
  while (size > 1 && size ** dimensions > entries) size--
  return size
}

/** Reads a float of 32 bits: the sign, ten bits of exponent and 21 of mantissa (section 9.2.2). */
function readFloat(bits: LowBitReader): number {
  const mantissa = bits.read(21)
  const exponent = bits.read(10)
  return (bits.read(1) === 1 ? -1 : 1) * mantissa * 2 ** (exponent - 788)
}
