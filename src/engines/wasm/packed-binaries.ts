/**
 * Packs both builds of the kernels into one array that compresses well. They have the same functions in the same order,
 * and most of them are equal. The bodies of a function are stored side by side, and equal ones only once.
 */
import { concatenateBytes } from '../../core/concatenate.js'
import { DiffWaveError } from '../../core/errors.js'
import { BinaryReader, sections } from './binary-reader.js'
import { type WasmInstructionSet, wasmInstructionSets } from './host.js'

/** Stands in place of the length of a part that is equal to that of the first build. */
const SAME = 0xffffffff

/** Splits a binary before, between and after its function bodies. */
function parts(binary: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(binary)
  const cuts = [0]
  while (!reader.ended) {
    const id = reader.byte()
    const size = reader.number()
    const end = reader.at + size
    if (id === sections.code) {
      const count = reader.number()
      cuts.push(reader.at)
      for (let i = 0; i < count; i++) {
        reader.skip()
        cuts.push(reader.at)
      }
    }
    reader.at = end
  }
  cuts.push(binary.length)
  return cuts.slice(1).map((cut, i) => binary.subarray(cuts[i]!, cut))
}

function equal(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return one.length === other?.length && one.every((byte, i) => byte === other[i])
}

/**
 * Packs the builds. Layout: the number of parts of the longer build. For each part, its length in each build (uint32,
 * little-endian, or `SAME` if it equals that of the first build). Then the bytes, part by part.
 */
export function packBinaries(binaries: Readonly<Record<WasmInstructionSet, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const [first, second] = wasmInstructionSets.map(name => parts(binaries[name]))
  const count = Math.max(first!.length, second!.length)
  const lengths = new DataView(new ArrayBuffer(4 + 8 * count))
  lengths.setUint32(0, count, true)
  const bytes: Uint8Array[] = [new Uint8Array(lengths.buffer)]
  for (let i = 0; i < count; i++) {
    const [one = new Uint8Array(0), other = new Uint8Array(0)] = [first![i], second![i]]
    const same = equal(one, other)
    lengths.setUint32(4 + 8 * i, one.length, true)
    lengths.setUint32(8 + 8 * i, same ? SAME : other.length, true)
    bytes.push(one)
    if (!same) bytes.push(other)
  }
  return concatenateBytes(bytes)
}

/** Extracts a build. @throws DiffWaveError `ENGINE_UNAVAILABLE` if the array ends too early */
export function unpackBinary(packed: Uint8Array, instructionSet: WasmInstructionSet): Uint8Array<ArrayBuffer> {
  const isFirst = instructionSet === wasmInstructionSets[0]
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const count = view.getUint32(0, true)
  let at = 4 + 8 * count
  const bytes: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const one = view.getUint32(4 + 8 * i, true)
    const other = view.getUint32(8 + 8 * i, true)
    const rest = other === SAME ? 0 : other
    bytes.push(isFirst || other === SAME ? packed.subarray(at, at + one) : packed.subarray(at + one, at + one + rest))
    at += one + rest
  }
  if (at !== packed.length) {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the wasm engine is not available: its binary is cut short')
  }
  return concatenateBytes(bytes)
}
