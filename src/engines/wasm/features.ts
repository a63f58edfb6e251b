/** Tests which instructions a host's WebAssembly supports, by validating tiny modules with one of them. */
import type { WasmInstructionSet } from './host.js'
import { WebAssembly } from './webassembly.js'

/** A module with one function of type `() → v128` and the given instructions. */
function moduleOf(instructions: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...instructions, 0x0b]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, body.length + 2, 1, body.length, ...body],
  ])
}

const zero = [0x41, 0, 0xfd, 0x0f] // i32.const 0, i8x16.splat
const probes: Readonly<Record<WasmInstructionSet, readonly number[]>> = {
  simd128: zero,
  'relaxed-simd': [...zero, ...zero, ...zero, 0xfd, 0x85, 0x02], // f32x4.relaxed_madd
}

/** Whether this host supports a build. */
export function hostRuns(instructionSet: WasmInstructionSet): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(moduleOf(probes[instructionSet]))
}
