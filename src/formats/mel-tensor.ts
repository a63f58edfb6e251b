/** Finds the mel in the bytes of a file: which array it is, and which axis is the bands. */
import { z } from 'zod'
import { checkMel } from '../audio/mel/check-mel.js'
import type { Mel } from '../audio/mel/convention.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_CLIPS, MAX_MEL_BANDS } from '../core/limits.js'
import { check } from '../core/options.js'
import { elementCount, type Tensor } from '../core/tensor.js'
import { decodeTensorFile } from './tensor-file.js'

/** A mel that was read from a file. */
export interface MelFile {
  /** The mel, `[bands × frames]`. */
  readonly mel: Mel
  /** Whether the file stored the mel as `[frames × bands]`. */
  readonly transposed: boolean
}

/** Which mel of a file to read, and how. */
export interface ReadMelOptions {
  /**
   * The expected number of bands. It serves to recognise a transposed mel, which is then transposed back. Default: the
   * size of the first axis, if that is a possible number of bands.
   */
  readonly bands?: number | undefined
  /**
   * Name of the array, for files that hold several; `a.b` for an array inside a dictionary. Default: `mel`, else the
   * first array of an `.npz`, else the only array. Refused for a file whose only array has no name, such as a `.npy`.
   */
  readonly key?: string | undefined
  /** Index of the mel in a batch `[mels, bands, frames]`, from 0. Required if the file holds more than one mel. */
  readonly index?: number | undefined
}

/** Options for reading all mels of a file. */
export type ReadMelsOptions = Omit<ReadMelOptions, 'index'>

const readAllSchema = z.strictObject({
  bands: z.number().int().min(1).max(MAX_MEL_BANDS).optional(),
  key: z.string().min(1).optional(),
})
const readOptionsSchema: z.ZodType<ReadMelOptions> = readAllSchema.extend({
  index: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
})

/** Checks the options of `readMel`, where a number stands for `{ bands }`. */
export function checkReadOptions(options: number | ReadMelOptions | undefined, where: string): ReadMelOptions {
  return check(readOptionsSchema, typeof options === 'number' ? { bands: options } : (options ?? {}), where)
}

/** As `checkReadOptions`, for all mels of a file. */
export function checkReadAllOptions(options: number | ReadMelsOptions | undefined, where: string): ReadMelsOptions {
  return check(readAllSchema, typeof options === 'number' ? { bands: options } : (options ?? {}), where)
}

/**
 * Number of mels in an array of a shape: several for `[mels, bands, frames]`, else one.
 *
 * @throws DiffWaveError `TOO_LARGE`
 */
export function melCount(shape: readonly number[], where: string): number {
  const count = shape.length === 3 ? shape[0]! : 1
  if (count <= MAX_CLIPS) return Math.max(1, count)
  throw new DiffWaveError('TOO_LARGE', 'the batch has too many mels', {
    expected: `at most ${MAX_CLIPS}`,
    got: String(count),
    where,
    hint: 'Say which mel with the option `index`, from 0.',
  })
}

/** What to do about an array of too many axes. */
function shapeHint(shape: readonly number[]): { readonly hint?: string } {
  if (shape.length === 3) {
    return { hint: 'It is a batch: say which mel with the option `index`, from 0, or read all with `readMels`.' }
  }
  const isPadded = shape.length > 3 && shape.filter(size => size !== 1).length <= 3
  return isPadded ? { hint: 'Leave out the axes of size 1: np.save(path, array.squeeze()).' } : {}
}

/** Finds out which axes of a tensor are bands and frames. @throws DiffWaveError `BAD_MEL` if it cannot be a mel */
export function melAxes(
  shape: readonly number[],
  bands: number | undefined,
  where: string,
): { readonly bands: number; readonly frames: number; readonly transposed: boolean } {
  const axes = shape.length === 3 && shape[0] === 1 ? shape.slice(1) : shape
  const [rows, columns] = axes
  const got = `the shape [${shape.slice(0, 8).join(', ')}]`
  if (rows === undefined || columns === undefined || axes.length !== 2) {
    throw new DiffWaveError('BAD_MEL', 'the array is not a mel', {
      expected: '[bands, frames] or [1, bands, frames]',
      got,
      where,
      ...shapeHint(shape),
    })
  }
  if (rows === 0 || columns === 0) throw new DiffWaveError('BAD_MEL', 'the mel is empty', { got, where })
  const transposed = bands === undefined ? rows > MAX_MEL_BANDS && columns <= MAX_MEL_BANDS : rows !== bands
  const found = transposed ? columns : rows
  if (found > MAX_MEL_BANDS || (bands !== undefined && found !== bands)) {
    throw new DiffWaveError('BAD_MEL', 'the mel has the wrong number of bands', {
      expected: bands === undefined ? `at most ${MAX_MEL_BANDS}` : String(bands),
      got,
      where,
      ...(bands === undefined
        ? {}
        : { hint: '`diffwave inspect` says which conventions the mel may follow, and so which models take it.' }),
    })
  }
  return { bands: found, frames: transposed ? rows : columns, transposed }
}

/** Converts a tensor to a mel. @throws DiffWaveError `BAD_MEL` */
function tensorToMel(tensor: Tensor, options: ReadMelOptions, where: string): MelFile {
  const { shape, data } = item(tensor, options.index, where)
  const { bands, frames, transposed } = melAxes(shape, options.bands, where)
  return { mel: { data: transposed ? transpose(data, frames, bands) : data, bands, frames }, transposed }
}

/** One mel of a batch. */
function item(tensor: Tensor, index: number | undefined, where: string): Tensor {
  if (index === undefined) return tensor
  const [count, ...shape] = tensor.shape
  if (tensor.shape.length !== 3 || count === undefined || index >= count) throw noSuchMel(tensor.shape, index, where)
  const size = elementCount(shape)
  return { shape, data: tensor.data.slice(index * size, (index + 1) * size) }
}

/** The error if a batch has no mel of an index, or if there is no batch. */
export function noSuchMel(shape: readonly number[], index: number, where: string): DiffWaveError {
  return new DiffWaveError('BAD_MEL', `the file has no mel ${index}`, {
    expected: '[mels, bands, frames] with more mels than that',
    got: `[${shape.slice(0, 8).join(', ')}]`,
    where,
  })
}

/** Transposes `[rows × columns]` to `[columns × rows]`. */
export function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column]!
  }
  return out
}

/** The mel in the bytes of a file. @throws DiffWaveError as `readMel` */
export function decodeMel(bytes: Uint8Array, options: ReadMelOptions, where: string): MelFile {
  const file = tensorToMel(decodeTensorFile(bytes, options.key, where), options, where)
  checkMel(file.mel, where)
  return file
}

/** All mels in the bytes of a file. @throws DiffWaveError as `readMels` */
export function decodeMels(bytes: Uint8Array, { bands, key }: ReadMelsOptions, where: string): readonly MelFile[] {
  const tensor = decodeTensorFile(bytes, key, where)
  const count = melCount(tensor.shape, where)
  return Array.from({ length: count }, (_, index) => {
    const file = tensorToMel(tensor, { bands, index: count === 1 ? undefined : index }, where)
    checkMel(file.mel, count === 1 ? where : `${where}, mel ${index}`)
    return file
  })
}
