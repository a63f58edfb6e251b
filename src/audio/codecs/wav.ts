/**
 * WAV files. Read: PCM of 8 to 32 bits, float of 32 and 64, A-law, µ-law, in RIFF, RIFX and RF64, any number of channels
 * (mixed down by their mean). Written: PCM of 16 and 24 bits, float of 32. Formats: Microsoft's RIFF specification (1991),
 * WAVEFORMATEXTENSIBLE, EBU Tech 3306 (RF64).
 *
 * The chunks are walked here, every declared size against the bytes present, and plain numbers are read straight from them
 * (the `wavefile` package takes 2 s for a minute of floats); A-law and µ-law are `wavefile`'s.
 */
import wavefile from 'wavefile'
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { readFileBytes, writeFileBytes } from '../../core/files.js'
import { MAX_SAMPLE_RATE } from '../../core/limits.js'
import { check } from '../../core/options.js'

/** Mono audio: samples nominally in ±1, rate in Hz. */
export interface Audio {
  readonly samples: Float32Array
  readonly sampleRate: number
}

/** What a WAV file declares. */
export interface WavHeader {
  readonly container: 'RIFF' | 'RIFX' | 'RF64'
  readonly encoding: 'pcm' | 'float' | 'a-law' | 'µ-law'
  readonly channels: number
  readonly sampleRate: number
  readonly bitsPerSample: number
  /** Samples of one channel. */
  readonly frames: number
  /** Where the sample data lies in the file, in bytes. */
  readonly dataStart: number
  readonly dataBytes: number
}

const encodings: Readonly<Record<number, WavHeader['encoding']>> = { 1: 'pcm', 3: 'float', 6: 'a-law', 7: 'µ-law' }
const EXTENSIBLE = 0xfffe
const supportedBits: Readonly<Record<WavHeader['encoding'], readonly number[]>> = {
  pcm: [8, 16, 24, 32],
  float: [32, 64],
  'a-law': [8],
  'µ-law': [8],
}
/** A size of a file that was written to a pipe, or whose true size is in its `ds64` chunk. */
const UNKNOWN_SIZE = 0xffffffff

/**
 * Reads the chunks of a WAV file up to its samples.
 *
 * @throws DiffWaveError `UNSUPPORTED_FORMAT` (no WAV, or an encoding not read), `BAD_WAV`, `TRUNCATED`
 */
export function decodeWavHeader(bytes: Uint8Array, where: string): WavHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4))
  const bad = (problem: string): never => {
    throw new DiffWaveError('BAD_WAV', problem, { where })
  }
  const truncated = (problem: string): never => {
    throw new DiffWaveError('TRUNCATED', problem, { where })
  }
  if (bytes.length === 0) truncated('the file is empty')
  const container = tag(0)
  if (container !== 'RIFF' && container !== 'RIFX' && container !== 'RF64') {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this is no WAV file', {
      expected: 'RIFF, RIFX or RF64 at its start',
      where,
    })
  }
  if (bytes.length < 12) truncated('the file ends inside its header')
  if (tag(8) !== 'WAVE') {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this RIFF file is no WAV', { expected: 'WAVE', got: tag(8), where })
  }
  const little = container !== 'RIFX'
  let format: Pick<WavHeader, 'encoding' | 'channels' | 'sampleRate' | 'bitsPerSample'> | undefined
  let longDataBytes: number | undefined
  for (let at = 12; ; ) {
    if (at + 8 > bytes.length)
      truncated(format === undefined ? 'the file ends before its format' : 'the file has no samples')
    const id = tag(at)
    let size = view.getUint32(at + 4, little)
    const start = at + 8
    if (id === 'data') {
      if (format === undefined) return bad('the samples come before their format')
      const { channels, bitsPerSample } = format
      const blockBytes = (channels * bitsPerSample) / 8
      if (size === UNKNOWN_SIZE) size = longDataBytes ?? Math.floor((bytes.length - start) / blockBytes) * blockBytes
      if (start + size > bytes.length) {
        truncated(`the file declares ${size} bytes of samples and holds ${bytes.length - start}`)
      }
      if (size < blockBytes) bad('the file holds no samples')
      const frames = Math.floor(size / blockBytes)
      return { container, ...format, frames, dataStart: start, dataBytes: frames * blockBytes }
    }
    if (start + size > bytes.length) truncated(`the file ends inside its chunk ${JSON.stringify(id)}`)
    if (id === 'ds64' && size >= 24) longDataBytes = Number(view.getBigUint64(start + 8, little))
    if (id === 'fmt ') {
      if (size < 16) bad('the format chunk is too short')
      let code = view.getUint16(start, little)
      if (code === EXTENSIBLE && size >= 26) code = view.getUint16(start + 24, little)
      const encoding = encodings[code]
      const channels = view.getUint16(start + 2, little)
      const sampleRate = view.getUint32(start + 4, little)
      const blockAlign = view.getUint16(start + 12, little)
      const bitsPerSample = view.getUint16(start + 14, little)
      if (encoding === undefined) {
        throw new DiffWaveError('UNSUPPORTED_FORMAT', 'the WAV’s encoding is not read', {
          expected: 'PCM, float, A-law or µ-law',
          got: `format ${code}`,
          where,
        })
      }
      if (channels === 0) bad('the file has no channels')
      if (sampleRate === 0 || sampleRate > MAX_SAMPLE_RATE) bad(`the sample rate is ${sampleRate} Hz`)
      if (!supportedBits[encoding].includes(bitsPerSample)) {
        throw new DiffWaveError('UNSUPPORTED_FORMAT', 'the WAV’s sample size is not read', {
          expected: `${supportedBits[encoding].join(', ')} bits`,
          got: `${bitsPerSample} bits`,
          where,
        })
      }
      if (blockAlign !== (channels * bitsPerSample) / 8) bad('the format’s block size does not fit its channels')
      format = { encoding, channels, sampleRate, bitsPerSample }
    }
    at = start + size + (size % 2)
  }
}

