/**
 * TensorBoard event files: records of TFRecord framing (length, masked CRC-32C of the length, data, masked CRC-32C of
 * the data; tensorflow/core/lib/io/record_writer), each one `Event` message (tensorflow/core/util/event.proto,
 * framework/summary.proto).
 */
import type { Audio } from '../audio/audio.js'
import { encodeWav } from '../audio/codecs/wav-encode.js'
import { maskedCrc32c } from './crc32.js'
import { ProtobufMessage } from './protobuf.js'

/** What an event holds besides its step. */
export type Summary = ScalarSummary | AudioSummary | ImageSummary

/** A number over time. */
export interface ScalarSummary {
  /** The kind of summary. */
  readonly kind: 'scalar'
  /** Name of the series. */
  readonly tag: string
  /** The number. */
  readonly value: number
}

/** Audio to hear. */
export interface AudioSummary {
  /** The kind of summary. */
  readonly kind: 'audio'
  /** Name of the series. */
  readonly tag: string
  /** The audio. */
  readonly audio: Audio
}

/** A picture. */
export interface ImageSummary {
  /** The kind of summary. */
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

/** One TFRecord. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc32c(data), true)
  return record
}

/** Colours of a pixel, as `ImageSummary.colorspace` counts them. */
const RGB = 3

function summaryMessage(summary: Summary): ProtobufMessage {
  const value = new ProtobufMessage().text(1, summary.tag)
  switch (summary.kind) {
    case 'scalar':
      return value.float(2, summary.value)
    case 'image': {
      const { width, height, png } = summary
      return value.message(4, new ProtobufMessage().integer(1, height).integer(2, width).integer(3, RGB).raw(4, png))
    }
    case 'audio': {
      const { sampleRate, samples } = summary.audio
      const audio = new ProtobufMessage().float(1, sampleRate).integer(2, 1).integer(3, samples.length)
      return value.message(6, audio.raw(4, encodeWav(summary.audio)).text(5, 'audio/wav'))
    }
  }
}

/** An `Event` of some summaries. @param seconds wall time since 1970 */
export function encodeEvent(seconds: number, step: number, summaries: readonly Summary[]): Uint8Array {
  const values = new ProtobufMessage()
  for (const summary of summaries) values.message(1, summaryMessage(summary))
  return new ProtobufMessage().double(1, seconds).integer(2, step).message(5, values).bytes()
}

/** The first `Event` of a file, which names the format. @param seconds wall time since 1970 */
export function encodeFileVersion(seconds: number): Uint8Array {
  return new ProtobufMessage().double(1, seconds).text(3, 'brain.Event:2').bytes()
}
