/** Mels in files: `.npy`, PyTorch `.pt`, `.safetensors`, as text-to-speech programs write them. */
import { basename, join } from 'node:path'
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { checkMelFor, melFrames } from '../audio/mel/mel.js'
import { DiffWaveError } from '../core/errors.js'
import { kindOfPath, readFileBytes, writeFileBytes } from '../core/files.js'
import type { Tensor } from '../core/tensor.js'
import { decodeNpy, encodeNpy, isNpy } from './npy.js'
import { decodeTorch, TorchTensor, torchTensor } from './pytorch.js'
import { decodeSafetensors, encodeSafetensors } from './safetensors.js'
import { isZip } from './zip.js'

/** A mel as a file held it. */
export interface MelFile {
  readonly mel: Mel
  /** The file had it `[frames × bands]`. */
  readonly transposed: boolean
}

/** The one tensor in a file that may hold several. */
function onlyTensor<T>(tensors: ReadonlyMap<string, T>, where: string): T {
  const found = tensors.get('mel') ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined)
  if (found === undefined) {
    throw new DiffWaveError('BAD_MEL', 'the file holds several tensors', {
      expected: 'one, or one named mel',
      got: [...tensors.keys()].slice(0, 5).join(', ') || 'none',
      where,
    })
  }
  return found
}

/** The tensor in a file, whatever its format: told by its first bytes. */
function decodeTensor(bytes: Uint8Array, where: string): Tensor {
  if (bytes.length === 0) throw new DiffWaveError('TRUNCATED', 'the file is empty', { where })
  if (isNpy(bytes)) return decodeNpy(bytes, where)
  if (isZip(bytes) || bytes[0] === 0x80) {
    const value = decodeTorch(bytes, where)
    if (value instanceof TorchTensor) return torchTensor(value)
    if (value instanceof Map) {
      const tensors = new Map<string, TorchTensor>()
      for (const [name, entry] of value) {
        if (typeof name === 'string' && entry instanceof TorchTensor) tensors.set(name, entry)
      }
      return torchTensor(onlyTensor(tensors, where))
    }
    throw new DiffWaveError('BAD_MEL', 'the file holds no tensor', { where })
  }
  if (where.endsWith('.safetensors')) return onlyTensor(decodeSafetensors(bytes, where).tensors, where)
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this is no mel file', {
    expected: '.npy, .pt or .safetensors',
    where,
  })
}

/** What the axes of a tensor are, if it is a mel. @throws DiffWaveError `BAD_MEL` */
export function melAxes(
  of: readonly number[],
  bands: number | undefined,
  where: string,
): { readonly bands: number; readonly frames: number; readonly transposed: boolean } {
  const shape = of.length === 3 && of[0] === 1 ? of.slice(1) : of
  const [rows, columns] = shape
  if (rows === undefined || columns === undefined || shape.length !== 2) {
    throw new DiffWaveError('BAD_MEL', 'this is no mel', {
      expected: '[bands, frames] or [1, bands, frames]',
      got: `[${of.join(', ')}]`,
      where,
      ...(of.length === 3 ? { hint: 'A batch of mels is read one at a time: save each by itself.' } : {}),
    })
  }
  if (rows === 0 || columns === 0)
    throw new DiffWaveError('BAD_MEL', 'the mel is empty', { got: `[${shape.join(', ')}]`, where })
  if (bands === undefined || rows === bands) return { bands: rows, frames: columns, transposed: false }
  if (columns !== bands) {
    throw new DiffWaveError('BAD_MEL', 'the mel has the wrong number of bands', {
      expected: String(bands),
      got: `[${shape.join(', ')}]`,
      where,
    })
  }
  return { bands: columns, frames: rows, transposed: true }
}

/** A tensor as a mel. @throws DiffWaveError `BAD_MEL` */
export function tensorToMel(tensor: Tensor, wanted: number | undefined, where: string): MelFile {
  const { bands, frames, transposed } = melAxes(tensor.shape, wanted, where)
  const data = transposed ? turned(tensor.data, frames, bands) : tensor.data
  return { mel: { data, bands, frames }, transposed }
}

/** `[rows × columns]` as `[columns × rows]`. */
export function turned(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column]!
  }
  return out
}

/**
 * Reads a mel, `[bands, frames]` or `[1, bands, frames]`.
 *
 * @param bands the bands expected, by which a transposed mel is recognised (and turned); not given: as the file has it
 * @throws DiffWaveError `BAD_MEL`, `NOT_FINITE`, `UNSUPPORTED_FORMAT`, `TRUNCATED`, and as `readFileBytes`
 */
export async function readMel(path: string, bands?: number): Promise<MelFile> {
  const file = tensorToMel(decodeTensor(await readFileBytes(path), path), bands, path)
  const broken = file.mel.data.findIndex(value => !Number.isFinite(value))
  if (broken >= 0) {
    const { frames } = file.mel
    throw new DiffWaveError('NOT_FINITE', 'the mel holds a number that is not finite', {
      where: `${path}, band ${Math.floor(broken / frames)}, frame ${broken % frames}`,
    })
  }
  return file
}

/** Endings of files that may hold a mel. */
export const melEndings = ['.npy', '.safetensors', '.pt'] as const

/** Frames by which a mel may differ from its recording's: framings and ways of trimming differ by as many. */
const FRAME_SLACK = 2

/**
 * The mel that a folder holds for a recording, checked to be one of the convention and as long; null where there is none.
 *
 * @param stem path of the recording below its own folder, without the ending; in this one it may also lie at the top
 * @param samples of the recording at the convention's rate
 * @throws DiffWaveError as `readMel` and `checkMelFor`; `BAD_MEL` where it is not as long
 */
export async function readMelOf(
  folder: string,
  stem: string,
  samples: number,
  convention: MelConvention,
  endings: readonly string[] = melEndings,
): Promise<Mel | null> {
  for (const name of new Set([stem, basename(stem)])) {
    for (const ending of endings) {
      const path = join(folder, name + ending)
      if ((await kindOfPath(path)) !== 'file') continue
      const { mel } = await readMel(path, convention.bands)
      checkMelFor(mel, convention, path)
      const frames = melFrames(samples, convention)
      if (Math.abs(mel.frames - frames) <= FRAME_SLACK) return mel
      throw new DiffWaveError('BAD_MEL', 'the mel is not as long as the recording', {
        expected: `${frames} frames`,
        got: String(mel.frames),
        where: path,
      })
    }
  }
  return null
}

/** Writes a mel as `.npy`, or as `.safetensors` (tensor `mel`) by the file's ending. */
export async function writeMel(path: string, mel: Mel): Promise<void> {
  const tensor = { shape: [mel.bands, mel.frames], data: mel.data }
  if (path.endsWith('.safetensors')) return writeFileBytes(path, encodeSafetensors(new Map([['mel', tensor]])))
  if (path.endsWith('.npy')) return writeFileBytes(path, encodeNpy(tensor))
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'mels are not written in this format', {
    expected: 'a name that ends in .npy or .safetensors',
    where: path,
  })
}
