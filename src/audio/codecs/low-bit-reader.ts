/** Reads bits from a byte string, the least significant bit of each byte first, as in Vorbis. */
import { EndOfBits } from './bit-reader.js'

/** One error for all throws: any packet may end early, and a stack trace costs more time than a packet. */
const end = new EndOfBits()

export class LowBitReader {
  readonly #bytes: Uint8Array
  readonly #bits: number
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#bits = bytes.length * 8
  }

  /** Number of bits left. */
  get left(): number {
    return this.#bits - this.#at
  }

  /** The next `count` bits as an unsigned number, up to 32. @throws EndOfBits */
  read(count: number): number {
    if (count > 24) {
      const low = this.read(16)
      return low + 65536 * this.read(count - 16)
    }
    const value = this.peek(count)
    this.skip(count)
    return value
  }

  /** The next `count` bits, up to 24, without advancing. Past the end they are zeros. */
  peek(count: number): number {
    const bytes = this.#bytes
    const byte = this.#at >>> 3
    const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)
    return (word >>> (this.#at & 7)) & ((1 << count) - 1)
  }

  /** Skips `count` bits. @throws EndOfBits */
  skip(count: number): void {
    this.#at += count
    if (this.#at > this.#bits) throw end
  }
}

/** The number of bits of a value, as 0 for 0 and 3 for 7 (`ilog` of the specification). */
export function bitLength(value: number): number {
  return 32 - Math.clz32(value)
}
