/**
 * Safetensors (Hugging Face): eight bytes of header length, a JSON header of name → {dtype, shape, data_offsets}, then the
 * numbers without gaps. Read strictly: every size is checked against the bytes present before anything is allocated.
 */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { MAX_SAFETENSORS_HEADER_BYTES } from '../core/limits.js'
import { elementCount, type Tensor, type Tensors } from '../core/tensor.js'
import { bytesPerNumber, float32Bytes, type NumberType, readNumbers } from './numbers.js'

export interface SafetensorsFile {
  readonly tensors: Map<string, Tensor>
  readonly metadata: ReadonlyMap<string, string>
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const entrySchema = z.strictObject({
  dtype: z.enum(Object.keys(bytesPerNumber) as [NumberType, ...NumberType[]]),
  shape: z.array(count).max(16),
  data_offsets: z.tuple([count, count]),
})

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_SAFETENSORS', problem, { where })
}

/** The header's members in order, duplicates included: JSON.parse alone would hide a repeated name. */
function parseHeader(text: string, where: string): Map<string, unknown> {
  let object: unknown
  const repeated: string[] = []
  try {
    const seen = new Set<string>()
    for (const [, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:\s*\{/g)) {
      if (seen.has(name!)) repeated.push(name!)
      seen.add(name!)
    }
    object = JSON.parse(text)
  } catch (error) {
    throw new DiffWaveError('BAD_SAFETENSORS', 'the header is not JSON', { where, cause: error })
  }
  if (repeated.length > 0) throw bad(`the header names ${repeated[0]} twice`, where)
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw bad('the header is no object', where)
  return new Map(Object.entries(object))
}

/**
 * All tensors of a safetensors file, as float32 (doubles and integers are rounded).
 *
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_SAFETENSORS`, `TRUNCATED`
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): SafetensorsFile {
  if (bytes.length < 8) throw new DiffWaveError('TRUNCATED', 'too short for a safetensors file', { where })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  if (headerLength > MAX_SAFETENSORS_HEADER_BYTES) throw bad(`a header of ${headerLength} bytes is declared`, where)
  if (8 + headerLength > bytes.length) {
    throw new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + headerLength))
  } catch (error) {
    throw new DiffWaveError('BAD_SAFETENSORS', 'the header is not text', { where, cause: error })
  }
  const metadata = new Map<string, string>()
  const entries: [string, z.output<typeof entrySchema>][] = []
  for (const [name, value] of parseHeader(text, where)) {
    if (name === '__metadata__') {
      const parsed = z.record(z.string(), z.string()).safeParse(value)
      if (!parsed.success) throw bad('__metadata__ must map text to text', where)
      for (const [key, entry] of Object.entries(parsed.data)) metadata.set(key, entry)
      continue
    }
    const parsed = entrySchema.safeParse(value)
    if (!parsed.success) {
      throw bad(`the entry of ${JSON.stringify(name)} is malformed: ${parsed.error.issues[0]!.message}`, where)
    }
    entries.push([name, parsed.data])
  }

  const start = 8 + headerLength
  const available = bytes.length - start
  let end = 0
  for (const [name, entry] of [...entries].sort((a, b) => a[1].data_offsets[0] - b[1].data_offsets[0])) {
    const [from, to] = entry.data_offsets
    if (to > available) throw new DiffWaveError('TRUNCATED', `the file ends inside ${JSON.stringify(name)}`, { where })
    if (from !== end) throw bad(`the bytes of ${JSON.stringify(name)} overlap others or leave a gap`, where)
    const expected = elementCount(entry.shape) * bytesPerNumber[entry.dtype]
    if (to - from !== expected) {
      throw bad(`${JSON.stringify(name)} has ${to - from} bytes where its shape needs ${expected}`, where)
    }
    end = to
  }
  if (end !== available) throw bad(`${available - end} bytes follow the last tensor`, where)

  const tensors = new Map<string, Tensor>()
  for (const [name, { dtype, shape, data_offsets }] of entries) {
    tensors.set(name, { shape, data: readNumbers(bytes, start + data_offsets[0], elementCount(shape), dtype, where) })
  }
  return { tensors, metadata }
}

/** A safetensors file of float32 tensors, in the order given. */
export function encodeSafetensors(tensors: Tensors, metadata: ReadonlyMap<string, string> = new Map()): Uint8Array {
  const members: string[] = []
  if (metadata.size > 0) members.push(`"__metadata__":${JSON.stringify(Object.fromEntries(metadata))}`)
  let offset = 0
  for (const [name, { shape, data }] of tensors) {
    const entry = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    offset += data.byteLength
  }
  const json = `{${members.join(',')}}`
  const header = new TextEncoder().encode(json)
  const padded = Math.ceil(header.length / 8) * 8
  const bytes = new Uint8Array(8 + padded + offset)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true)
  bytes.set(header, 8)
  bytes.fill(0x20, 8 + header.length, 8 + padded)
  let at = 8 + padded
  for (const { data } of tensors.values()) {
    bytes.set(float32Bytes(data), at)
    at += data.byteLength
  }
  return bytes
}
