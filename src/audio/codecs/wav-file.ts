/** Writes WAV files to disk. */
import { refuseOtherThanWav } from '../../core/file-endings.js'
import { type PathLike, toPath } from '../../core/path.js'
import { writeFileBytes, writeFilePieces } from '../../core/write-file.js'
import type { Audio } from '../audio.js'
import { checkNotEmpty } from '../check-audio.js'
import { wavHeader, wavSampleBytes } from './wav-bytes.js'
import { checkSize, checkWavOptions, encodeWav, type WavOptions } from './wav-encode.js'
import { type AudioPieces, checkPieces, wavBytes } from './wav-stream.js'

/**
 * Writes a mono WAV file.
 *
 * @param path of the file, as text or a `file:` URL. Endings of other formats, such as `.mp3`, are refused
 * @param audio at least one sample: a WAV without samples cannot be read again
 * @throws DiffWaveError as `encodeWav`, and `UNSUPPORTED_FORMAT`, `NOT_WRITABLE`, `NOT_A_FILE`, `DISK_FULL`
 * @example
 * await writeWav('copy.wav', { samples, sampleRate: 22_050 }, { format: '24' })
 */
export async function writeWav(path: PathLike, audio: Audio, options: WavOptions = {}): Promise<void> {
  const file = toPath(path, 'writeWav path')
  refuseOtherThanWav(file, 'writeWav path')
  const bytes = encodeWav(audio, options)
  checkNotEmpty(audio.samples, 'writeWav audio')
  await writeFileBytes(file, bytes)
}

/**
 * Writes a WAV file from audio as it arrives. The data go to a temporary file first, so that there is no file if
 * anything fails or the audio is stopped.
 *
 * @returns the number of samples written
 * @example
 * await writeWavStream('speech.wav', vocoder.stream(mel))
 * @throws DiffWaveError as `wavBytes`, and `UNSUPPORTED_FORMAT`, `NOT_WRITABLE`, `NOT_A_FILE`, `NOT_A_DIRECTORY`,
 * `DISK_FULL`
 */
export async function writeWavStream(path: PathLike, audio: AudioPieces, options: WavOptions = {}): Promise<number> {
  const file = toPath(path, 'writeWavStream path')
  refuseOtherThanWav(file, 'writeWavStream path')
  const { format } = checkWavOptions(options, 'writeWavStream options')
  checkPieces(audio, 'writeWavStream audio')
  let samples = 0
  async function* counted() {
    for await (const piece of audio) {
      samples += piece.length
      checkSize(samples * wavSampleBytes(format))
      yield piece
    }
  }
  const { sampleRate, length = null } = audio
  async function* padded() {
    yield* wavBytes(Object.assign(counted(), { sampleRate, length }), { format })
    // To a pipe of unknown length, `wavBytes` writes samples to the end. In a file the chunk ends, as in `encodeWav`.
    if (length === null && (samples * wavSampleBytes(format)) % 2 === 1) yield new Uint8Array(1)
  }
  await writeFilePieces(file, padded(), () => wavHeader(sampleRate, format, samples * wavSampleBytes(format)))
  return samples
}
