/**
 * Files of PyTorch's `torch.save`, both formats: the zip archive (since 1.6: `<name>/data.pkl` and one entry a storage)
 * and the legacy stream (magic, protocol, system information, the object, the storages' keys, then each storage with
 * its length). Source: PyTorch `torch/serialization.py`.
 */
import { DiffWaveError } from '../core/errors.js'
import { elementCount, type Tensor } from '../core/tensor.js'
import { wrongFileHint } from '../core/wrong-file.js'
import { bytesPerNumber, readNumbers } from './numbers.js'
import { parsePickle } from './pickle.js'
import { rowMajor } from './strided.js'
import { MAX_SHARING, TorchHandlers, type TorchStorage, TorchTensor, type TorchValue } from './torch-pickle.js'
import { readStoredZip } from './zip.js'
import { isZip } from './zip-signature.js'

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_PROTOCOL = 1001

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_CHECKPOINT', problem, { where })
}

/**
 * Reads a file of `torch.save`.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `UNSAFE_PICKLE`, `BAD_CHECKPOINT`, `BAD_ZIP`, `TRUNCATED`, `UNSUPPORTED_FORMAT`, `TOO_LARGE`
 */
export function decodeTorch(bytes: Uint8Array, where: string): TorchValue {
  return isZip(bytes) ? decodeZipFormat(bytes, where) : decodeLegacyFormat(bytes, where)
}

function bigEndian(where: string): DiffWaveError {
  return new DiffWaveError('UNSUPPORTED_FORMAT', 'the checkpoint is big-endian', {
    expected: 'little-endian numbers, as x86 and ARM have',
    where,
    hint: 'Load it with PyTorch on such a machine, and save it again.',
  })
}

function decodeZipFormat(bytes: Uint8Array, where: string): TorchValue {
  const entries = readStoredZip(bytes, where)
  const pickleName = [...entries.keys()].find(name => name === 'data.pkl' || name.endsWith('/data.pkl'))
  if (pickleName === undefined) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this zip archive was not written by torch.save', {
      expected: 'an entry data.pkl',
      where,
    })
  }
  const prefix = pickleName.slice(0, -'data.pkl'.length)
  const byteOrder = entries.get(`${prefix}byteorder`)
  if (byteOrder !== undefined && new TextDecoder().decode(byteOrder) !== 'little') {
    throw bigEndian(where)
  }
  const storages = new Map<string, TorchStorage>()
  const { value } = parsePickle(entries.get(pickleName)!, 0, new TorchHandlers(storages, bytes.length, where), where)
  for (const storage of storages.values()) {
    const data = entries.get(`${prefix}data/${storage.key}`)
    if (data === undefined) throw bad(`storage ${storage.key} is missing`, where)
    storage.data = readNumbers(data, storage, where)
  }
  return value as TorchValue
}

function decodeLegacyFormat(bytes: Uint8Array, where: string): TorchValue {
  // A PyTorch file starts with PROTO and LONG1; anything else is some other kind of file.
  if (bytes.length < 2) throw new DiffWaveError('TRUNCATED', 'the file is empty or nearly so', { where })
  if (bytes[0] !== 0x80) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'not a file that torch.save wrote', {
      where,
      hint: wrongFileHint(bytes) ?? 'Checkpoints are read from .pt and .pkl files that PyTorch wrote.',
    })
  }
  const storages = new Map<string, TorchStorage>()
  const handlers = new TorchHandlers(storages, bytes.length, where)
  const magic = parsePickle(bytes, 0, handlers, where)
  if (magic.value !== LEGACY_MAGIC) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this pickle was not written by torch.save', {
      where,
      hint: 'Save weights with torch.save(network.state_dict(), path), and arrays with np.save(path, array).',
    })
  }
  const protocol = parsePickle(bytes, magic.end, handlers, where)
  if (protocol.value !== LEGACY_PROTOCOL) throw bad('its protocol is unknown', where)
  const system = parsePickle(bytes, protocol.end, handlers, where)
  if (!(system.value instanceof Map) || system.value.get('little_endian') !== true) {
    throw bigEndian(where)
  }
  const object = parsePickle(bytes, system.end, handlers, where)
  const keys = parsePickle(bytes, object.end, handlers, where)
  if (!Array.isArray(keys.value)) throw bad('the list of storages is missing', where)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = keys.end
  for (const key of keys.value) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    if (storage === undefined) throw bad('a storage belongs to no tensor', where)
    if (at + 8 > bytes.length) throw new DiffWaveError('TRUNCATED', 'the file ends before its storages', { where })
    const count = Number(view.getBigInt64(at, true))
    if (count !== storage.count) throw bad(`storage ${storage.key} has ${count} numbers, not ${storage.count}`, where)
    storage.data = readNumbers(bytes, { type: storage.type, count, start: at + 8 }, where)
    at += 8 + count * bytesPerNumber[storage.type]
  }
  for (const storage of storages.values()) {
    if (storage.data === undefined) throw bad(`storage ${storage.key} is missing`, where)
  }
  return object.value as TorchValue
}

/** A tensor's numbers in row-major order. */
export function torchTensor({ storage, offset, shape, strides }: TorchTensor): Tensor {
  return { shape, data: rowMajor(storage.data!, offset, shape, strides) }
}

/** The tensors of a dictionary of tensors, as a state dict is. @throws DiffWaveError `BAD_CHECKPOINT` */
export function stateDict(value: TorchValue | undefined, where: string): Map<string, Tensor> {
  if (!(value instanceof Map)) throw bad('a state dict is missing', where)
  const tensors = new Map<string, Tensor>()
  const storages = new Set<TorchStorage>()
  let present = 0
  let asked = 0
  for (const [name, entry] of value) {
    if (typeof name !== 'string' || !(entry instanceof TorchTensor))
      throw bad('a state dict holds something other than tensors', where)
    if (!storages.has(entry.storage)) present += entry.storage.count
    storages.add(entry.storage)
    asked += elementCount(entry.shape)
  }
  // Tensors may share storage, as tied weights do; thousands of names for one storage would unfold without bound.
  if (asked > MAX_SHARING * present) {
    throw new DiffWaveError('TOO_LARGE', 'the tensors unfold to far more numbers than the file holds', {
      expected: `at most ${MAX_SHARING} × ${present}`,
      got: String(asked),
      where,
    })
  }
  for (const [name, entry] of value) tensors.set(name as string, torchTensor(entry as TorchTensor))
  return tensors
}
