/** Encodes mono WAV files: 16-bit and 24-bit PCM, and 32-bit float. */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { check } from '../../core/options.js'
import type { Audio } from '../audio.js'
import { checkAudio, checkSamples } from '../check-audio.js'
import {
  MAX_RIFF_SIZE,
  WAV_HEADER_BYTES,
  type WavFormat,
  wavData,
  wavFormats,
  wavHeader,
  wavSampleBytes,
} from './wav-bytes.js'

const wavOptionsSchema = z.strictObject({ format: z.enum(wavFormats).default('16') })

/** Fills in the defaults of the options. @throws DiffWaveError `BAD_OPTION` */
export function checkWavOptions(options: WavOptions, where: string): { readonly format: WavFormat } {
  return check(wavOptionsSchema, options, where)
}

/** Checks that a file is at most 4 GiB. @throws DiffWaveError `TOO_LARGE` */
export function checkSize(dataBytes: number): void {
  if (WAV_HEADER_BYTES + dataBytes > MAX_RIFF_SIZE) {
    throw new DiffWaveError('TOO_LARGE', 'the audio does not fit into a WAV file', {
      expected: `at most ${MAX_RIFF_SIZE} bytes`,
      got: String(WAV_HEADER_BYTES + dataBytes),
      hint: 'Write it to several files, or in a format with fewer bits.',
    })
  }
}

/** Options of all functions that write WAV. */
export interface WavOptions {
  /** Sample format: `16` or `24` for PCM, clipped at ±1, or `32f` for float, unchanged. Default: `16`. */
  readonly format?: WavFormat | undefined
}

/**
 * Encodes audio as the bytes of a mono WAV file.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `TOO_LARGE` (past 4 GiB)
 * @example
 * response.end(encodeWav({ samples, sampleRate: 22_050 }))
 */
export function encodeWav(audio: Audio, options: WavOptions = {}): Uint8Array<ArrayBuffer> {
  const { format } = checkWavOptions(options, 'encodeWav options')
  checkAudio(audio, 'encodeWav audio')
  checkSamples(audio.samples, 'encodeWav audio')
  checkSize(audio.samples.length * wavSampleBytes(format))
  const data = wavData(audio.samples, format)
  const bytes = new Uint8Array(WAV_HEADER_BYTES + data.length + (data.length % 2))
  bytes.set(wavHeader(audio.sampleRate, format, data.length))
  bytes.set(data, WAV_HEADER_BYTES)
  return bytes
}
