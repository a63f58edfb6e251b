/** Reads the structure of a WebAssembly binary (WebAssembly Core Specification, section 5: binary format). */
import { DiffWaveError } from '../../core/errors.js'

/** Bytes before the first section: the magic number and the version. */
const PREAMBLE = 8

/** Ids of the sections that are of interest. */
export const sections = { imports: 2, code: 10 } as const

/** A position in a binary that moves on as values are read. It starts at the first section. */
export class BinaryReader {
  at = PREAMBLE
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get ended(): boolean {
    return this.at >= this.bytes.length
  }

  /** @throws DiffWaveError `ENGINE_UNAVAILABLE` after the last byte */
  byte(): number {
    const value = this.bytes[this.at++]
    if (value === undefined) throw new DiffWaveError('ENGINE_UNAVAILABLE', 'a WebAssembly binary is cut short')
    return value
  }

  /** Passes over a length and as many bytes. */
  skip(): void {
    const length = this.number()
    this.at += length
  }

  /** An unsigned number in LEB128: seven bits per byte, the lowest first. @throws DiffWaveError as `byte` */
  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
}
