/**
 * Files of PyTorch's `torch.save`, both formats: the zip archive (since 1.6: `<name>/data.pkl` and one entry a storage)
 * and the legacy stream (magic, protocol, system information, the object, the storages' keys, then each storage with
 * its length). Source: PyTorch `torch/serialization.py` and `torch/_utils.py`.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_PICKLE_OBJECTS, MAX_TENSOR_AXES } from '../core/limits.js'
import { elementCount, type Tensor } from '../core/tensor.js'
import { wrongFileHint } from '../core/wrong-file.js'
import { bytesPerNumber, type NumberType, readNumbers } from './numbers.js'
import { callNumpy, NumpyDtype, numpyImports } from './numpy-pickle.js'
import { parsePickle } from './pickle.js'
import type { PickleHandlers, PickleValue } from './pickle-machine.js'
import { rowMajor } from './strided.js'
import { isZip, readStoredZip } from './zip.js'

/** A value of a checkpoint: plain data, dictionaries as Maps, and tensors. */
export type TorchValue = PickleValue<TorchTensor>

/** A tensor as the file describes it: a strided view of a storage. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** A run of numbers that tensors view. */
class TorchStorage {
  data: Float32Array | undefined
  constructor(
    readonly type: NumberType,
    readonly key: string,
    readonly count: number,
  ) {}
}

const storageTypes: Readonly<Record<string, NumberType>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
}

/** What a checkpoint may import. The dictionaries are what PyTorch and the references' trainers save. */
const dictionaries = new Set([
  'collections.OrderedDict',
  'collections.defaultdict',
  'collections.Counter',
  'params.AttrDict',
  'diffwave.params.AttrDict',
  'lightning.fabric.utilities.data.AttributeDict',
  'lightning_fabric.utilities.data.AttributeDict',
  'pytorch_lightning.utilities.parsing.AttributeDict',
  'addict.addict.Dict',
])
/** Made empty and given their names afterwards. */
const namespaces = new Set(['argparse.Namespace', 'types.SimpleNamespace', 'easydict.EasyDict'])
/** Values that trainers leave beside the weights and that nothing here needs. They are passed over, never made. */
const passedOver = new Set([
  ...['datetime', 'date', 'time', 'timedelta', 'timezone'].map(name => `datetime.${name}`),
  ...['complex', 'slice', 'range', 'bytearray'].flatMap(name => [`builtins.${name}`, `__builtin__.${name}`]),
  'collections.deque',
  'decimal.Decimal',
  'fractions.Fraction',
  'uuid.UUID',
])
/** Become text: the path, or the device's name. */
const texts = new Set([
  'torch.device',
  ...['pathlib', 'pathlib._local'].flatMap(module =>
    ['PosixPath', 'PurePosixPath', 'WindowsPath', 'PureWindowsPath'].map(name => `${module}.${name}`),
  ),
])
/** Stand beside the weights as they are, never called. */
const types = ['float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32'].map(name => `torch.${name}`)
const sets = new Set(['builtins.set', '__builtin__.set', 'builtins.frozenset', '__builtin__.frozenset'])
const allowed: ReadonlySet<string> = new Set([
  ...dictionaries,
  ...sets,
  ...namespaces,
  ...passedOver,
  ...texts,
  ...types,
  ...numpyImports,
  ...Object.keys(storageTypes),
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
  'torch.Size',
])

/** How many times over a state dict's tensors may use its storages, and made text that of the file. */
const MAX_SHARING = 4
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_PROTOCOL = 1001

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_CHECKPOINT', problem, { where })
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** One of `namespaces`. */
class Namespace extends Map<Value, Value> {}

type Opaque = TorchTensor | TorchStorage | NumpyDtype
type Value = PickleValue<Opaque>

/** Builds tensors and plain data from what a pickle asks for; `storages` collects the storages by key. */
class TorchHandlers implements PickleHandlers<Opaque> {
  readonly allowed = allowed
  readonly #storages: Map<string, TorchStorage>
  readonly #where: string
  /** Items of all dictionaries that were made from lists, and of all namespaces. */
  #items = 0
  /** Characters of all paths and bytes that were made from text. */
  #characters = 0
  readonly #maxCharacters: number

  /** @param fileBytes size of the file, which bounds the text that is made of its own */
  constructor(storages: Map<string, TorchStorage>, fileBytes: number, where: string) {
    this.#storages = storages
    this.#maxCharacters = MAX_SHARING * fileBytes
    this.#where = where
  }

