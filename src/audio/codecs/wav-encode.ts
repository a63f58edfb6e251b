/** WAV files written: mono, PCM of 16 and 24 bits or float of 32. */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { writeFileBytes } from '../../core/files.js'
import { check } from '../../core/options.js'
import { type PathLike, toPath } from '../../core/path.js'
import type { Audio } from '../audio.js'
import { checkAudio, checkSamples } from '../check-audio.js'

/** What a RIFF size field can count; as a size it means “unknown”. */
export const MAX_RIFF_SIZE = 0xffffffff

/** How samples are written: PCM of 16 or 24 bits (clipped at ±1), or 32-bit float (unchanged). */
export type WavFormat = '16' | '24' | '32f'
export const wavFormats = ['16', '24', '32f'] as const satisfies readonly WavFormat[]

const wavOptionsSchema = z.strictObject({ format: z.enum(wavFormats).default('16') })

/** The options with their defaults. @throws DiffWaveError `BAD_OPTION` */
export function checkWavOptions(options: WavOptions, where: string): { readonly format: WavFormat } {
  return check(wavOptionsSchema, options, where)
}

/** Options of everything that writes WAV. */
export interface WavOptions {
  /** Sample format. Default '16'. */
  readonly format?: WavFormat | undefined
}

/** Bytes before the samples of a WAV that this package writes. */
export const WAV_HEADER_BYTES = 44

/** Bytes of one sample. */
export function wavSampleBytes(format: WavFormat): number {
  return format === '16' ? 2 : format === '24' ? 3 : 4
}

/**
 * The 44 bytes before the samples of a mono WAV.
 *
 * @param dataBytes the samples' size; null if it is not known yet, as on a pipe
 */
export function wavHeader(sampleRate: number, format: WavFormat, dataBytes: number | null): Uint8Array {
  const bytesPerSample = wavSampleBytes(format)
  const bytes = new Uint8Array(WAV_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  const tag = (at: number, text: string) => {
    for (let i = 0; i < 4; i++) bytes[at + i] = text.charCodeAt(i)
  }
  tag(0, 'RIFF')
  view.setUint32(4, dataBytes === null ? MAX_RIFF_SIZE : WAV_HEADER_BYTES - 8 + dataBytes + (dataBytes % 2), true)
  tag(8, 'WAVE')
  tag(12, 'fmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, format === '32f' ? 3 : 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, sampleRate * bytesPerSample, true)
  view.setUint16(32, bytesPerSample, true)
  view.setUint16(34, bytesPerSample * 8, true)
  tag(36, 'data')
  view.setUint32(40, dataBytes ?? MAX_RIFF_SIZE, true)
  return bytes
}

/** Samples as the bytes of a WAV's data. Integers are rounded to nearest and clipped. */
export function wavData(samples: Float32Array, format: WavFormat): Uint8Array {
  const size = wavSampleBytes(format)
  const bytes = new Uint8Array(samples.length * size)
  const view = new DataView(bytes.buffer)
  const scale = format === '16' ? 32768 : 8388608
  for (let i = 0; i < samples.length; i++) {
    if (format === '32f') {
      view.setFloat32(i * 4, samples[i]!, true)
      continue
    }
    // As they are read: full scale is one step beyond the largest integer, so that a file comes back exactly.
    const value = Math.min(Math.round(Math.max(-1, Math.min(1, samples[i]!)) * scale), scale - 1)
    view.setInt16(i * size, value, true)
    if (format === '24') view.setInt8(i * 3 + 2, value >> 16)
  }
  return bytes
}

/**
 * The bytes of a mono WAV file.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_AUDIO`, `NOT_FINITE`, `TOO_LARGE` (past 4 GiB)
 */
export function encodeWav(audio: Audio, options: WavOptions = {}): Uint8Array {
  const { format } = checkWavOptions(options, 'encodeWav options')
  checkAudio(audio, 'encodeWav audio')
  checkSamples(audio.samples, 'encodeWav audio')
  const data = wavData(audio.samples, format)
  if (WAV_HEADER_BYTES + data.length > MAX_RIFF_SIZE) {
    throw new DiffWaveError('TOO_LARGE', 'a WAV file holds at most 4 GiB')
  }
  const bytes = new Uint8Array(WAV_HEADER_BYTES + data.length + (data.length % 2))
  bytes.set(wavHeader(audio.sampleRate, format, data.length))
  bytes.set(data, WAV_HEADER_BYTES)
  return bytes
}

/**
 * Writes a mono WAV file.
 *
 * @param path of the file, as text or a `file:` URL
 * @param audio at least one sample: a WAV without samples cannot be read again
 * @throws DiffWaveError as `encodeWav`, and `NOT_WRITABLE`, `NOT_A_FILE`, `DISK_FULL`
 */
export async function writeWav(path: PathLike, audio: Audio, options: WavOptions = {}): Promise<void> {
  const file = toPath(path, 'writeWav path')
  const bytes = encodeWav(audio, options)
  if (audio.samples.length === 0)
    throw new DiffWaveError('BAD_AUDIO', 'there are no samples', { where: 'writeWav audio' })
  await writeFileBytes(file, bytes)
}
