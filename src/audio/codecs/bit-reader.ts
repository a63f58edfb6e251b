/** Reads bits from a byte string, the most significant bit of each byte first, as in FLAC. */

/** The bits ended before the value that was being read. Decoders turn it into a note or an error of their own. */
export class EndOfBits extends Error {}

export class BitReader {
  readonly #bytes: Uint8Array
  #byte: number
  #bit = 0

  /** @param start index of the first byte */
  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = bytes
    this.#byte = start
  }

  /** The byte that the next bit lies in. */
  get byte(): number {
    return this.#byte
  }

  /** The next `count` bits as an unsigned number, up to 32. @throws EndOfBits */
  read(count: number): number {
    if (count > 24) return this.read(count - 16) * 65536 + this.read(16)
    if (count === 0) return 0
    const word = this.#word()
    this.#advance(count)
    return word >>> (32 - count)
  }

  /** The next `count` bits as a two's complement number, up to 33. @throws EndOfBits */
  readSigned(count: number): number {
    if (count === 0) return 0
    const sign = this.read(1)
    const rest = this.read(count - 1)
    return sign === 1 ? rest - 2 ** (count - 1) : rest
  }

  /** Counts the zero bits before the next one bit, and skips that one too. @throws EndOfBits */
  readUnary(): number {
    let zeros = 0
    for (;;) {
      const word = this.#word()
      if (word !== 0) {
        const leading = Math.clz32(word)
        this.#advance(leading + 1)
        return zeros + leading
      }
      const passed = 32 - this.#bit
      zeros += passed
      this.#advance(passed)
    }
  }

  /** Skips to the start of the next byte. */
  align(): void {
    if (this.#bit > 0) this.#advance(8 - this.#bit)
  }

  /** The next 32 bits, of which at least 25 are valid. Past the end they are zeros. */
  #word(): number {
    const bytes = this.#bytes
    const at = this.#byte
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) << this.#bit
  }

  #advance(count: number): void {
    const bits = this.#bit + count
    this.#byte += bits >>> 3
    this.#bit = bits & 7
    if (this.#byte > this.#bytes.length || (this.#byte === this.#bytes.length && this.#bit > 0)) throw new EndOfBits()
  }
}
