/** Numbers of the storage types that files use, from and to float32. Little-endian by default. */
import { DiffWaveError } from '../core/errors.js'

/** A number's type in a file. */
export type NumberType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL'

/** Size of a number in bytes. */
export const bytesPerNumber: Readonly<Record<NumberType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
}

/** One float32 and its bits. */
const wordValue = new Float32Array(1)
const wordBits = new Uint32Array(wordValue.buffer)

/** The number of an IEEE 754 half-precision pattern. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * 2 ** -24 * fraction
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
}

/** Numbers of half-precision patterns. Bits are moved, but for zero, what is below the normal range, and infinity. */
function readHalves(bits: Uint16Array): Float32Array {
  const numbers = new Float32Array(bits.length)
  const words = new Uint32Array(numbers.buffer)
  for (let i = 0; i < bits.length; i++) {
    const pattern = bits[i]!
    const exponent = pattern & 0x7c00
    if (exponent === 0 || exponent === 0x7c00) numbers[i] = half(pattern)
    // Another exponent bias (127 in place of 15), and 13 bits more.
    else words[i] = ((pattern & 0x8000) << 16) | (((pattern & 0x7fff) << 13) + 0x38000000)
  }
  return numbers
}

/** Reads one number at a byte of a view. The last parameter says whether it is little-endian. */
const readers: Readonly<Record<NumberType, (view: DataView, at: number, little: boolean) => number>> = {
  F64: (view, at, little) => view.getFloat64(at, little),
  F32: (view, at, little) => view.getFloat32(at, little),
  F16: (view, at, little) => half(view.getUint16(at, little)),
  BF16: (view, at, little) => {
    wordBits[0] = view.getUint16(at, little) << 16
    return wordValue[0]!
  },
  I64: (view, at, little) => Number(view.getBigInt64(at, little)),
  I32: (view, at, little) => view.getInt32(at, little),
  I16: (view, at, little) => view.getInt16(at, little),
  I8: (view, at) => view.getInt8(at),
  U64: (view, at, little) => Number(view.getBigUint64(at, little)),
  U32: (view, at, little) => view.getUint32(at, little),
  U16: (view, at, little) => view.getUint16(at, little),
  U8: (view, at) => view.getUint8(at),
  BOOL: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
}

/** Numbers in a file. */
export interface StoredNumbers {
  readonly type: NumberType
  readonly count: number
  /** Byte at which the first one begins. Default: 0. */
  readonly start?: number
  /** Default: true. */
  readonly littleEndian?: boolean
}

/**
 * Reads numbers as float32, into memory of their own. A double or a 64-bit integer is rounded.
 *
 * @param bytes of the file
 * @param where names the file in errors
 * @throws DiffWaveError `TRUNCATED` if the bytes end before the numbers do; `NOT_FINITE` for a finite double beyond
 * float32's range
 */
export function readNumbers(bytes: Uint8Array, stored: StoredNumbers, where: string): Float32Array {
  const { type, littleEndian = true } = stored
  const present = bytesOf(bytes, stored, where)
  // Copied by a constructor: `slice` of a Buffer would be a view.
  if (type === 'F32' && littleEndian) return new Float32Array(new Uint8Array(present).buffer)
  if (type === 'F16' && littleEndian) {
    const even = present.byteOffset % 2 === 0 ? present : new Uint8Array(present)
    return readHalves(new Uint16Array(even.buffer, even.byteOffset, stored.count))
  }
  const view = new DataView(present.buffer, present.byteOffset, present.byteLength)
  const size = bytesPerNumber[type]
  const read = readers[type]
  const numbers = new Float32Array(stored.count)
  for (let i = 0; i < numbers.length; i++) numbers[i] = read(view, i * size, littleEndian)
  if (type === 'F64') checkRange(numbers, i => read(view, i * size, littleEndian), where)
  return numbers
}

/** The bytes of numbers, a view. @throws DiffWaveError `TRUNCATED` */
function bytesOf(bytes: Uint8Array, { type, count, start = 0 }: StoredNumbers, where: string): Uint8Array {
  const size = bytesPerNumber[type]
  const end = start + count * size
  if (Number.isSafeInteger(count) && count >= 0 && start >= 0 && end <= bytes.length) return bytes.subarray(start, end)
  throw new DiffWaveError('TRUNCATED', 'the file ends before its numbers do', {
    expected: `${count} numbers of ${size} bytes from byte ${start}`,
    got: `${bytes.length} bytes`,
    where,
  })
}

/**
 * Refuses doubles that became infinite as float32. NaN and Infinity that the file itself holds are the caller's to
 * judge.
 */
function checkRange(numbers: Float32Array, original: (index: number) => number, where: string): void {
  for (let i = 0; i < numbers.length; i++) {
    if (Math.abs(numbers[i]!) !== Number.POSITIVE_INFINITY || !Number.isFinite(original(i))) continue
    throw new DiffWaveError('NOT_FINITE', `number ${i} is too large for float32`, {
      expected: 'at most 3.4e38 in size',
      got: String(original(i)),
      where,
    })
  }
}

/**
 * Float32 numbers as little-endian bytes, sharing memory. Every platform that Node runs on is little-endian, except
 * s390x.
 */
export function float32Bytes(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** The types that weights are written in. */
export const weightTypes = ['F32', 'F16', 'BF16'] as const
/** A type that weights are written in: float32, IEEE 754 half precision or bfloat16. */
export type WeightType = (typeof weightTypes)[number]

/** The bits of a float32 (as bits) in half precision, rounded to nearest, ties to even. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const size = bits & 0x7fffffff
  if (size > 0x7f800000) return sign | 0x7e00
  // From 65,520 on, halfway between the largest number and the next power of two, it is infinity.
  if (size >= 0x477ff000) return sign | 0x7c00
  // From 2^-14 on: another exponent bias, and 13 bits fewer.
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13)
  wordBits[0] = size
  const units = wordValue[0]! * 2 ** 24
  const floor = Math.floor(units)
  const rest = units - floor
  return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor)
}

/** The bits of a float32 (as bits) in bfloat16, rounded to nearest, ties to even. */
function bfloat16Bits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}

/**
 * Float32 numbers as little-endian bytes of a type, rounded to nearest, ties to even. Infinity and NaN stay what they
 * are. `F32` shares memory with `data`.
 *
 * @param where names the numbers in errors
 * @throws DiffWaveError `NOT_FINITE` for a finite number that the type can only hold as infinity
 */
export function writeNumbers(data: Float32Array, type: WeightType, where: string): Uint8Array {
  if (type === 'F32') return float32Bytes(data)
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  const out = new Uint16Array(data.length)
  const convert = type === 'F16' ? halfBits : bfloat16Bits
  const infinity = type === 'F16' ? 0x7c00 : 0x7f80
  for (let i = 0; i < data.length; i++) {
    out[i] = convert(bits[i]!)
    if ((out[i]! & 0x7fff) !== infinity || !Number.isFinite(data[i])) continue
    throw new DiffWaveError('NOT_FINITE', `number ${i} is too large for ${type}`, {
      expected: type === 'F16' ? 'at most 65,504 in size' : 'at most 3.39e38 in size',
      got: String(data[i]),
      where,
    })
  }
  return new Uint8Array(out.buffer)
}
