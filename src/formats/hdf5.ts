/**
 * Small arrays at the top of an HDF5 file, as h5py writes them by default: superblock version 0, one group, float
 * datasets in one piece (The HDF5 Group, “HDF5 File Format Specification Version 3.0”). ParallelWaveGAN stores its
 * statistics in such files. Everything else of the format is refused: chunks, compression, the newer layouts.
 */
import { DiffWaveError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { readNumbers } from './numbers.js'

/** The first bytes. */
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
/** Nodes, entries and messages that are read before a file counts as malformed: loops end here. */
const MAX_PARTS = 4096
const MAX_RANK = 4
/** Bytes of a name. Longer ones are not wanted, and thousands of entries may refer to one name. */
const MAX_NAME_BYTES = 256
/** Bytes of an entry of a group: name, header, kind of cache, 16 bytes of cache. */
const ENTRY_BYTES = 40
/** Types of messages in an object's header. */
const DATASPACE = 0x01
const DATATYPE = 0x03
const LAYOUT = 0x08
const CONTINUATION = 0x10
/** Class of a datatype. */
const FLOATING_POINT = 1
/** Class of a layout: in one piece. */
const CONTIGUOUS = 1
const FLOATS: Readonly<Record<number, 'F16' | 'F32' | 'F64'>> = { 2: 'F16', 4: 'F32', 8: 'F64' }

/** Whether bytes begin like HDF5. */
export function isHdf5(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte)
}

/**
 * The float arrays at the top of a file, by name.
 *
 * @param wanted names of those that are read
 * @param maxElements of one array
 * @throws DiffWaveError `UNSUPPORTED_FORMAT`, `TRUNCATED`, `TOO_LARGE`
 */
export function decodeHdf5(
  bytes: Uint8Array,
  wanted: readonly string[],
  maxElements: number,
  where: string,
): Map<string, Tensor> {
  const file = new Parts(bytes, where)
  // Version 0, and addresses and lengths of 8 bytes.
  if (file.byte(8) !== 0 || file.byte(13) !== 8 || file.byte(14) !== 8) throw file.unsupported('a newer layout')
  if (file.word(72, 4) !== 1) throw file.unsupported('another kind of group')
  const [tree, heap] = [file.word(80, 8), file.word(88, 8)]
  file.expect(heap, 'HEAP')
  const names = { start: file.word(heap + 24, 8), size: file.word(heap + 8, 8) }
  const found = new Map<string, Tensor>()
  for (const { name, header } of entriesBelow(file, tree, names)) {
    if (wanted.includes(name)) found.set(name, dataset(file, header, maxElements, `${where}, array ${name}`))
  }
  return found
}

/** Reads within bounds, and counts what it enters. */
class Parts {
  readonly #view: DataView
  #entered = 0

  constructor(
    readonly bytes: Uint8Array,
    readonly where: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** @throws DiffWaveError `TRUNCATED` */
  span(start: number, length: number): Uint8Array {
    if (Number.isSafeInteger(start + length) && start >= 0 && length >= 0 && start + length <= this.bytes.length) {
      return this.bytes.subarray(start, start + length)
    }
    throw new DiffWaveError('TRUNCATED', 'the HDF5 file ends early, or refers to what is beyond its end', {
      where: this.where,
    })
  }

  byte(at: number): number {
    return this.span(at, 1)[0]!
  }

  /** A little-endian number of 2, 4 or 8 bytes. */
  word(at: number, size: 2 | 4 | 8): number {
    this.span(at, size)
    if (size === 2) return this.#view.getUint16(at, true)
    return size === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true))
  }

  /** A null-terminated name; empty if it is longer than `MAX_NAME_BYTES`. */
  name(start: number, end: number): string {
    const bytes = this.span(start, Math.max(0, Math.min(end - start, MAX_NAME_BYTES)))
    const length = bytes.indexOf(0)
    return new TextDecoder().decode(bytes.subarray(0, Math.max(0, length)))
  }

  /** @throws DiffWaveError `UNSUPPORTED_FORMAT` */
  expect(at: number, signature: string): void {
    const text = String.fromCharCode(...this.span(at, 4))
    if (text !== signature) throw this.unsupported('a part of an unexpected kind')
  }

  /** Counts a part. @throws DiffWaveError `UNSUPPORTED_FORMAT` for a file of too many, or of a loop */
  enter(): void {
    if (++this.#entered > MAX_PARTS) throw this.unsupported('too many parts')
  }

  unsupported(found: string): DiffWaveError {
    return new DiffWaveError('UNSUPPORTED_FORMAT', 'this kind of HDF5 file is not supported', {
      expected: 'float arrays as h5py writes them by default',
      got: found,
      where: this.where,
      hint: 'Convert it: f = h5py.File("stats.h5"); np.save("stats.npy", np.stack([f["mean"], f["scale"]]))',
    })
  }
}

