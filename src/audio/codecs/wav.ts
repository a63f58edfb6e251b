/**
 * Reads WAV files: PCM of 8 to 32 bits, float of 32 and 64 bits, A-law and µ-law, in RIFF, RIFX, RF64 and BW64. Any
 * number of channels is mixed down by the mean. Plain numbers are read straight from the bytes, since the `wavefile`
 * package takes 2 s for a minute of floats. `wavefile` expands each of the 256 codes of A-law and µ-law once.
 */
import * as wavefile from 'wavefile'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_AUDIO_SAMPLES } from '../../core/limits.js'
import type { Recording } from '../audio.js'
import { peakOf, sampleScaleDoubt } from '../sample-scale.js'
import { type DecodeOptions, refuseTooLong } from './mono.js'
import { decodeWavHeader, type WavHeader } from './wav-header.js'

/** Node.js loads the package's CommonJS build (a default export), and bundlers its module build (a named one). */
const names: Readonly<Record<string, unknown>> = { ...wavefile }
const { WaveFile } = ('WaveFile' in names ? names : names['default']) as typeof wavefile

/** Reads the interleaved sample i, scaled to ±1. */
type SampleReader = (index: number) => number

/** The samples that the codes of A-law or µ-law stand for, `[256]` (ITU-T G.711). */
function samplesOfCodes(encoding: 'a-law' | 'µ-law'): Float32Array {
  const wav = new WaveFile()
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code)
  wav.fromScratch(1, 8000, encoding === 'a-law' ? '8a' : '8m', codes)
  if (encoding === 'a-law') wav.fromALaw()
  else wav.fromMuLaw()
  return Float32Array.from(wav.getSamples(true, Int16Array) as unknown as Int16Array, sample => sample / 32768)
}

/** Reads the integer in all bytes of a sample. */
function integerReader(view: DataView, bytes: number, little: boolean): SampleReader {
  switch (bytes) {
    case 1:
      return i => view.getUint8(i) - 128
    case 2:
      return i => view.getInt16(i * 2, little)
    case 3:
      return i => {
        const middle = view.getUint8(i * 3 + 1)
        const [high, low] = little ? [i * 3 + 2, i * 3] : [i * 3, i * 3 + 2]
        return view.getInt8(high) * 65536 + middle * 256 + view.getUint8(low)
      }
    default:
      return i => view.getInt32(i * 4, little)
  }
}

/**
 * The number of bits of full scale. A sample of 12 or 20 bits occupies the upper bits of its bytes (RIFF
 * specification), so full scale is that of the bytes. A sample of 24 bits in four bytes is outside the specification
 * and may occupy either half. It occupies the lower half if no sample needs more bits.
 */
function fullScaleBits(read: SampleReader, count: number, { bitsPerSample, sampleBytes }: WavHeader): number {
  if (sampleBytes === Math.ceil(bitsPerSample / 8)) return 8 * sampleBytes
  const limit = 2 ** (bitsPerSample - 1)
  for (let i = 0; i < count; i++) {
    const value = read(i)
    if (value < -limit || value >= limit) return 8 * sampleBytes
  }
  return bitsPerSample
}

function sampleReader(bytes: Uint8Array, header: WavHeader): SampleReader {
  const { encoding, bitsPerSample, sampleBytes, dataStart, dataBytes } = header
  const little = header.container !== 'RIFX'
  if (encoding === 'a-law' || encoding === 'µ-law') {
    const samples = samplesOfCodes(encoding)
    return i => samples[bytes[dataStart + i]!]!
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart, dataBytes)
  if (encoding === 'float') {
    return bitsPerSample === 32 ? i => view.getFloat32(i * 4, little) : i => view.getFloat64(i * 8, little)
  }
  const read = integerReader(view, sampleBytes, little)
  const scale = 1 / 2 ** (fullScaleBits(read, dataBytes / sampleBytes, header) - 1)
  return i => read(i) * scale
}

/** Reads 16-bit mono files, the most common kind, ten times as fast. @returns null for other files */
function plainSamples(bytes: Uint8Array, header: WavHeader): Float32Array | null {
  const { container, encoding, channels, bitsPerSample, sampleBytes, frames, dataStart, dataBytes } = header
  if (channels !== 1 || encoding !== 'pcm' || bitsPerSample !== 16 || sampleBytes !== 2) return null
  const little = container !== 'RIFX'
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart, dataBytes)
  const samples = new Float32Array(frames)
  for (let i = 0; i < frames; i++) samples[i] = view.getInt16(2 * i, little) / 32768
  return samples
}

const encodingNames: Readonly<Record<WavHeader['encoding'], string>> = {
  pcm: 'PCM',
  float: 'float',
  'a-law': 'A-law',
  'µ-law': 'µ-law',
}

/**
 * Decodes a WAV file and mixes it down to one channel.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `UNSUPPORTED_FORMAT`, `BAD_WAV`, `TRUNCATED`, `TOO_LARGE`; `NOT_FINITE` naming the sample that
 * is NaN, infinite, or beyond what a float32 can hold
 */
export function decodeWav(bytes: Uint8Array, where: string, options: DecodeOptions = {}): Recording {
  const header = decodeWavHeader(bytes, where)
  const { channels, frames, sampleRate, notes } = header
  refuseTooLong(frames, sampleRate, options, where)
  if (frames > MAX_AUDIO_SAMPLES) {
    throw new DiffWaveError('TOO_LARGE', 'the recording has too many samples', {
      expected: `at most ${MAX_AUDIO_SAMPLES}`,
      got: String(frames),
      where,
      hint: 'Split it into shorter files.',
    })
  }
  const format = `WAV, ${header.bitsPerSample}-bit ${encodingNames[header.encoding]}`
  const plain = plainSamples(bytes, header)
  if (plain !== null) return { samples: plain, sampleRate, format, channels, notes }
  const sample = sampleReader(bytes, header)
  const samples = new Float32Array(frames)
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++) sum += sample(frame * channels + channel)
    samples[frame] = sum / channels
    if (!Number.isFinite(samples[frame])) {
      throw new DiffWaveError('NOT_FINITE', `sample ${frame} is not a finite float32 number`, {
        got: String(sum / channels),
        where,
      })
    }
  }
  const doubt = header.encoding === 'float' ? sampleScaleDoubt(peakOf(samples)) : null
  return { samples, sampleRate, format, channels, notes: doubt === null ? notes : [...notes, sentence(doubt)] }
}

function sentence(clause: string): string {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`
}
