/**
 * NumPy's scalars and arrays inside pickles, as training loops leave them beside the weights (a loss, a step). Scalars
 * become numbers; arrays are passed over. Source: NumPy's `__reduce__` of `generic`, `dtype` and `ndarray`.
 */
import { isUint8Array } from '../core/any-realm.js'
import { DiffWaveError } from '../core/errors.js'

/** An import's module changed its name in NumPy 2. */
const modules = ['numpy.core.multiarray', 'numpy._core.multiarray']

/** What a pickle imports for NumPy's values. */
export const numpyImports: ReadonlySet<string> = new Set([
  ...modules.flatMap(module => [`${module}.scalar`, `${module}._reconstruct`]),
  'numpy.dtype',
  'numpy.ndarray',
  '_codecs.encode',
])

/** A dtype; its byte order comes after it was made. */
export class NumpyDtype {
  littleEndian = true
  constructor(readonly kind: string) {}

  /** The state is (version, byte order, …). */
  setState(state: unknown): void {
    if (Array.isArray(state)) this.littleEndian = state[1] !== '>'
  }
}

const readers: Readonly<Record<string, (view: DataView, little: boolean) => number | bigint | boolean>> = {
  f8: (view, little) => view.getFloat64(0, little),
  f4: (view, little) => view.getFloat32(0, little),
  i8: (view, little) => wholeNumber(view.getBigInt64(0, little)),
  i4: (view, little) => view.getInt32(0, little),
  i2: (view, little) => view.getInt16(0, little),
  i1: view => view.getInt8(0),
  u8: (view, little) => wholeNumber(view.getBigUint64(0, little)),
  u4: (view, little) => view.getUint32(0, little),
  u2: (view, little) => view.getUint16(0, little),
  u1: view => view.getUint8(0),
  b1: view => view.getUint8(0) !== 0,
}

function wholeNumber(value: bigint): number | bigint {
  return BigInt(Number(value)) === value ? Number(value) : value
}

/** The value of one of `numpyImports` called. @throws DiffWaveError `BAD_CHECKPOINT` */
export function callNumpy(
  name: string,
  args: readonly unknown[],
  where: string,
): NumpyDtype | Uint8Array | number | bigint | boolean | null {
  if (name === 'numpy.dtype') return new NumpyDtype(typeof args[0] === 'string' ? args[0] : '')
  if (name === '_codecs.encode') return encoded(args, where)
  if (!name.endsWith('.scalar')) return null
  const [dtype, bytes] = args
  // Protocol 2 writes an empty string of bytes as text.
  if (!(dtype instanceof NumpyDtype) || !isUint8Array(bytes)) return null
  const read = Object.hasOwn(readers, dtype.kind) ? readers[dtype.kind] : undefined
  if (read === undefined) return null
  if (bytes.length !== Number(dtype.kind.slice(1))) throw bad('a NumPy number has the wrong size', where)
  return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), dtype.littleEndian)
}

/** Bytes that protocol 2, which has none, writes as Latin-1 text. */
function encoded([text, encoding]: readonly unknown[], where: string): Uint8Array {
  if (typeof text !== 'string' || (encoding !== 'latin1' && encoding !== 'latin-1')) {
    throw bad('bytes are written in an unknown way', where)
  }
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_CHECKPOINT', `the pickle is malformed: ${problem}`, { where })
}
