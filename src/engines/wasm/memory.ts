/** The memory of an engine's instances. */
import { DiffWaveError } from '../../core/errors.js'
import type { MemoryImport } from './memory-import.js'
import { type WasmMemory, WebAssembly } from './webassembly.js'

/** Sizes in pages of 64 KiB. */
export type MemorySize = Pick<MemoryImport, 'initial' | 'maximum'>

/** The smallest acceptable maximum, in pages of 64 KiB. A host that reserves less is refused. */
const MIN_MAXIMUM = 4096

/**
 * Creates a memory with the largest maximum for which the host reserves addresses.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`
 */
export function makeMemory({ initial, maximum }: MemorySize, shared: boolean): WasmMemory {
  for (let pages = maximum; ; pages = Math.floor(pages / 2)) {
    try {
      return new WebAssembly.Memory({ initial, maximum: pages, shared })
    } catch (cause) {
      if (pages / 2 >= MIN_MAXIMUM) continue
      throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the wasm engine is not available: not enough memory', {
        hint: 'Close other pages, or dispose of other engines.',
        cause,
      })
    }
  }
}
