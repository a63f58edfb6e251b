/**
 * MP3 (and MPEG layers I and II), decoded by mpg123, compiled to WASM (`mpg123-decoder`). mpg123 is under the LGPL 2.1,
 * so the package is an optional dependency. Without it, all other formats are still read.
 */
import { setImmediate } from 'node:timers/promises'
import type { MPEGDecoder } from 'mpg123-decoder'
import { DiffWaveError } from '../../core/errors.js'
import { loadPackage } from '../../core/optional-package.js'
import type { Recording } from '../audio.js'
import { checkSampleRate, checkSamples } from '../check-audio.js'
import { type DecodeOptions, MonoMixer } from './mono.js'

/** Bytes passed to the decoder at a time, about 3 s of sound. */
const PIECE = 2 ** 16

/**
 * Whether a frame header begins at `at`: a sync word, and a layer, bit rate and sample rate that exist.
 */
export function isMp3Frame(bytes: Uint8Array, at: number): boolean {
  const [first, second, third] = bytes.subarray(at, at + 3)
  if (first !== 0xff || second === undefined || third === undefined || (second & 0xe0) !== 0xe0) return false
  return (second & 0x18) !== 0x08 && (second & 0x06) !== 0 && third >> 4 !== 15 && (third & 0x0c) !== 0x0c
}

/**
 * Decodes an MP3 file and mixes it down to one channel. The encoder's delay and padding are cut off if the file
 * declares them.
 *
 * @param start index of the byte at which the first frame begins, or an ID3 tag before it
 * @throws DiffWaveError `BAD_AUDIO`, `TRUNCATED` (no samples), `TOO_LARGE`, `NOT_FINITE`, `MISSING_PACKAGE`
 */
export async function decodeMp3(
  bytes: Uint8Array,
  start: number,
  where: string,
  { maxSeconds }: DecodeOptions = {},
): Promise<Recording> {
  const load = () => import('mpg123-decoder')
  const { MPEGDecoder } = await loadPackage('mpg123-decoder', load, { what: 'MP3', where })
  const decoder = new MPEGDecoder()
  await decoder.ready
  let mixer: MonoMixer | undefined
  let sampleRate = 0
  try {
    for (let at = start; at < bytes.length; at += PIECE) {
      const decoded = decodePiece(decoder, bytes.subarray(at, at + PIECE), where)
      if (decoded.samplesDecoded > 0) {
        if (sampleRate !== 0 && decoded.sampleRate !== sampleRate) throw bad('its sample rate changes', where)
        sampleRate = decoded.sampleRate
        mixer ??= new MonoMixer({ fileBytes: bytes.length, sampleRate, maxSeconds, where })
        mixer.add(decoded.channelData, 0, decoded.samplesDecoded)
      }
      await setImmediate()
    }
  } finally {
    decoder.free()
  }
  if (mixer === undefined) throw bad('it holds no whole frame', where)
  checkSampleRate(sampleRate, where)
  const notes = cutNotes(bytes, start)
  const samples = mixer.finish()
  checkSamples(samples, where)
  return { samples, sampleRate, format: 'MP3', channels: isMonoFrame(bytes, start) ? 1 : 2, notes }
}

function decodePiece(decoder: MPEGDecoder, piece: Uint8Array, where: string): ReturnType<MPEGDecoder['decode']> {
  let decoded: ReturnType<MPEGDecoder['decode']>
  try {
    decoded = decoder.decode(piece)
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : String(cause), where)
  }
  if (decoded.errors.length > 0) throw bad(decoded.errors[0]!.message, where)
  return decoded
}

function isMonoFrame(bytes: Uint8Array, frame: number): boolean {
  return isMp3Frame(bytes, frame) && bytes[frame + 3]! >> 6 === 3
}

/** Returns a note if the file ends before the length that its first frame declares, or inside a frame. */
function cutNotes(bytes: Uint8Array, start: number): string[] {
  const declared = declaredBytes(bytes, start)
  if (declared !== null && declared.end > bytes.length) {
    const present = bytes.length - declared.start
    return [`The header declares ${declared.bytes} bytes of sound: read ${present}, to the end of the file.`]
  }
  let at = start
  for (let size = frameBytes(bytes, at); size > 0; size = frameBytes(bytes, at)) at += size
  return at > bytes.length ? ['The file ends inside a frame: read to the end of the file.'] : []
}

/** Bit rates of layer III in kb/s: of MPEG-1, then of MPEG-2 and 2.5 (ISO 11172-3, 13818-3). */
const bitRates = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const
const mpeg1Rates = [44_100, 48_000, 32_000] as const

/** The length in bytes of the layer III frame at `at`; 0 if there is none, or if its header does not tell. */
function frameBytes(bytes: Uint8Array, at: number): number {
  if (!isMp3Frame(bytes, at)) return 0
  const second = bytes[at + 1]!
  const third = bytes[at + 2]!
  if ((second & 0x06) !== 0x02) return 0
  // 3 is MPEG-1, 2 is MPEG-2 with half its rates, and 0 is MPEG-2.5 with a quarter.
  const version = (second >> 3) & 3
  const bitRate = bitRates[version === 3 ? 0 : 1][third >> 4]!
  const sampleRate = mpeg1Rates[((third >> 2) & 3) as 0 | 1 | 2] / (version === 3 ? 1 : version === 2 ? 2 : 4)
  if (bitRate === 0) return 0
  return Math.floor(((version === 3 ? 144 : 72) * 1000 * bitRate) / sampleRate) + ((third >> 1) & 1)
}

/** The length of the stream that a Xing or Info header in the first frame declares; null if there is none. */
function declaredBytes(bytes: Uint8Array, start: number): { start: number; bytes: number; end: number } | null {
  if (!isMp3Frame(bytes, start) || start + 156 > bytes.length) return null
  const isMpeg1 = (bytes[start + 1]! & 0x18) === 0x18
  const mono = isMonoFrame(bytes, start)
  const at = start + 4 + (isMpeg1 ? (mono ? 17 : 32) : mono ? 9 : 17)
  const tag = String.fromCharCode(...bytes.subarray(at, at + 4))
  if (tag !== 'Xing' && tag !== 'Info') return null
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const flags = view.getUint32(at + 4)
  if ((flags & 2) === 0) return null
  const size = view.getUint32(at + 8 + ((flags & 1) === 0 ? 0 : 4))
  return { start, bytes: size, end: start + size }
}

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', `the MP3 file cannot be decoded: ${problem}`, { where })
}
