/** Recordings and mels from what a page has. */
import type { Recording } from '../audio/audio.js'
import { decodeWav } from '../audio/codecs/wav.js'
import { checkReadOptions, decodeMel, type MelFile, type ReadMelOptions } from '../formats/mel-tensor.js'
import { bytesOf, type FileInput } from './chosen-bytes.js'

/**
 * Reads a WAV file, mixed down to one channel.
 *
 * @param input the file, its URL, or its bytes
 * @throws DiffWaveError `BAD_OPTION`, `UNSUPPORTED_FORMAT`, `BAD_WAV`, `TRUNCATED`, `TOO_LARGE`, `NOT_FINITE`,
 * `NOT_READABLE`, `FILE_NOT_FOUND`, `DOWNLOAD_FAILED`
 */
export async function readWav(input: FileInput): Promise<Recording> {
  const { bytes, name } = await bytesOf(input, 'readWav input')
  return decodeWav(bytes, name)
}

/**
 * Reads a mel, `[bands, frames]` or `[1, bands, frames]`, from `.npy`, `.npz`, `.pt` or `.safetensors`.
 *
 * @param input the file, its URL, or its bytes
 * @param options the expected number of bands, or an object with further options
 * @returns the mel as float32, and whether the file had it transposed
 * @throws DiffWaveError `BAD_OPTION`, `BAD_MEL`, `NOT_FINITE`, `UNSUPPORTED_FORMAT`, `TRUNCATED`, `NOT_READABLE`,
 * `FILE_NOT_FOUND`, `DOWNLOAD_FAILED`
 */
export async function readMel(input: FileInput, options?: number | ReadMelOptions): Promise<MelFile> {
  const checked = checkReadOptions(options, 'readMel options')
  const { bytes, name } = await bytesOf(input, 'readMel input')
  return decodeMel(bytes, checked, name)
}
