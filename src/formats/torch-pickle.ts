/**
 * What the pickles of `torch.save` contain: tensors as views of storages, the dictionaries of trainers, and values that
 * are passed over. Nothing is imported or executed: a pickle may only name what is listed here. Source: PyTorch
 * `torch/_utils.py` and `torch/serialization.py`.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_PICKLE_OBJECTS, MAX_TENSOR_AXES } from '../core/limits.js'
import { elementCount } from '../core/tensor.js'
import type { NumberType } from './numbers.js'
import { callNumpy, NumpyDtype, numpyImports } from './numpy-pickle.js'
import type { PickleHandlers, PickleValue } from './pickle-machine.js'

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
export class TorchStorage {
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

/** The dictionaries that PyTorch and the references' trainers save. */
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

/**
 * Tensors of a state dict may have at most this many times the numbers of their storages, and paths made in a pickle at
 * most this many times the bytes of the file.
 */
export const MAX_SHARING = 4

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** One of `namespaces`. */
class Namespace extends Map<Value, Value> {}

type Opaque = TorchTensor | TorchStorage | NumpyDtype
type Value = PickleValue<Opaque>

/** Builds tensors and plain data from what a pickle asks for; `storages` collects the storages by key. */
export class TorchHandlers implements PickleHandlers<Opaque> {
  readonly allowed = allowed
  readonly #storages: Map<string, TorchStorage>
  readonly #where: string
  /** Items of all dictionaries that were made from lists, and of all namespaces. */
  #items = 0
  /** Characters of all paths and bytes that were made from text, and one for each part. */
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
    if (name === 'torch.Size') return this.#sizes(args[0])
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
    this.#characters += args.length
    for (const part of args) {
      if (this.#characters > this.#maxCharacters) throw this.#endless('text')
      if (typeof part === 'string') this.#characters += part.length
    }
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
    // A copy, because the pickle may append to its list later, when the sizes have been checked.
    return [...(value as number[])]
  }

  #bad(problem: string): DiffWaveError {
    return new DiffWaveError('BAD_CHECKPOINT', problem, { where: this.#where })
  }
}
