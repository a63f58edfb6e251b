/**
 * WAV while the audio is still being made: on a pipe, or into a file that is whole or absent, in bounded memory.
 *
 * The header, which has the sizes, comes before the samples. If the length is known beforehand, it has the true sizes.
 * If not, a pipe gets 0xFFFFFFFF in both size fields (RIFF and data): the largest possible size, taken by ffmpeg, SoX
 * and this package to mean “until the end of the stream”; 0 would make others play nothing. A file gets its sizes at
 * the end.
 */
import { describe } from '../../core/describe.js'
import { DiffWaveError } from '../../core/errors.js'
import { checkSampleRate, checkSamples } from '../check-audio.js'
import { wavData, wavHeader, wavSampleBytes } from './wav-bytes.js'
import { checkSize, checkWavOptions, type WavOptions } from './wav-encode.js'

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

/** @throws DiffWaveError `BAD_AUDIO` */
export function checkPieces(audio: AudioPieces, where: string): void {
  if (typeof audio !== 'object' || audio === null || typeof audio[Symbol.asyncIterator] !== 'function') {
    throw new DiffWaveError('BAD_AUDIO', 'not a stream of audio', {
      expected: 'an async iterable of Float32Array with a sampleRate',
      got: describe(audio),
      where,
    })
  }
  checkSampleRate(audio.sampleRate, where)
}

function wrongLength(length: number, got: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', 'the audio is not as long as declared', {
    expected: `${length} samples`,
    got,
    where: 'wavBytes',
  })
}
