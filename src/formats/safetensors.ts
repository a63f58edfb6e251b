/**
 * Safetensors (Hugging Face): eight bytes of header length, a JSON header of name → {dtype, shape, data_offsets}, then
 * the numbers without gaps. Read strictly: every size is checked against the bytes present before anything is
 * allocated.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_SAFETENSORS_HEADER_BYTES } from '../core/limits.js'
import { elementCount, type Tensor, type Tensors } from '../core/tensor.js'
import { wrongFileHint } from '../core/wrong-file.js'
import { bytesPerNumber, readNumbers, type WeightType, writeNumbers } from './numbers.js'
import {
  METADATA,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensors-header.js'
import { isZip } from './zip-signature.js'

export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>
  readonly metadata: ReadonlyMap<string, string>
}

/** Bytes of the header's length, which come first. */
const LENGTH_BYTES = 8

/**
 * Whether bytes start as a safetensors file does: with the length of its JSON header, eight bytes, and the header's
 * brace. A zip archive whose ninth byte is a brace is not one: as a length, its first bytes would be 67 MB.
 */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && !isZip(bytes)
}

/**
 * All tensors of a safetensors file, as float32 (doubles and integers are rounded).
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_SAFETENSORS`, `TRUNCATED`, `TOO_LARGE`, `UNSUPPORTED_FORMAT`, `NOT_FINITE` (a double
 * beyond float32)
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): SafetensorsFile {
  const { entries, metadata } = decodeSafetensorsHeader(bytes, bytes.length, where)
  const numbers = numbersOf(entries, bytes, safetensorsHeaderEnd(bytes, where), where)
  const tensors = new Map<string, Tensor>()
  for (const [name, entry] of entries) tensors.set(name, { shape: entry.shape, data: numbers(entry) })
  return { tensors, metadata }
}

/**
 * The header of a safetensors file. It is checked that the file has the bytes of all tensors.
 *
 * @param bytes the beginning of the file, at least up to `safetensorsHeaderEnd` or the file's end
 * @param size of the file in bytes
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_SAFETENSORS`, `TRUNCATED`, `TOO_LARGE`, `UNSUPPORTED_FORMAT`
 */
export function decodeSafetensorsHeader(bytes: Uint8Array, size: number, where: string): SafetensorsHeader {
  const end = safetensorsHeaderEnd(bytes, where)
  if (end > size) throw new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
  const header = parseSafetensorsHeader(headerText(bytes.subarray(LENGTH_BYTES, end), where), where)
  checkLayout(header.entries, size - end, where)
  return header
}

/**
 * Where the header of a safetensors file ends, in bytes from the file's start.
 *
 * @param bytes the beginning of the file, at least 512 bytes or the whole file
 * @throws DiffWaveError `BAD_SAFETENSORS`, `TRUNCATED`, `UNSUPPORTED_FORMAT`
 */
export function safetensorsHeaderEnd(bytes: Uint8Array, where: string): number {
  const hint = wrongFileHint(bytes)
  if (hint !== undefined) throw new DiffWaveError('UNSUPPORTED_FORMAT', 'not a safetensors file', { where, hint })
  if (bytes.length < LENGTH_BYTES) throw new DiffWaveError('TRUNCATED', 'too short for a safetensors file', { where })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = Number(view.getBigUint64(0, true))
  if (length > MAX_SAFETENSORS_HEADER_BYTES) {
    throw new DiffWaveError('BAD_SAFETENSORS', 'the header is too long', {
      expected: `at most ${MAX_SAFETENSORS_HEADER_BYTES} bytes`,
      got: String(length),
      where,
    })
  }
  return LENGTH_BYTES + length
}

/** Reads the numbers of an entry. Those of a file with one type are read at once, and share memory as in the file. */
function numbersOf(
  entries: ReadonlyMap<string, SafetensorsEntry>,
  bytes: Uint8Array,
  start: number,
  where: string,
): (entry: SafetensorsEntry) => Float32Array {
  const types = new Set([...entries.values()].map(({ dtype }) => dtype))
  const [type] = types
  if (type === undefined || types.size > 1) {
    return ({ dtype, shape, offsets }) =>
      readNumbers(bytes, { type: dtype, count: elementCount(shape), start: start + offsets[0] }, where)
  }
  const size = bytesPerNumber[type]
  const all = readNumbers(bytes, { type, count: (bytes.length - start) / size, start }, where)
  return ({ offsets: [from, to] }) => all.subarray(from / size, to / size)
}

function headerText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new DiffWaveError('BAD_SAFETENSORS', 'the header is not UTF-8 text', { where, cause: error })
  }
}

/** Whether the tensors' bytes follow each other without gaps and end with the file. */
function checkLayout(entries: ReadonlyMap<string, SafetensorsEntry>, available: number, where: string): void {
  const bad = (problem: string) => new DiffWaveError('BAD_SAFETENSORS', problem, { where })
  // An empty tensor shares its offset with the next one, which must not come before it.
  const inOrder = [...entries].sort(([, { offsets: a }], [, { offsets: b }]) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const [name, { dtype, shape, offsets }] of inOrder) {
    const [from, to] = offsets
    if (to > available) throw new DiffWaveError('TRUNCATED', `the file ends inside ${JSON.stringify(name)}`, { where })
    if (from !== end) throw bad(`the bytes of ${JSON.stringify(name)} overlap others or leave a gap`)
    const expected = elementCount(shape) * bytesPerNumber[dtype]
    if (to - from !== expected) {
      throw bad(`${JSON.stringify(name)} has ${to - from} bytes, but its shape needs ${expected}`)
    }
    end = to
  }
  if (end !== available) throw bad(`${available - end} bytes follow the last tensor`)
}

/**
 * A safetensors file, its tensors in the order given.
 *
 * @param type what the numbers are written as, rounded to nearest, ties to even; default `F32`
 * @throws DiffWaveError `NOT_FINITE` for a finite number beyond the type's range
 */
export function encodeSafetensors(
  tensors: Tensors,
  metadata: ReadonlyMap<string, string> = new Map(),
  type: WeightType = 'F32',
): Uint8Array {
  const members: string[] = []
  if (metadata.size > 0) members.push(`"${METADATA}":${JSON.stringify(Object.fromEntries(metadata))}`)
  const numbers: Uint8Array[] = []
  let offset = 0
  for (const [name, { shape, data }] of tensors) {
    const bytes = writeNumbers(data, type, name)
    const entry = { dtype: type, shape, data_offsets: [offset, offset + bytes.length] }
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    numbers.push(bytes)
    offset += bytes.length
  }
  const header = new TextEncoder().encode(`{${members.join(',')}}`)
  const padded = Math.ceil(header.length / 8) * 8
  const start = LENGTH_BYTES + padded
  const file = new Uint8Array(start + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true)
  file.set(header, LENGTH_BYTES)
  file.fill(0x20, LENGTH_BYTES + header.length, start)
  let at = start
  for (const bytes of numbers) {
    file.set(bytes, at)
    at += bytes.length
  }
  return file
}
