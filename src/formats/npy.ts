/**
 * NumPy's `.npy` (NEP 1, versions 1 to 3): a Python dictionary of dtype, order and shape, then the numbers. The header
 * is read as the literal it is, whatever the order of its keys, and its sizes are checked against the bytes present.
 * Own code, because the packages on npm trust the header.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_NPY_HEADER_BYTES } from '../core/limits.js'
import { elementCount, type Tensor } from '../core/tensor.js'
import { wrongFileHint } from '../core/wrong-file.js'
import { bytesPerNumber, float32Bytes, type NumberType, readNumbers } from './numbers.js'
import { type PythonLiteral, parsePythonLiteral } from './python-literal.js'
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
  u8: 'U64',
  u4: 'U32',
  u2: 'U16',
  u1: 'U8',
  b1: 'BOOL',
}

/** What to do about arrays that hold no numbers, by the letter of their dtype. */
const unreadable: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  O: {
    what: 'Python objects',
    hint: 'Save the numbers themselves: np.save(path, np.stack(list(array)).astype(np.float32)).',
  },
  c: { what: 'complex numbers', hint: 'Save magnitudes: np.save(path, np.abs(array).astype(np.float32)).' },
  S: { what: 'text', hint: 'Save numbers: np.save(path, array.astype(np.float32)).' },
  U: { what: 'text', hint: 'Save numbers: np.save(path, array.astype(np.float32)).' },
  V: { what: 'raw bytes or bfloat16', hint: 'Save it as float32: np.save(path, array.astype(np.float32)).' },
}

/** What to do about one Python object, which is what np.save makes of a dictionary. */
const DICTIONARY_HINT = 'Take the array out: np.save(path, np.load(file, allow_pickle=True).item()["mel"]).'

/** Whether bytes start as a `.npy` file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte)
}

/** Strides of Fortran order: the first axis is the fastest. */
function fortranStrides(shape: readonly number[]): readonly number[] {
  return shape.map((_, axis) => elementCount(shape.slice(0, axis)))
}

/** A `.npy` file's header, checked against the file's size. */
export interface NpyHeader {
  readonly shape: readonly number[]
  readonly type: NumberType
  readonly littleEndian: boolean
  /** The first axis is the fastest (Fortran order), or the last (C order). */
  readonly columnMajor: boolean
  /** Where the numbers begin, in bytes. */
  readonly dataStart: number
}

/** A header that is read ends within this many bytes of the file's start. */
export const NPY_HEADER_REACH = 12 + MAX_NPY_HEADER_BYTES

/**
 * The header of a `.npy` file.
 *
 * @param bytes the file's first bytes, `NPY_HEADER_REACH` of them or the whole file
 * @param fileBytes size of the file
 * @param where names the file in errors
 * @throws DiffWaveError `UNSUPPORTED_FORMAT` (not a .npy file, or an array of something other than numbers), `BAD_NPY`,
 * `TRUNCATED`
 */
export function decodeNpyHeader(bytes: Uint8Array, fileBytes: number, where: string): NpyHeader {
  const { text, dataStart } = headerText(bytes, fileBytes, where)
  const fields = headerFields(text, where)
  const { type, littleEndian } = numberType(fields, where)
  const shape = fields.shape
  const count = elementCount(shape)
  const present = (fileBytes - dataStart) / bytesPerNumber[type]
  const sizes = { expected: `${count} numbers for (${shape.join(', ')})`, got: String(Math.floor(present)), where }
  if (!Number.isSafeInteger(count) || count > present) {
    throw new DiffWaveError('TRUNCATED', 'the header declares more numbers than the file holds', sizes)
  }
  if (count !== present) {
    throw new DiffWaveError('BAD_NPY', 'the header declares fewer numbers than the file holds', sizes)
  }
  return { shape, type, littleEndian, columnMajor: fields.fortranOrder && shape.length > 1, dataStart }
}

