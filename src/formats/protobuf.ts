/**
 * Writes protobuf messages (the wire format of Protocol Buffers): each field is its number and wire type, then an
 * integer as varint, four or eight bytes of float, or bytes with their length. Own code, because the packages on npm
 * need the whole schema of a format as a file.
 */
import { concatenateBytes } from '../core/concatenate.js'

/** A message under construction. Large contents are not copied before `bytes`. */
export class ProtobufMessage {
  readonly #parts: Uint8Array[] = []
  #length = 0

  /** Size in bytes. */
  get length(): number {
    return this.#length
  }

  /** An integer, negative ones in two's complement of 64 bits. */
  integer(field: number, value: number | bigint): this {
    return this.#append(varint(field << 3)).#append(varint(value))
  }

  /** A number as float32. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#append(varint((field << 3) | 5)).#append(bytes)
  }

  /** A number as float64. */
  double(field: number, value: number): this {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, value, true)
    return this.#append(varint((field << 3) | 1)).#append(bytes)
  }

  text(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value))
  }

  raw(field: number, value: Uint8Array): this {
    return this.#append(varint((field << 3) | 2))
      .#append(varint(value.length))
      .#append(value)
  }

  /** A message inside this one. Later changes of it are not seen. */
  message(field: number, value: ProtobufMessage): this {
    this.#append(varint((field << 3) | 2)).#append(varint(value.length))
    for (const part of value.#parts) this.#append(part)
    return this
  }

  bytes(): Uint8Array {
    return concatenateBytes(this.#parts)
  }

  #append(part: Uint8Array): this {
    this.#parts.push(part)
    this.#length += part.length
    return this
  }
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
