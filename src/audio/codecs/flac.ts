/**
 * FLAC (RFC 9639). This is own code, because the decoder on npm depends on an LGPL parser, keeps all channels at full
 * length, and does not tell a truncated file from a whole one. Every frame is checked by its CRC and mixed down as it
 * is decoded.
 */
import { setImmediate } from 'node:timers/promises'
import { DiffWaveError } from '../../core/errors.js'
import type { Recording } from '../audio.js'
import { checkSampleRate } from '../check-audio.js'
import { BitReader, EndOfBits } from './bit-reader.js'
import { crc8, crc16 } from './crc.js'
import { decodeSubframe, type Subframe } from './flac-subframe.js'
import { type DecodeOptions, MonoMixer } from './mono.js'

/** The STREAMINFO block, which describes the whole file. */
interface StreamInfo {
  readonly maxBlock: number
  readonly sampleRate: number
  readonly channels: number
  readonly bits: number
  /** Samples per channel; 0 if the encoder did not know the length. */
  readonly total: number
}

/** The header of a frame. */
interface FrameHeader {
  readonly block: number
  /** 0 … 7: that many channels + 1, coded separately. 8: left and side. 9: side and right. 10: mid and side. */
  readonly assignment: number
  readonly channels: number
  readonly bits: number
}

const STREAMINFO_BYTES = 34
/** Samples decoded between two turns of the event loop, which takes about 10 ms. */
const SAMPLES_PER_TURN = 2 ** 18
const SIDE_LEFT = 8
const SIDE_RIGHT = 9
const MID_SIDE = 10

/**
 * Decodes a FLAC file and mixes it down to one channel. A truncated file is read to its last whole frame, with a note.
 *
 * @param start index of the byte at which `fLaC` begins
 * @param where names the file in errors
 * @throws DiffWaveError `BAD_AUDIO` (damaged), `TRUNCATED` (no samples), `TOO_LARGE`
 */
export async function decodeFlac(
  bytes: Uint8Array,
  start: number,
  where: string,
  { maxSeconds }: DecodeOptions = {},
): Promise<Recording> {
  const { info, end } = readMetadata(bytes, start, where)
  const decoder = new FlacFrames(bytes, end, info, where)
  const { sampleRate, channels, bits, total } = info
  const mixer = new MonoMixer({ fileBytes: bytes.length, sampleRate, expected: total, maxSeconds, where })
  for (let turn = 0; ; ) {
    const block = decoder.next(mixer.length)
    if (block === null) break
    mixer.add(block.channels, 0, block.length)
    turn += block.length
    if (turn < SAMPLES_PER_TURN) continue
    turn = 0
    await setImmediate()
  }
  if (mixer.length === 0) throw new DiffWaveError('TRUNCATED', 'the file ends before its first samples', { where })
  const notes =
    mixer.length < total
      ? [`The header declares ${total} samples: read ${mixer.length}, to the end of the file.`]
      : decoder.cut
        ? ['The file ends inside a frame, which is left out.']
        : decoder.hasRest
          ? ['What follows the end of the stream is left out.']
          : []
  return { samples: mixer.finish(), sampleRate, format: `FLAC, ${bits} bits`, channels, notes }
}

/** Reads the metadata blocks: STREAMINFO, which comes first, and the byte at which the frames begin. */
function readMetadata(bytes: Uint8Array, start: number, where: string): { info: StreamInfo; end: number } {
  let info: StreamInfo | undefined
  for (let at = start + 4; ; ) {
    if (at + 4 > bytes.length) throw new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
    const last = bytes[at]! >= 0x80
    const type = bytes[at]! & 0x7f
    const size = bytes[at + 1]! * 65536 + bytes[at + 2]! * 256 + bytes[at + 3]!
    at += 4
    if (at + size > bytes.length) throw new DiffWaveError('TRUNCATED', 'the file ends inside its header', { where })
    if (info === undefined) {
      if (type !== 0 || size !== STREAMINFO_BYTES) throw bad('the first metadata block is not STREAMINFO', where)
      info = readStreamInfo(new BitReader(bytes, at), where)
    }
    at += size
    if (last) return { info, end: at }
  }
}

function readStreamInfo(reader: BitReader, where: string): StreamInfo {
  reader.read(16)
  const maxBlock = reader.read(16)
  reader.read(24)
  reader.read(24)
  const sampleRate = reader.read(20)
  const channels = reader.read(3) + 1
  const bits = reader.read(5) + 1
  const total = reader.read(4) * 2 ** 32 + reader.read(32)
  checkSampleRate(sampleRate, where)
  if (bits < 4 || maxBlock < 16) throw bad('STREAMINFO is malformed', where)
  return { maxBlock, sampleRate, channels, bits, total }
}

/** Reads the frames of a stream one after the other. */
class FlacFrames {
  /** Whether the file ends inside a frame. */
  cut = false
  readonly #bytes: Uint8Array
  readonly #info: StreamInfo
  readonly #where: string
  readonly #numbers: Float64Array[]
  readonly #channels: Float32Array[]
  #at: number

  constructor(bytes: Uint8Array, start: number, info: StreamInfo, where: string) {
    this.#bytes = bytes
    this.#at = start
    this.#info = info
    this.#where = where
    this.#numbers = Array.from({ length: info.channels }, () => new Float64Array(info.maxBlock))
    this.#channels = Array.from({ length: info.channels }, () => new Float32Array(info.maxBlock))
  }

  /** Whether anything but a tag follows the last frame. */
  get hasRest(): boolean {
    return this.#at < this.#bytes.length && !this.#isTag()
  }