  /** ('storage', storage type, key, location, number count[, view]) */
  persistent(id: Value): Value {
    if (!Array.isArray(id) || id[0] !== 'storage') throw this.#bad('a persistent id is not a storage')
    const [, type, key, , count] = id
    const name = typeof type === 'object' && type !== null && 'name' in type ? String(type.name) : ''
    const numberType = Object.hasOwn(storageTypes, name) ? storageTypes[name] : undefined
    if (numberType === undefined || typeof key !== 'string' || !isSize(count)) throw this.#bad('a storage is malformed')
    if (id.length > 5 && id[5] !== null) throw this.#bad('a storage is a view of another')
    const known = this.#storages.get(key)
    if (known !== undefined) {
      if (known.type !== numberType || known.count !== count) throw this.#bad(`storage ${key} is declared in two ways`)
      return known
    }
    const storage = new TorchStorage(numberType, key, count)
    this.#storages.set(key, storage)
    return storage
  }

  call(name: string, args: readonly Value[]): Value {
    if (namespaces.has(name)) return new Namespace()
    if (dictionaries.has(name)) return this.#dictionary(args[0])
    // A list, as what is passed over may have items.
    if (passedOver.has(name)) return []
    if (texts.has(name)) return this.#joined(args, name === 'torch.device' ? '' : '/')
    if (sets.has(name)) return Array.isArray(args[0]) ? args[0] : []
    if (numpyImports.has(name)) {
      this.#countCharacters(args)
      return callNumpy(name, args, this.#where)
    }
    if (name === 'torch.Size') return [...this.#sizes(args[0])]
    if (name === 'torch._utils._rebuild_parameter') {
      if (!(args[0] instanceof TorchTensor)) throw this.#bad('a parameter holds no tensor')
      return args[0]
    }
    if (name.startsWith('torch._utils._rebuild_tensor')) return this.#tensor(args)
    throw this.#bad(`${name} is not callable`)
  }

  build(target: Value, state: Value): void {
    if (target instanceof NumpyDtype) target.setState(state)
    if (!(target instanceof Namespace && state instanceof Map)) return
    this.#countItems(state.size)
    for (const [key, value] of state) target.set(key, value)
  }

  #joined(args: readonly Value[], separator: string): string {
    this.#countCharacters(args)
    return args.filter(part => typeof part === 'string').join(separator)
  }

  /** One text may be asked to become many others, and those longer ones: what is made of them is bounded. */
  #countCharacters(args: readonly Value[]): void {
    for (const part of args) if (typeof part === 'string') this.#characters += part.length
    if (this.#characters > this.#maxCharacters) throw this.#endless('text')
  }

  /** One list may be asked to become many dictionaries: what they hold together is bounded. */
  #countItems(count: number): void {
    this.#items += count
    if (this.#items > MAX_PICKLE_OBJECTS) throw this.#endless('dictionaries')
  }

  #endless(what: string): DiffWaveError {
    return new DiffWaveError('TOO_LARGE', `the pickle builds ${what} without end`, { where: this.#where })
  }

  #dictionary(given: Value | undefined): Value {
    if (given instanceof Map) return given
    const map = new Map<Value, Value>()
    if (!Array.isArray(given)) return map
    this.#countItems(given.length)
    for (const item of given) {
      if (!Array.isArray(item) || item.length !== 2) throw this.#bad('a dictionary is malformed')
      map.set(item[0]!, item[1]!)
    }
    return map
  }

  #tensor([storage, offset, size, stride]: readonly Value[]): TorchTensor {
    const shape = this.#sizes(size)
    const strides = this.#sizes(stride)
    if (!(storage instanceof TorchStorage) || !isSize(offset) || strides.length !== shape.length) {
      throw this.#bad('a tensor is malformed')
    }
    const count = elementCount(shape)
    const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset)
    if (count > 0 && (!Number.isSafeInteger(last) || last >= storage.count)) {
      throw this.#bad(`a tensor of shape [${shape.join(', ')}] reaches beyond its storage`)
    }
    // A stride of zero repeats numbers: shapes may then exceed the storage, which no checkpoint needs.
    if (count > storage.count) throw this.#bad(`a tensor of shape [${shape.join(', ')}] is larger than its storage`)
    return new TorchTensor(storage, offset, shape, strides)
  }

  #sizes(value: Value | undefined): number[] {
    if (!Array.isArray(value) || value.length > MAX_TENSOR_AXES || !value.every(isSize)) {
      throw this.#bad('a tensor’s shape is malformed')
    }
    return value as number[]
  }

  #bad(problem: string): DiffWaveError {
    return bad(problem, this.#where)
  }
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
    storage.data = readNumbers(data, 0, storage.count, storage.type, where)
  }
  return value as TorchValue
}

function decodeLegacyFormat(bytes: Uint8Array, where: string): TorchValue {
  // A PyTorch file starts with PROTO and LONG1; anything else is some other kind of file.
  if (bytes.length < 2) throw new DiffWaveError('TRUNCATED', 'the file is empty or nearly so', { where })
  if (bytes[0] !== 0x80) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'not a file of torch.save', {
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
      hint: 'Save the weights with torch.save(network.state_dict(), path).',
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
    storage.data = readNumbers(bytes, at + 8, count, storage.type, where)
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
