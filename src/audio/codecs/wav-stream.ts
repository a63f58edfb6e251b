/**
 * WAV while the audio is still being made: on a pipe, or into a file that is whole or absent, in bounded memory.
 *
 * A header comes before the samples it counts. Where the length is known beforehand the true sizes are written. Where
 * it is not, a pipe gets 0xFFFFFFFF in both size fields (RIFF and data): the largest possible size, taken by
 * ffmpeg, SoX and this package to mean “until the end of the stream”; 0 would make others play nothing. A file is given
 * its sizes at the end.
 */
import { DiffWaveError } from '../../core/errors.js'
import { writeFilePieces } from '../../core/files.js'
import { describe, type PathLike, toPath } from '../../core/path.js'
import { checkSampleRate, checkSamples } from '../check-audio.js'
import { MAX_RIFF_SIZE, WAV_HEADER_BYTES, wavData, wavHeader, wavSampleBytes } from './wav-bytes.js'
import { checkWavOptions, type WavOptions } from './wav-encode.js'

/** Audio that comes piece by piece, as an `AudioStream` does. */
export interface AudioPieces extends AsyncIterable<Float32Array> {
  /** Hz. */
  readonly sampleRate: number
  /** Samples in all; null or absent if not known. */
  readonly length?: number | null
}

/**
 * The bytes of a mono WAV as its samples come: 44 bytes of header first.
 *
 * @throws DiffWaveError `BAD_OPTION`; `NOT_FINITE`; `BAD_AUDIO` if the rate is impossible, or if more or fewer samples
 * come than declared; `TOO_LARGE` past 4 GiB if a length is declared; and what the audio throws
 */
export async function* wavBytes(
  audio: AudioPieces,
  options: WavOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { format } = checkWavOptions(options, 'wavBytes options')
  checkPieces(audio, 'wavBytes audio')
  const length = audio.length ?? null
  if (length !== null) checkSize(length * wavSampleBytes(format))
  yield wavHeader(audio.sampleRate, format, length === null ? null : length * wavSampleBytes(format))
  let count = 0
  for await (const samples of audio) {
    checkSamples(samples, 'wavBytes', count)
    count += samples.length
    if (length !== null && count > length) throw wrongLength(length, `at least ${count}`)
    if (samples.length > 0) yield wavData(samples, format)
  }
  if (length === null) return
  if (count !== length) throw wrongLength(length, String(count))
  // A chunk of an odd number of bytes is followed by one more (RIFF specification, “chunks”).
  if ((count * wavSampleBytes(format)) % 2 === 1) yield new Uint8Array(1)
}

/**
 * Writes a WAV file from audio as it comes, by way of a temporary file beside it: on any failure, and when the audio is
 * stopped, there is no file.
 *
 * @returns samples written
 * @throws DiffWaveError as `wavBytes`, and `NOT_WRITABLE`, `NOT_A_FILE`, `NOT_A_DIRECTORY`, `DISK_FULL`
 */
export async function writeWavStream(path: PathLike, audio: AudioPieces, options: WavOptions = {}): Promise<number> {
  const file = toPath(path, 'writeWavStream path')
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
  const source = Object.assign(counted(), { sampleRate: audio.sampleRate, length: audio.length ?? null })
  await writeFilePieces(file, wavBytes(source, { format }), () =>
    wavHeader(audio.sampleRate, format, samples * wavSampleBytes(format)),
  )
  return samples
}

function checkPieces(audio: AudioPieces, where: string): void {
  if (typeof audio !== 'object' || audio === null || typeof audio[Symbol.asyncIterator] !== 'function') {
    throw new DiffWaveError('BAD_AUDIO', 'not a stream of audio', {
      expected: 'an async iterable of Float32Array with a sampleRate',
      got: describe(audio),
      where,
    })
  }
  checkSampleRate(audio.sampleRate, where)
}

function checkSize(dataBytes: number): void {
  if (WAV_HEADER_BYTES + dataBytes > MAX_RIFF_SIZE) {
    throw new DiffWaveError('TOO_LARGE', 'a WAV file holds at most 4 GiB')
  }
}

function wrongLength(length: number, got: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', 'the audio is not as long as declared', {
    expected: `${length} samples`,
    got,
    where: 'wavBytes',
  })
}
