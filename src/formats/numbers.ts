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

/**
 * `count` numbers starting at byte `offset`, as float32. A double or a 64-bit integer is rounded.
 *
 * @throws DiffWaveError `TRUNCATED` if the bytes end before the numbers do; `NOT_FINITE` for a finite double beyond
 * float32's range
 */
export function readNumbers(
  bytes: Uint8Array,
  offset: number,
  count: number,
  type: NumberType,
  where: string,
  littleEndian = true,
): Float32Array {
  const size = bytesPerNumber[type]
  if (!Number.isSafeInteger(count) || count < 0 || offset < 0 || offset + count * size > bytes.length) {
    throw new DiffWaveError('TRUNCATED', 'the file ends before its numbers do', {
      expected: `${count} numbers of ${size} bytes from byte ${offset}`,
      got: `${bytes.length} bytes`,
      where,
    })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, count * size)
  if (type === 'F32' && littleEndian) {
    // A copy of their own: a Buffer's slice would be a view, at any offset.
    const copy = new Uint8Array(count * 4)
    copy.set(bytes.subarray(offset, offset + count * 4))
    return new Float32Array(copy.buffer)
  }
  if (type === 'F16' && littleEndian) {
    const start = bytes.byteOffset + offset
    // Patterns at an odd address cannot be viewed as such.
    const [buffer, at] = start % 2 === 0 ? [bytes.buffer, start] : [bytes.slice(offset, offset + 2 * count).buffer, 0]
    return readHalves(new Uint16Array(buffer, at, count))
  }
  const read: Readonly<Record<NumberType, (at: number) => number>> = {
    F16: at => half(view.getUint16(at, littleEndian)),
    F64: at => view.getFloat64(at, littleEndian),
    F32: at => view.getFloat32(at, littleEndian),
    BF16: at => {
      wordBits[0] = view.getUint16(at, littleEndian) << 16
      return wordValue[0]!
    },
    I64: at => Number(view.getBigInt64(at, littleEndian)),
    I32: at => view.getInt32(at, littleEndian),
    I16: at => view.getInt16(at, littleEndian),
    I8: at => view.getInt8(at),
    U64: at => Number(view.getBigUint64(at, littleEndian)),
    U32: at => view.getUint32(at, littleEndian),
    U16: at => view.getUint16(at, littleEndian),
    U8: at => view.getUint8(at),
    BOOL: at => (view.getUint8(at) === 0 ? 0 : 1),
  }
  const numberAt = read[type]
  const out = new Float32Array(count)
  for (let i = 0; i < count; i++) out[i] = numberAt(i * size)
  if (type === 'F64') checkRange(out, i => numberAt(i * size), where)
  return out
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
