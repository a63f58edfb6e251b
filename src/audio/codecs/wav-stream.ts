/**
 * Writes WAV while the audio is still being made, in bounded memory: to a pipe, or to a file that is complete or
 * absent.
 *
 * The header comes before the samples and states their size. If the length is known beforehand, it states the true
 * size. If not, a file gets its sizes at the end, and a pipe gets 0xFFFFFFFF in both size fields (RIFF and data).
 * ffmpeg, SoX and this package understand that as “until the end of the stream”. With 0, other programs would play
 * nothing.
 */
import { describe } from '../../core/describe.js'
import { DiffWaveError } from '../../core/errors.js'
import { Stoppable } from '../../core/stoppable.js'
import { untilAborted } from '../../core/until-aborted.js'
import { checkSampleRate, checkSamples } from '../check-audio.js'
import { wavData, wavHeader, wavSampleBytes } from './wav-bytes.js'
import { checkSize, checkWavOptions, type WavOptions } from './wav-encode.js'

/** Audio in pieces that may arrive over time, such as an `AudioStream`. */
export interface AudioPieces extends AsyncIterable<Float32Array> {
  /** Sample rate in Hz. */
  readonly sampleRate: number
  /** Number of samples in all; null or absent if it is not known. */
  readonly length?: number | null
}

/**
 * Yields the bytes of a mono WAV file as its samples arrive: first the header of 44 bytes, then the samples.
 *
 * @throws DiffWaveError `BAD_OPTION`; `NOT_FINITE`; `BAD_AUDIO` if the sample rate is impossible, or if there are more
 * or fewer samples than declared; `TOO_LARGE` if a declared length exceeds 4 GiB; and what the audio throws
 * @example
 * await pipeline(wavBytes(vocoder.stream(mel)), createWriteStream('speech.wav'))
 */
export function wavBytes(audio: AudioPieces, options: WavOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
  return new Stoppable(stop => encoded(audio, options, stop))
}

async function* encoded(
  audio: AudioPieces,
  options: WavOptions,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { format } = checkWavOptions(options, 'wavBytes options')
  checkPieces(audio, 'wavBytes audio')
  const length = audio.length ?? null
  if (length !== null) checkSize(length * wavSampleBytes(format))
  yield wavHeader(audio.sampleRate, format, length === null ? null : length * wavSampleBytes(format))
  let count = 0
  for await (const samples of untilAborted(audio, stop)) {
    checkSamples(samples, 'wavBytes', count)
    count += samples.length
    if (length !== null && count > length) throw wrongLength(length, `at least ${count}`)
    if (samples.length > 0) yield wavData(samples, format)
  }
  if (length === null) return
  if (count !== length) throw wrongLength(length, String(count))
  // A chunk with an odd number of bytes is followed by a padding byte (RIFF specification, “chunks”).
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
