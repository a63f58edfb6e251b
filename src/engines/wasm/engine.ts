/** The wasm engine in Node.js, which runs the kernels of native/ in WebAssembly in worker threads. */
import { existsSync } from 'node:fs'
import { allowsThreads } from '../../core/permission.js'
import type { Engine } from '../engine.js'
import { availableThreads } from '../native/load-addon.js'
import { createEngineOn, type WasmOptions, wasmInstructionSetsHere } from './create-engine.js'
import type { WasmInstructionSet } from './host.js'
import { nodeHost } from './node-host.js'

/** Creates an engine. @throws DiffWaveError `ENGINE_UNAVAILABLE`, `BAD_PARAMETERS` */
export function createWasmEngine(options: WasmOptions): Promise<Engine> {
  return createEngineOn(nodeHost, options.threads ?? availableThreads(), options)
}

/** Tells whether the engine is available on this machine, and if not, why. */
export function surveyWasm(): {
  readonly available: boolean
  readonly reason: string
  readonly device: string
  readonly instructionSets: readonly WasmInstructionSet[]
} {
  const instructionSets = wasmInstructionSetsHere()
  const [best] = instructionSets
  const missing = best !== undefined && !existsSync(new URL(`../../../prebuilds/wasm/${best}.wasm`, import.meta.url))
  const problems = [
    best === undefined && 'this WebAssembly has no SIMD',
    missing && 'the binary of the wasm engine is missing',
    !allowsThreads() && 'Node’s permission model does not allow worker threads (start Node with --allow-worker)',
  ]
  const reason = problems.find(problem => problem !== false) ?? ''
  return { available: reason === '', reason, device: `CPU, WebAssembly ${best ?? ''}`.trim(), instructionSets }
}