/** A function that reads interleaved sample i, scaled to ±1. */
function sampleReader(bytes: Uint8Array, header: WavHeader): (index: number) => number {
  const { encoding, bitsPerSample, dataStart, dataBytes } = header
  const little = header.container !== 'RIFX'
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart, dataBytes)
  if (encoding === 'a-law' || encoding === 'µ-law') {
    const companded = new wavefile.WaveFile()
    companded.fromScratch(1, 8000, encoding === 'a-law' ? '8a' : '8m', bytes.subarray(dataStart, dataStart + dataBytes))
    if (encoding === 'a-law') companded.fromALaw()
    else companded.fromMuLaw()
    const samples = companded.getSamples(true, Int16Array) as unknown as Int16Array
    return i => samples[i]! / 32768
  }
  if (encoding === 'float') {
    return bitsPerSample === 32 ? i => view.getFloat32(i * 4, little) : i => view.getFloat64(i * 8, little)
  }
  switch (bitsPerSample) {
    case 8:
      return i => (view.getUint8(i) - 128) / 128
    case 16:
      return i => view.getInt16(i * 2, little) / 32768
    case 24:
      return i => {
        const middle = view.getUint8(i * 3 + 1)
        const [high, low] = little ? [i * 3 + 2, i * 3] : [i * 3, i * 3 + 2]
        return (view.getInt8(high) * 65536 + middle * 256 + view.getUint8(low)) / 8388608
      }
    default:
      return i => view.getInt32(i * 4, little) / 2147483648
  }
}

/**
 * A WAV file's audio, mixed down to one channel.
 *
 * @throws DiffWaveError `UNSUPPORTED_FORMAT`, `BAD_WAV`, `TRUNCATED`, `NOT_FINITE` (naming the sample)
 */
export function decodeWav(bytes: Uint8Array, where: string): Audio {
  const header = decodeWavHeader(bytes, where)
  const { channels, frames, sampleRate } = header
  const sample = sampleReader(bytes, header)
  const samples = new Float32Array(frames)
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++) sum += sample(frame * channels + channel)
    const value = sum / channels
    if (!Number.isFinite(value)) {
      throw new DiffWaveError('NOT_FINITE', `sample ${frame} is not a finite number`, { where })
    }
    samples[frame] = value
  }
  return { samples, sampleRate }
}

/** @throws DiffWaveError as `decodeWav`, and `FILE_NOT_FOUND`, `NOT_A_FILE`, `NOT_READABLE`, `TOO_LARGE` */
export async function readWav(path: string): Promise<Audio> {
  return decodeWav(await readFileBytes(path), path)
}

/** How samples are written: PCM of 16 or 24 bits (clipped at ±1), or 32-bit float (as they are). */
export const wavFormats = ['16', '24', '32f'] as const
export type WavFormat = (typeof wavFormats)[number]

const wavOptionsSchema = z.strictObject({ format: z.enum(wavFormats).default('16') })
/** `format`: '16' where not given. */
export type WavOptions = Readonly<z.input<typeof wavOptionsSchema>>

/** Bytes before the samples of a WAV that this package writes. */
export const WAV_HEADER_BYTES = 44

/** Bytes of a sample. */
export function wavSampleBytes(format: WavFormat): number {
  return format === '16' ? 2 : format === '24' ? 3 : 4
}

/**
 * The 44 bytes before the samples of a mono WAV.
 *
 * @param dataBytes the samples' size; null where it is not known yet, as on a pipe
 */
export function wavHeader(sampleRate: number, format: WavFormat, dataBytes: number | null): Uint8Array {
  const bytesPerSample = wavSampleBytes(format)
  const bytes = new Uint8Array(WAV_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  const tag = (at: number, text: string) => {
    for (let i = 0; i < 4; i++) bytes[at + i] = text.charCodeAt(i)
  }
  tag(0, 'RIFF')
  view.setUint32(4, dataBytes === null ? UNKNOWN_SIZE : WAV_HEADER_BYTES - 8 + dataBytes + (dataBytes % 2), true)
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
  view.setUint32(40, dataBytes ?? UNKNOWN_SIZE, true)
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

/** A mono WAV file. @throws DiffWaveError `BAD_OPTION`, `NOT_FINITE`, `TOO_LARGE` (past 4 GiB) */
export function encodeWav(audio: Audio, options: WavOptions = {}): Uint8Array {
  const { format } = check(wavOptionsSchema, options, 'encodeWav options')
  const broken = audio.samples.findIndex(sample => !Number.isFinite(sample))
  if (broken >= 0)
    throw new DiffWaveError('NOT_FINITE', `sample ${broken} is not a finite number`, { where: 'encodeWav' })
  const data = wavData(audio.samples, format)
  if (WAV_HEADER_BYTES + data.length > UNKNOWN_SIZE)
    throw new DiffWaveError('TOO_LARGE', 'a WAV file holds at most 4 GiB')
  const bytes = new Uint8Array(WAV_HEADER_BYTES + data.length + (data.length % 2))
  bytes.set(wavHeader(audio.sampleRate, format, data.length))
  bytes.set(data, WAV_HEADER_BYTES)
  return bytes
}

/** @throws DiffWaveError as `encodeWav`, and `NOT_WRITABLE`, `NOT_A_FILE`, `DISK_FULL` */
export async function writeWav(path: string, audio: Audio, options: WavOptions = {}): Promise<void> {
  await writeFileBytes(path, encodeWav(audio, options))
}
