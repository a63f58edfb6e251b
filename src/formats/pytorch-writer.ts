/**
 * Writes files of PyTorch's `torch.save` in the zip format, which PyTorch reads since 1.4 and `torch.load` accepts with
 * `weights_only=True`: `archive/data.pkl`, one stored entry per tensor, byte order and version. Source: PyTorch
 * `torch/serialization.py`, `caffe2/serialize/inline_container.cc`.
 */
import { elementCount, type Tensor } from '../core/tensor.js'
import { type WeightType, writeNumbers } from './numbers.js'
import { encodePickle, PersistentId, PickleCall, PickleImport, type PickleInput, PickleTuple } from './pickle-writer.js'
import { writeStoredZip } from './zip.js'

/** What can be written: plain data, dictionaries as Maps, and tensors. */
export type TorchInput =
  | null
  | boolean
  | number
  | string
  | readonly TorchInput[]
  | ReadonlyMap<string, TorchInput>
  | Tensor

const storages: Readonly<Record<WeightType, string>> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
}

/**
 * A file of `torch.save`.
 *
 * @param type what the tensors' numbers are written as, rounded to nearest, ties to even; default `F32`
 * @throws DiffWaveError `NOT_FINITE` for a finite number beyond the type's range
 */
export function encodeTorch(value: TorchInput, type: WeightType = 'F32'): Uint8Array {
  const data: Uint8Array[] = []
  const pickle = encodePickle(pickled(value, type, 'the file', data))
  const text = (content: string) => new TextEncoder().encode(content)
  return writeStoredZip(
    new Map([
      ['archive/data.pkl', pickle],
      ['archive/byteorder', text('little')],
      ...data.map((bytes, key): [string, Uint8Array] => [`archive/data/${key}`, bytes]),
      ['archive/version', text('3\n')],
    ]),
  )
}

/** A value as the pickle has it; the bytes of tensors are appended to `data`. */
function pickled(value: TorchInput, type: WeightType, name: string, data: Uint8Array[]): PickleInput {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, TorchInput>)]
    return new Map(entries.map(([key, entry]) => [key, pickled(entry, type, key, data)]))
  }
  if (Array.isArray(value)) return (value as readonly TorchInput[]).map(item => pickled(item, type, name, data))
  return rebuilt(value as Tensor, type, name, data)
}

/** `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)` */
function rebuilt({ shape, data }: Tensor, type: WeightType, name: string, files: Uint8Array[]): PickleCall {
  const key = String(files.push(writeNumbers(data, type, name)) - 1)
  const storage = new PickleTuple('storage', new PickleImport('torch', storages[type]), key, 'cpu', data.length)
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)))
  return new PickleCall(
    new PickleImport('torch._utils', '_rebuild_tensor_v2'),
    new PersistentId(storage),
    0,
    new PickleTuple(...shape),
    new PickleTuple(...strides),
    false,
    new PickleCall(new PickleImport('collections', 'OrderedDict')),
  )
}