interface Names {
  readonly start: number
  readonly size: number
}

/** The entries of a group, from its B-tree. Nodes wait in a list, so that a deep tree takes no stack. */
function* entriesBelow(
  file: Parts,
  root: number,
  names: Names,
): Generator<{ readonly name: string; readonly header: number }> {
  const nodes = [root]
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (String.fromCharCode(...file.span(node, 4)) === 'TREE') {
      file.enter()
      const children = file.word(node + 6, 2)
      for (let i = 0; i < children; i++) {
        file.enter()
        nodes.push(file.word(node + 32 + 16 * i, 8))
      }
      continue
    }
    file.expect(node, 'SNOD')
    const count = file.word(node + 6, 2)
    for (let i = 0; i < count; i++) {
      file.enter()
      const entry = node + 8 + ENTRY_BYTES * i
      const name = file.name(names.start + file.word(entry, 8), names.start + names.size)
      yield { name, header: file.word(entry + 8, 8) }
    }
  }
}

interface Message {
  readonly type: number
  /** Where its body begins. */
  readonly start: number
}

/** The messages of an object's header, version 1. */
function* messages(file: Parts, header: number): Generator<Message> {
  if (file.byte(header) !== 1) throw file.unsupported('a newer object header')
  const blocks = [{ start: header + 16, size: file.word(header + 8, 4) }]
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    for (let at = block.start; at + 8 <= block.start + block.size; ) {
      file.enter()
      const [type, size] = [file.word(at, 2), file.word(at + 2, 2)]
      const start = at + 8
      file.span(start, size)
      if (type === CONTINUATION) blocks.push({ start: file.word(start, 8), size: file.word(start + 8, 8) })
      else yield { type, start }
      at = start + size
    }
  }
}

/** @throws DiffWaveError `UNSUPPORTED_FORMAT`, `TRUNCATED`, `TOO_LARGE` */
function dataset(file: Parts, header: number, maxElements: number, where: string): Tensor {
  const parts = new Map<number, number>()
  for (const { type, start } of messages(file, header)) parts.set(type, start)
  const [space, type, layout] = [DATASPACE, DATATYPE, LAYOUT].map(kind => parts.get(kind))
  if (space === undefined || type === undefined || layout === undefined) throw file.unsupported('no array')
  const shape = shapeAt(file, space)
  const count = shape.reduce((product, size) => product * size, 1)
  if (count > maxElements) {
    throw new DiffWaveError('TOO_LARGE', 'the array has too many numbers', {
      expected: `at most ${maxElements}`,
      got: String(count),
      where,
    })
  }
  const number = FLOATS[file.word(type + 4, 4)]
  if ((file.byte(type) & 15) !== FLOATING_POINT || number === undefined) throw file.unsupported('other numbers')
  const littleEndian = (file.byte(type + 1) & 1) === 0
  if (file.byte(layout) !== 3) throw file.unsupported('an array of a newer or an older layout')
  if (file.byte(layout + 1) !== CONTIGUOUS) throw file.unsupported('an array in chunks or in its header')
  const start = file.word(layout + 2, 8)
  const size = file.word(type + 4, 4) * count
  return { shape, data: readNumbers(file.span(start, size), { type: number, count, littleEndian }, where) }
}

/** The sizes of a dataspace, version 1 or 2. */
function shapeAt(file: Parts, start: number): number[] {
  const [version, rank] = [file.byte(start), file.byte(start + 1)]
  if (version !== 1 && version !== 2) throw file.unsupported('an array of a newer layout')
  if (rank > MAX_RANK) throw file.unsupported(`an array of ${rank} axes`)
  const sizes = start + (version === 1 ? 8 : 4)
  return Array.from({ length: rank }, (_, axis) => file.word(sizes + 8 * axis, 8))
}
