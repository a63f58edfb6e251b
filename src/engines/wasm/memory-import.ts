/**
 * Finds the memory that a binary imports, in its bytes, because JavaScript's reflection has no sizes. The binaries
 * declare the memory as shared. A page that is not cross-origin isolated cannot share memory, so the flag is changed.
 */
import { DiffWaveError } from '../../core/errors.js'
import { BinaryReader, sections } from './binary-reader.js'

export interface MemoryImport {
  /** Index of the byte of flags. Bit 0: there is a maximum. Bit 1: the memory is shared. */
  readonly flagsAt: number
  /** Sizes in pages of 64 KiB. */
  readonly initial: number
  readonly maximum: number
}

/** Kinds of imports (section 5.5.5 of the specification). */
const kinds = { function: 0, table: 1, memory: 2 } as const

/** Reads the limits of a memory or a table. Without a maximum, it is that of 32-bit memories. */
function readLimits(reader: BinaryReader): MemoryImport {
  const flagsAt = reader.at
  const flags = reader.byte()
  const initial = reader.number()
  return { flagsAt, initial, maximum: (flags & 1) === 1 ? reader.number() : 65536 }
}

/** Finds the memory import. @throws DiffWaveError `ENGINE_UNAVAILABLE` if the binary imports no memory */
export function memoryImport(bytes: Uint8Array): MemoryImport {
  const reader = new BinaryReader(bytes)
  while (!reader.ended) {
    if (reader.byte() !== sections.imports) {
      reader.skip()
      continue
    }
    reader.number() // the size of the section
    for (let left = reader.number(); left > 0; left--) {
      reader.skip() // the module's name
      reader.skip() // the import's name
      const kind = reader.byte()
      if (kind === kinds.memory) return readLimits(reader)
      if (kind === kinds.function) reader.number()
      else if (kind === kinds.table) {
        reader.byte()
        readLimits(reader)
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
