/** Reads WAV files, in Node.js and in pages. */
import { bytesOf, type FileInput } from '../../core/file-input.js'
import type { Recording } from '../audio.js'
import { decodeWav } from './wav.js'

/**
 * Reads a WAV file, mixed down to one channel.
 *
 * @param input the file: its path (in a browser its URL), a `File` or `Blob`, or its bytes
 * @throws DiffWaveError `BAD_OPTION`, `UNSUPPORTED_FORMAT`, `BAD_WAV`, `TRUNCATED`, `TOO_LARGE`, `NOT_FINITE`,
 * `FILE_NOT_FOUND`, `NOT_READABLE`; in Node.js `NOT_A_FILE`, in a browser `DOWNLOAD_FAILED`
 * @example
 * const { samples, sampleRate } = await readWav('recording.wav')
 */
export async function readWav(input: FileInput): Promise<Recording> {
  const { bytes, name } = await bytesOf(input, 'readWav input')
  return decodeWav(bytes, name)
}
