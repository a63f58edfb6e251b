/**
 * NumPy's `.npy` (NEP 1, versions 1 to 3): a Python dictionary of dtype, order and shape, then the numbers. Read strictly: the
 * header is parsed as the literal that numpy writes, its sizes checked against the bytes present. Own code, because the
 * packages on npm trust the header.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_NPY_HEADER_BYTES } from '../core/limits.js'
import { elementCount, type Tensor } from '../core/tensor.js'
import { bytesPerNumber, float32Bytes, type NumberType, readNumbers } from './numbers.js'
import { rowMajor } from './strided.js'

/** NumPy's own bound since 2.0. */
const MAX_RANK = 64
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

const numberTypes: Readonly<Record<string, NumberType>> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  i8: 'I64',
  i4: 'I32',
  i2: 'I16',
  i1: 'I8',
  u1: 'U8',
  b1: 'BOOL',
}

const header =
  /^\s*\{\s*'descr'\s*:\s*'([<>|=])([a-z]\d+)'\s*,\s*'fortran_order'\s*:\s*(True|False)\s*,\s*'shape'\s*:\s*\(([\d\s,]*)\)\s*(?:,\s*)?\}\s*$/

/** Whether bytes start as a `.npy` file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte)
}

/** Strides of Fortran order: the first axis is the fastest. */
function fortranStrides(shape: readonly number[]): readonly number[] {
  return shape.map((_, axis) => elementCount(shape.slice(0, axis)))
}

/** What a `.npy` file's header says, checked against the file's size. */
export interface NpyHeader {
  readonly shape: readonly number[]
  readonly type: NumberType
  readonly littleEndian: boolean
  /** The first axis is the fastest (Fortran order), or the last (C order). */
  readonly columnMajor: boolean
  /** Where the numbers begin, in bytes. */
  readonly dataStart: number
}

/** Bytes from a file's start in which a header that is read must end. */
export const NPY_HEADER_REACH = 12 + MAX_NPY_HEADER_BYTES

/**
 * The header of a `.npy` file.
 *
 * @param bytes the file's first bytes, `NPY_HEADER_REACH` of them or the whole file
 * @param fileBytes size of the file
 * @param where names the file in errors
 * @throws DiffWaveError `UNSUPPORTED_FORMAT` (no .npy, or a dtype that is no number), `BAD_NPY`, `TRUNCATED`
 */
export function decodeNpyHeader(bytes: Uint8Array, fileBytes: number, where: string): NpyHeader {
  if (fileBytes === 0) throw new DiffWaveError('TRUNCATED', 'the file is empty', { where })
  if (!isNpy(bytes)) throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this is no .npy file', { where })
  const truncated = () => new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
  if (fileBytes < 12) throw truncated()
  const version = bytes[6]!
  if (version < 1 || version > 3) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', `version ${version} of the .npy format is not read`, { where })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MAX_NPY_HEADER_BYTES) {
    throw new DiffWaveError('BAD_NPY', `a header of ${length} bytes is declared`, { where })
  }
  if (start + length > fileBytes) throw truncated()
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length))
  const match = header.exec(text)
  if (match === null) {
    throw new DiffWaveError('BAD_NPY', 'the header is not as numpy writes it', { got: text.trim().slice(0, 80), where })
  }
  const [, byteOrder, kind, fortran, sizes] = match as unknown as [string, string, string, string, string]
  const type = numberTypes[kind]
  if (type === undefined) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', `the dtype ${byteOrder}${kind} is not read`, {
      expected: 'float64, float32, float16 or an integer',
      where,
    })
  }
  const shape = sizes
    .split(',')
    .map(size => size.trim())
    .filter(size => size !== '')
    .map(Number)
  if (shape.length > MAX_RANK || !shape.every(Number.isSafeInteger)) {
    throw new DiffWaveError('BAD_NPY', 'the shape is not as numpy writes it', { got: sizes.slice(0, 80), where })
  }
  const count = elementCount(shape)
  const present = (fileBytes - start - length) / bytesPerNumber[type]
  if (!Number.isSafeInteger(count) || count > present) {
    throw new DiffWaveError('TRUNCATED', 'the header declares more numbers than the file holds', {
      expected: `${count} for (${shape.join(', ')})`,
      got: String(Math.floor(present)),
      where,
    })
  }
  if (count !== present) {
    throw new DiffWaveError('BAD_NPY', 'the header declares fewer numbers than the file holds', {
      expected: `${count} for (${shape.join(', ')})`,
      got: String(present),
      where,
    })
  }
  return {
    shape,
    type,
    littleEndian: byteOrder !== '>',
    columnMajor: fortran === 'True' && shape.length > 1,
    dataStart: start + length,
  }
}

/**
 * The array of a `.npy` file as float32, row-major; doubles and integers are rounded.
 *
 * @throws DiffWaveError as `decodeNpyHeader`
 */
export function decodeNpy(bytes: Uint8Array, where: string): Tensor {
  const { shape, type, littleEndian, columnMajor, dataStart } = decodeNpyHeader(bytes, bytes.length, where)
  const data = readNumbers(bytes, dataStart, elementCount(shape), type, where, littleEndian)
  return { shape, data: columnMajor ? rowMajor(data, 0, shape, fortranStrides(shape)) : data }
}

/** A float32 `.npy` file, version 1.0, C order. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const shape = tensor.shape.length === 1 ? `(${tensor.shape[0]},)` : `(${tensor.shape.join(', ')})`
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const bytes = new Uint8Array(10 + length + tensor.data.byteLength)
  bytes.set([...MAGIC, 1, 0, length & 255, length >> 8])
  bytes.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10)
  bytes.set(float32Bytes(tensor.data), 10 + length)
  return bytes
}
