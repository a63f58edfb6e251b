/** Relaxed SIMD came with Node.js 22; version 20 has it behind a flag of V8. */
import { setFlagsFromString } from 'node:v8'

export function allowRelaxedSimd(): void {
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd')
}
