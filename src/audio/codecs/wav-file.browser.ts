/** WAV files written in a browser: offered to the user as downloads. */
import { DiffWaveError } from '../../core/errors.js'
import { refuseOtherThanWav } from '../../core/file-endings.js'
import { saveFile } from '../../core/save-file.browser.js'
import type { Audio } from '../audio.js'
import { checkNotEmpty } from '../check-audio.js'
import { encodeWav, type WavOptions } from './wav-encode.js'

/**
 * Offers a mono WAV file to the user as a download.
 *
 * @param name of the file
 * @param audio at least one sample: a WAV without samples cannot be read again
 * @throws DiffWaveError as `encodeWav`; `BAD_OPTION` if the name is not a non-empty text; `UNSUPPORTED_FORMAT` if
 * its ending is of another format; `NOT_WRITABLE` in a worker
 */
export async function writeWav(name: string | URL, audio: Audio, options: WavOptions = {}): Promise<void> {
  if (typeof name !== 'string' || name === '') {
    throw new DiffWaveError('BAD_OPTION', 'not a name', { expected: 'a non-empty string', where: 'writeWav name' })
  }
  refuseOtherThanWav(name, 'writeWav name')
  const bytes = encodeWav(audio, options)
  checkNotEmpty(audio.samples, 'writeWav audio')
  if (globalThis.document === undefined) {
    throw new DiffWaveError('NOT_WRITABLE', 'a worker cannot offer a file as a download', {
      where: name,
      hint: 'Pass the bytes of `toWav()` to the page.',
    })
  }
  saveFile(name, bytes as Uint8Array<ArrayBuffer>, 'audio/wav')
}
