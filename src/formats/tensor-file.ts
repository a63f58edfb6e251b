/**
 * Files that hold arrays, of whatever format: `.npy`, `.npz`, PyTorch `.pt`, `.safetensors`. The first bytes tell the
 * format.
 */
import { DiffWaveError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import { wrongFileHint } from '../core/wrong-file.js'
import { decodeNpy, isNpy } from './npy.js'
import { decodeNpz, npzNames } from './npz.js'
import { decodeTorch, torchTensor } from './pytorch.js'
import { decodeSafetensors, isSafetensors } from './safetensors.js'
import { TorchTensor, type TorchValue } from './torch-pickle.js'
import { isZip } from './zip-signature.js'

/** The name that a mel has in files of several arrays, unless the caller names another. */
const DEFAULT_NAME = 'mel'

/** Whether bytes begin as one of the formats of arrays: `.npy`, `.npz` and `.pt` (zip or pickle), safetensors. */
export function looksLikeTensors(bytes: Uint8Array): boolean {
  if (isNpy(bytes) || isZip(bytes) || bytes[0] === 0x80) return true
  if (!isSafetensors(bytes)) return false
  const size = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  return size <= BigInt(bytes.length - 8)
}

/**
 * One array of a file.
 *
 * @param key name of the array in a file that holds several, `a.b` for one inside a dictionary; default: the one named
 * `mel`, else the first of an `.npz`, else the only one
 * @param where names the file in errors
 * @throws DiffWaveError `UNSUPPORTED_FORMAT`, `TRUNCATED`, `BAD_MEL` (no such array, or several), and as the formats'
 * decoders
 */
export function decodeTensorFile(bytes: Uint8Array, key: string | undefined, where: string): Tensor {
  if (bytes.length === 0) throw new DiffWaveError('TRUNCATED', 'the file is empty', { where })
  if (isNpy(bytes)) {
    refuseKey(key, where)
    return decodeNpy(bytes, where)
  }
  if (isZip(bytes)) {
    const names = npzNames(bytes, where)
    if (names.length > 0) return decodeNpz(bytes, chosenName(names, key, where, names[0]), where)
  }
  if (isZip(bytes) || bytes[0] === 0x80) return tensorOfTorch(decodeTorch(bytes, where), key, where)
  if (isSafetensors(bytes) || /\.safetensors$/i.test(where)) {
    const { tensors } = decodeSafetensors(bytes, where)
    return tensors.get(chosenName([...tensors.keys()], key, where))!
  }
  const hint = wrongFileHint(bytes)
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'not a mel file', {
    expected: '.npy, .npz, .pt or .safetensors',
    where,
    ...(hint === undefined ? {} : { hint }),
  })
}

/** Refuses the name of an array for a file that holds a single one without a name. @throws DiffWaveError `BAD_MEL` */
export function refuseKey(key: string | undefined, where: string): void {
  if (key === undefined) return
  throw new DiffWaveError('BAD_MEL', `the file has no array named ${key}`, {
    expected: 'no key, as its only array has no name',
    where,
    hint: 'Leave out the key.',
  })
}

function tensorOfTorch(value: TorchValue, key: string | undefined, where: string): Tensor {
  if (value instanceof TorchTensor) {
    refuseKey(key, where)
    return torchTensor(value)
  }
  const tensors = new Map<string, TorchTensor>()
  collectTensors(value, '', tensors)
  if (tensors.size === 0) throw new DiffWaveError('BAD_MEL', 'the file holds no tensor', { where })
  return torchTensor(tensors.get(chosenName([...tensors.keys()], key, where))!)
}

/** Dictionaries inside dictionaries: checkpoints have four. Deeper ones are passed over. */
const MAX_NESTING = 32
/** Characters of a tensor's name, with those of the dictionaries around it. Tensors of longer names are passed over. */
const MAX_NAME = 1000

/** The tensors of nested dictionaries, their names joined by points. A dictionary that holds itself is entered once. */
function collectTensors(
  value: TorchValue,
  prefix: string,
  found: Map<string, TorchTensor>,
  entered: Set<TorchValue> = new Set(),
  depth = 0,
): void {
  if (!(value instanceof Map) || entered.has(value) || depth > MAX_NESTING) return
  entered.add(value)
  for (const [name, entry] of value) {
    // A long prefix would be repeated in the name of every tensor.
    if (typeof name !== 'string' || prefix.length + name.length > MAX_NAME) continue
    if (entry instanceof TorchTensor) found.set(prefix + name, entry)
    else collectTensors(entry, `${prefix}${name}.`, found, entered, depth + 1)
  }
}

/** The name that is asked for, or the one that is meant if none is. */
function chosenName(names: readonly string[], key: string | undefined, where: string, fallback?: string): string {
  const shown = names.slice(0, 8).join(', ') + (names.length > 8 ? ', …' : '')
  if (key !== undefined) {
    if (names.includes(key)) return key
    throw new DiffWaveError('BAD_MEL', `the file has no array named ${key}`, { expected: shown || 'none', where })
  }
  if (names.includes(DEFAULT_NAME)) return DEFAULT_NAME
  const only = names.length === 1 ? names[0] : fallback
  if (only !== undefined) return only
  if (names.length === 0) throw new DiffWaveError('BAD_MEL', 'the file holds no array', { where })
  throw new DiffWaveError('BAD_MEL', 'the file holds several arrays', {
    expected: `one, or one named ${DEFAULT_NAME}`,
    got: shown,
    where,
    hint: 'Say which one is the mel with the option `key`.',
  })
}
