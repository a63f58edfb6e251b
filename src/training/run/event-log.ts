/**
 * TensorBoard event files: records of TFRecord framing (length, masked CRC-32C of the length, data, masked CRC-32C of
 * the data; tensorflow/core/lib/io/record_writer), each one `Event` message (tensorflow/core/util/event.proto). The few
 * fields used are written by hand: wire types 0 (varint), 1 (64 bits), 2 (bytes) and 5 (32 bits) of Protocol Buffers.
 */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Audio } from '../../audio/audio.js'
import { encodeWav } from '../../audio/codecs/wav-encode.js'
import { fileError } from '../../core/files.js'

const CASTAGNOLI = 0x82f63b78
const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli) of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** One TFRecord. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, masked(data), true)
  return record
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}

function whole(field: number, value: number): Uint8Array {
  return Uint8Array.from([field * 8, ...varint(value)])
}

function double(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9)
  bytes[0] = field * 8 + 1
  new DataView(bytes.buffer).setFloat64(1, value, true)
  return bytes
}

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(5)
  bytes[0] = field * 8 + 5
  new DataView(bytes.buffer).setFloat32(1, value, true)
  return bytes
}

function block(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([field * 8 + 2, ...varint(content.length)]), content])
}

function text(field: number, value: string): Uint8Array {
  return block(field, new TextEncoder().encode(value))
}

/** What an event carries beside its step. */
export type Summary = ScalarSummary | AudioSummary | ImageSummary

/** A number over time. */
export interface ScalarSummary {
  /** Names this kind. */
  readonly kind: 'scalar'
  /** Name of the series. */
  readonly tag: string
  /** The number. */
  readonly value: number
}

/** Audio to hear. */
export interface AudioSummary {
  /** Names this kind. */
  readonly kind: 'audio'
  /** Name of the series. */
  readonly tag: string
  /** The audio. */
  readonly audio: Audio
}

/** A picture. */
export interface ImageSummary {
  /** Names this kind. */
  readonly kind: 'image'
  /** Name of the series. */
  readonly tag: string
  /** Bytes of a PNG file. */
  readonly png: Uint8Array
  /** Pixels. */
  readonly width: number
  /** Pixels. */
  readonly height: number
}

const RGB = 3

function summaryValue(summary: Summary): Uint8Array {
  const tag = text(1, summary.tag)
  switch (summary.kind) {
    case 'scalar':
      return Buffer.concat([tag, float(2, summary.value)])
    case 'image': {
      const { width, height, png } = summary
      return Buffer.concat([
        tag,
        block(4, Buffer.concat([whole(1, height), whole(2, width), whole(3, RGB), block(4, png)])),
      ])
    }
    case 'audio': {
      const { audio } = summary
      const fields = [
        float(1, audio.sampleRate),
        whole(2, 1),
        whole(3, audio.samples.length),
        block(4, encodeWav(audio)),
        text(5, 'audio/wav'),
      ]
      return Buffer.concat([tag, block(6, Buffer.concat(fields))])
    }
  }
}

/** An `Event` of some summaries. @param seconds wall time since 1970 */
export function encodeEvent(seconds: number, step: number, summaries: readonly Summary[]): Uint8Array {
  const values = summaries.map(summary => block(1, summaryValue(summary)))
  return Buffer.concat([double(1, seconds), whole(2, step), block(5, Buffer.concat(values))])
}

/** Appends to one event file of a folder, a new one each time a run is started or resumed. */
export class EventLog {
  readonly path: string
  #started = false

  readonly #now: () => number

  /** @param now wall time in seconds since 1970, which also names the file */
  constructor(folder: string, now: () => number) {
    this.#now = now
    this.path = join(folder, `events.out.tfevents.${Math.floor(now())}.diffwave`)
  }

  /** @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE` */
  async write(step: number, summaries: readonly Summary[]): Promise<void> {
    const records = [frameRecord(encodeEvent(this.#now(), step, summaries))]
    if (!this.#started) {
      records.unshift(frameRecord(Buffer.concat([double(1, this.#now()), text(3, 'brain.Event:2')])))
    }
    this.#started = true
    try {
      await appendFile(this.path, Buffer.concat(records))
    } catch (error) {
      throw fileError(error, this.path, 'write')
    }
  }
}