  /**
   * The next block, or null at the end. Its arrays are reused for the block after it.
   *
   * @param decoded number of samples decoded before it
   */
  next(decoded: number): { readonly channels: readonly Float32Array[]; readonly length: number } | null {
    const { total } = this.#info
    if (this.#at >= this.#bytes.length || (total > 0 && decoded >= total) || this.#isTag()) return null
    try {
      const reader = new BitReader(this.#bytes, this.#at)
      const header = this.#header(reader)
      for (let channel = 0; channel < header.channels; channel++) this.#subframe(reader, header, channel)
      reader.align()
      const end = reader.byte
      if (crc16(this.#bytes, this.#at, end) !== reader.read(16)) throw bad('a frame is damaged', this.#here())
      this.#at = end + 2
      this.#decorrelate(header)
      return { channels: this.#channels, length: total > 0 ? Math.min(header.block, total - decoded) : header.block }
    } catch (error) {
      if (!(error instanceof EndOfBits)) throw error
      this.cut = true
      return null
    }
  }

  /** Whether an ID3v1 or APE tag begins here. Some programs append one. */
  #isTag(): boolean {
    const tag = String.fromCharCode(...this.#bytes.subarray(this.#at, this.#at + 3))
    return tag === 'TAG' || tag === 'APE'
  }

  #header(reader: BitReader): FrameHeader {
    const info = this.#info
    if (reader.read(15) !== 0x7ffc) throw bad('a frame is missing', this.#here())
    reader.read(1)
    const blockCode = reader.read(4)
    const rateCode = reader.read(4)
    const assignment = reader.read(4)
    const bits = [info.bits, 8, 12, 0, 16, 20, 24, 32][reader.read(3)]!
    if (reader.read(1) !== 0 || assignment > MID_SIDE || bits === 0) throw bad('a frame is malformed', this.#here())
    skipCodedNumber(reader)
    const block = blockSize(blockCode, reader)
    const sampleRate = frameRate(rateCode, reader) ?? info.sampleRate
    const end = reader.byte
    if (crc8(this.#bytes, this.#at, end) !== reader.read(8)) throw bad('a frame’s header is damaged', this.#here())
    const channels = assignment < SIDE_LEFT ? assignment + 1 : 2
    if (channels !== info.channels || bits !== info.bits || sampleRate !== info.sampleRate) {
      throw bad('a frame differs from the file’s header in channels, bits or rate', this.#here())
    }
    // The last block may be shorter than STREAMINFO's minimum. No block may be longer than its maximum.
    if (block > info.maxBlock || block === 0) throw bad('a frame is longer than the header says', this.#here())
    return { block, assignment, channels, bits }
  }

  #subframe(reader: BitReader, { block, assignment, bits }: FrameHeader, channel: number): void {
    const isSide = assignment === SIDE_RIGHT ? channel === 0 : assignment >= SIDE_LEFT && channel === 1
    const subframe: Subframe = { bits: isSide ? bits + 1 : bits, numbers: this.#numbers[channel]!, length: block }
    decodeSubframe(reader, subframe, problem => bad(problem, this.#here()))
  }

  /** Converts the coded channels to left and right at ±1. Full scale is 2^(bits − 1), as in a WAV file. */
  #decorrelate({ block, assignment, bits }: FrameHeader): void {
    const scale = 1 / 2 ** (bits - 1)
    if (assignment < SIDE_LEFT) {
      for (const [channel, numbers] of this.#numbers.entries()) {
        const out = this.#channels[channel]!
        for (let i = 0; i < block; i++) out[i] = numbers[i]! * scale
      }
      return
    }
    const [first, second] = this.#numbers as [Float64Array, Float64Array]
    const [left, right] = this.#channels as [Float32Array, Float32Array]
    for (let i = 0; i < block; i++) {
      const a = first[i]!
      const b = second[i]!
      if (assignment === SIDE_LEFT) {
        left[i] = a * scale
        right[i] = (a - b) * scale
      } else if (assignment === SIDE_RIGHT) {
        left[i] = (a + b) * scale
        right[i] = b * scale
      } else {
        // Mid was halved and rounded down, so its lowest bit is that of the side channel.
        const sum = 2 * a + (Math.abs(b) % 2)
        left[i] = ((sum + b) / 2) * scale
        right[i] = ((sum - b) / 2) * scale
      }
    }
  }

  #here(): string {
    return `${this.#where}, byte ${this.#at}`
  }
}

/** Skips the number of the frame or sample, coded like UTF-8. It is redundant, since frames follow one another. */
function skipCodedNumber(reader: BitReader): void {
  const ones = Math.clz32(~(reader.read(8) << 24))
  for (let i = 1; i < ones; i++) reader.read(8)
}

function blockSize(code: number, reader: BitReader): number {
  if (code === 1) return 192
  if (code >= 2 && code <= 5) return 576 * 2 ** (code - 2)
  if (code === 6) return reader.read(8) + 1
  if (code === 7) return reader.read(16) + 1
  return code === 0 ? 0 : 256 * 2 ** (code - 8)
}

/** Sample rates of the codes 1 to 11 in a frame's header, in Hz. */
const rates = Uint32Array.of(88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)

/** The sample rate in a frame's header; null if the header refers to the file's rate. */
function frameRate(code: number, reader: BitReader): number | null {
  if (code === 0) return null
  if (code === 12) return reader.read(8) * 1000
  if (code === 13) return reader.read(16)
  if (code === 14) return reader.read(16) * 10
  return rates[code - 1] ?? 0
}

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_AUDIO', `the FLAC file cannot be decoded: ${problem}`, { where })
}