/** The header's text, and the byte after it. */
function headerText(bytes: Uint8Array, fileBytes: number, where: string): { text: string; dataStart: number } {
  if (fileBytes === 0) throw new DiffWaveError('TRUNCATED', 'the file is empty', { where })
  if (!isNpy(bytes)) {
    const hint = wrongFileHint(bytes)
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'not a .npy file', { where, ...(hint === undefined ? {} : { hint }) })
  }
  const truncated = () => new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
  if (fileBytes < 12) throw truncated()
  const version = bytes[6]!
  if (version < 1 || version > 3) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'unsupported version of the .npy format', {
      expected: '1, 2 or 3',
      got: String(version),
      where,
    })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MAX_NPY_HEADER_BYTES) {
    throw new DiffWaveError('BAD_NPY', 'the header is too long', {
      expected: `at most ${MAX_NPY_HEADER_BYTES} bytes`,
      got: String(length),
      where,
    })
  }
  if (start + length > fileBytes) throw truncated()
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length))
  return { text, dataStart: start + length }
}

/** The three fields of the header's dictionary. */
interface HeaderFields {
  readonly descr: PythonLiteral
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
}

function headerFields(text: string, where: string): HeaderFields {
  const bad = (problem: string, cause?: unknown) =>
    new DiffWaveError('BAD_NPY', `the header is malformed: ${problem}`, {
      got: text.trim().slice(0, 80),
      where,
      ...(cause === undefined ? {} : { cause }),
    })
  let fields: PythonLiteral
  try {
    fields = parsePythonLiteral(text)
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error), error)
  }
  if (!(fields instanceof Map)) throw bad('it is not a dictionary')
  const unknown = [...fields.keys()].find(key => !['descr', 'fortran_order', 'shape'].includes(key))
  if (unknown !== undefined) throw bad(`unknown key ${unknown}`)
  const descr = fields.get('descr')
  const fortranOrder = fields.get('fortran_order')
  const shape = fields.get('shape')
  if (descr === undefined || fortranOrder === undefined) throw bad('descr or fortran_order is missing')
  if (typeof fortranOrder !== 'boolean') throw bad('fortran_order is neither True nor False')
  if (!Array.isArray(shape) || shape.length > MAX_RANK) throw bad('the shape is not a tuple of at most 64 sizes')
  for (const size of shape) {
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw bad('a size is not a whole number')
  }
  return { descr, fortranOrder, shape: shape as number[] }
}

/** The short form of a dtype's long name, as `f4` of `float32`, which NumPy reads though it does not write it. */
function kindOfName(word: string): string {
  if (word === 'bool') return 'b1'
  const [, kind, bits] = /^(float|int|uint)(8|16|32|64)$/.exec(word) ?? []
  return kind === undefined ? word : `${kind.charAt(0)}${Number(bits) / 8}`
}

/** The type of a dtype's text, as `<f4`. */
function numberType({ descr, shape }: HeaderFields, where: string): { type: NumberType; littleEndian: boolean } {
  const [, byteOrder, word = ''] = (typeof descr === 'string' && /^([<>|=]?)(\w+)$/.exec(descr)) || []
  const kind = kindOfName(word)
  const type = Object.hasOwn(numberTypes, kind) ? numberTypes[kind] : undefined
  if (type !== undefined) return { type, littleEndian: byteOrder !== '>' }
  const other = typeof descr === 'string' ? unreadable[kind.charAt(0)] : undefined
  const what =
    other?.what ?? (typeof descr === 'string' ? `numbers of the dtype ${descr}` : 'records with named fields')
  throw new DiffWaveError('UNSUPPORTED_FORMAT', `the array holds ${what.slice(0, 80)}`, {
    expected: 'float64, float32, float16, integers or booleans',
    where,
    hint:
      (other === unreadable['O'] && shape.length === 0 ? DICTIONARY_HINT : other?.hint) ??
      'Save it as float32: np.save(path, array.astype(np.float32)).',
  })
}

/**
 * The array of a `.npy` file as float32, row-major; doubles and integers are rounded.
 *
 * @throws DiffWaveError as `decodeNpyHeader`
 */
export function decodeNpy(bytes: Uint8Array, where: string): Tensor {
  const { shape, type, littleEndian, columnMajor, dataStart } = decodeNpyHeader(bytes, bytes.length, where)
  const data = readNumbers(bytes, { type, count: elementCount(shape), start: dataStart, littleEndian }, where)
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
