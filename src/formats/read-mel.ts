/** Reads mel files, in Node.js and in pages. */
import { bytesOf, type FileInput } from '../core/file-input.js'
import {
  checkReadAllOptions,
  checkReadOptions,
  decodeMel,
  decodeMels,
  type MelFile,
  type ReadMelOptions,
  type ReadMelsOptions,
} from './mel-tensor.js'

/**
 * Reads a mel, `[bands, frames]` or `[1, bands, frames]`, from `.npy`, `.npz`, `.pt` or `.safetensors`.
 *
 * @param input the file: its path (in a browser its URL), a `File` or `Blob`, or its bytes
 * @param options the expected number of bands, or an object with further options
 * @returns the mel as float32, `[bands × frames]`, and whether it was stored transposed
 * @throws DiffWaveError `BAD_OPTION`, `BAD_MEL`, `NOT_FINITE`, `UNSUPPORTED_FORMAT`, `TRUNCATED`, `TOO_LARGE`,
 * `FILE_NOT_FOUND`, `NOT_READABLE`; in Node.js `NOT_A_FILE`, in a browser `DOWNLOAD_FAILED`
 * @example
 * const { mel } = await readMel('batch.npz', { bands: 80, key: 'mels', index: 3 })
 */
export async function readMel(input: FileInput, options?: number | ReadMelOptions): Promise<MelFile> {
  const checked = checkReadOptions(options, 'readMel options')
  const { bytes, name } = await bytesOf(input, 'readMel input')
  return decodeMel(bytes, checked, name)
}

/**
 * Reads all mels of a file: a batch `[mels, bands, frames]`, or a single mel.
 *
 * @param input the file: its path (in a browser its URL), a `File` or `Blob`, or its bytes
 * @param options the expected number of bands, or an object with further options
 * @returns each mel as float32, in the order of the batch
 * @throws DiffWaveError as `readMel`, also for more than 10,000 mels
 * @example
 * const mels = await readMels('batch.npy', 80)
 * const clips = await vocoder.synthesizeBatch(mels.map(({ mel }) => mel))
 */
export async function readMels(input: FileInput, options?: number | ReadMelsOptions): Promise<readonly MelFile[]> {
  const checked = checkReadAllOptions(options, 'readMels options')
  const { bytes, name } = await bytesOf(input, 'readMels input')
  return decodeMels(bytes, checked, name)
}
