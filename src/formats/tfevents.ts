/**
 * The sounds in a TensorBoard event file: TFRecord framing around Protocol Buffers, as tfevents-writer.ts writes
 * them (tensorflow/core/util/event.proto, summary.proto). Other events are skipped.
 */
import { isUint8Array } from '../core/any-realm.js'
import { DiffWaveError } from '../core/errors.js'
import { maskedCrc32c } from './crc32.js'

/** A sound of an event. */
export interface LoggedSound {
  readonly step: number
  readonly tag: string
  /** Bytes of a WAV file. */
  readonly wav: Uint8Array
}

/** A field of a message: its number, and a number or bytes. */
interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

/** Bytes of a record besides its data: length and its checksum, and the data's checksum. */
const LENGTH_BYTES = 12
const CHECKSUM_BYTES = 4

/** The fields of a message; stops where it is damaged. */
function* fieldsOf(bytes: Uint8Array): Generator<Field, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let [value, scale] = [0, 1]
    for (; at < bytes.length; scale *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * scale
      if (byte < 128) break
    }
    return value
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    switch (key % 8) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        if (at + 8 > bytes.length) return
        yield { number, value: view.getFloat64(at, true) }
        at += 8
        break
      case 2: {
        const length = varint()
        if (length > bytes.length - at) return
        yield { number, value: bytes.subarray(at, at + length) }
        at += length
        break
      }
      case 5:
        if (at + 4 > bytes.length) return
        yield { number, value: view.getFloat32(at, true) }
        at += 4
        break
      default:
        return
    }
  }
}

function first(bytes: Uint8Array, number: number): number | Uint8Array | undefined {
  for (const field of fieldsOf(bytes)) if (field.number === number) return field.value
  return undefined
}

/** The sound of a summary's value: field 1 its tag, field 6 the audio, of which field 4 is the file. */
function soundOf(value: Uint8Array, step: number): LoggedSound | null {
  const [tag, audio] = [first(value, 1), first(value, 6)]
  if (!isUint8Array(tag) || !isUint8Array(audio)) return null
  const wav = first(audio, 4)
  return isUint8Array(wav) ? { step, tag: new TextDecoder().decode(tag), wav } : null
}

/** A whole record: where it stands in the bytes, and its data, an event. */
export interface EventRecord {
  readonly start: number
  readonly end: number
  readonly event: Uint8Array
}

/** Bytes of the record that begins at a byte; null if its length is not there. */
export function recordBytes(bytes: Uint8Array, at = 0): number | null {
  if (at + LENGTH_BYTES > bytes.length) return null
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at, true)
  return LENGTH_BYTES + Number(length) + CHECKSUM_BYTES
}

/**
 * The records of an event file, in order; one that is half written ends them.
 *
 * @param checkedAs name of the file in errors. If it is given, checksums are checked
 * @throws DiffWaveError `CORRUPTED`
 */
export function* recordsOf(bytes: Uint8Array, checkedAs?: string): Generator<EventRecord, void, undefined> {
  for (let start = 0; ; ) {
    const size = recordBytes(bytes, start)
    if (size === null) return
    const [head, end] = [start + LENGTH_BYTES, start + size]
    // The length comes first: a wrong one would make the record look half written.
    if (checkedAs !== undefined) requireChecksum(bytes, start, head - CHECKSUM_BYTES, checkedAs)
    if (end > bytes.length) return
    if (checkedAs !== undefined) requireChecksum(bytes, head, end - CHECKSUM_BYTES, checkedAs)
    yield { start, end, event: bytes.subarray(head, end - CHECKSUM_BYTES) }
    start = end
  }
}

/** @throws DiffWaveError `CORRUPTED` if the bytes from start to end do not have the checksum that follows them */
function requireChecksum(bytes: Uint8Array, start: number, end: number, where: string): void {
  const stated = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(end, true)
  if (maskedCrc32c(bytes.subarray(start, end)) === stated) return
  throw new DiffWaveError('CORRUPTED', 'a record of the event file has the wrong checksum', {
    where,
    hint: 'Copy the file from the run again.',
  })
}

/** The sounds of an event, in order. */
export function soundsOf(event: Uint8Array): readonly LoggedSound[] {
  const [step, summary] = [first(event, 2), first(event, 5)]
  if (!isUint8Array(summary)) return []
  return [...fieldsOf(summary)].flatMap(({ number, value }) =>
    number === 1 && isUint8Array(value) ? (soundOf(value, typeof step === 'number' ? step : 0) ?? []) : [],
  )
}

/**
 * The sounds of an event file, in order; a record that is half written ends it.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `CORRUPTED`
 */
export function decodeEvents(bytes: Uint8Array, where: string): readonly LoggedSound[] {
  return [...recordsOf(bytes, where)].flatMap(({ event }) => soundsOf(event))
}
