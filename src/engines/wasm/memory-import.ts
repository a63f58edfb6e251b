/**
 * Finds the memory that a binary imports, in its bytes, because JavaScript's reflection has no sizes. The binaries
 * declare the memory as shared. A page that is not cross-origin isolated cannot share memory, so the flag is changed.
 */
import { DiffWaveError } from '../../core/errors.js'

export interface MemoryImport {
  /** Index of the byte of flags. Bit 0: there is a maximum. Bit 1: the memory is shared. */
  readonly flagsAt: number
  /** Sizes in pages of 64 KiB. */
  readonly initial: number
  readonly maximum: number
}

const IMPORT_SECTION = 2
const MEMORY = 2

class Reader {
  at = 8

  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    const value = this.bytes[this.at++]
    if (value === undefined) throw new DiffWaveError('ENGINE_UNAVAILABLE', 'a WebAssembly binary is cut short')
    return value
  }

  /** Reads an unsigned LEB128 number. */
  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  skipLimits(): MemoryImport {
    const flagsAt = this.at
    const flags = this.byte()
    const initial = this.number()
    return { flagsAt, initial, maximum: (flags & 1) === 1 ? this.number() : 65536 }
  }
}

/** Finds the memory import. @throws DiffWaveError `ENGINE_UNAVAILABLE` if the binary imports no memory */
export function memoryImport(bytes: Uint8Array): MemoryImport {
  const reader = new Reader(bytes)
  while (reader.at < bytes.length) {
    const section = reader.byte()
    const size = reader.number()
    if (section !== IMPORT_SECTION) {
      reader.at += size
      continue
    }
    for (let left = reader.number(); left > 0; left--) {
      for (let name = 0; name < 2; name++) {
        const length = reader.number()
        reader.at += length
      }
      const kind = reader.byte()
      if (kind === MEMORY) return reader.skipLimits()
      if (kind === 0) reader.number()
      else if (kind === 1) {
        reader.byte()
        reader.skipLimits()
      } else reader.at += 2
    }
  }
  throw new DiffWaveError('ENGINE_UNAVAILABLE', 'a WebAssembly binary imports no memory')
}

/** Returns the same binary with a memory that is not shared. */
export function withoutSharing(bytes: Uint8Array, { flagsAt }: MemoryImport): Uint8Array<ArrayBuffer> {
  const changed = new Uint8Array(bytes)
  changed[flagsAt] = 1
  return changed
}
