/** Creates a wasm engine on any host: chooses the build, compiles it once, and starts the threads. */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_THREADS } from '../../core/limits.js'
import { envelopeOf } from '../../model/front-end/envelope.js'
import { checkParameters } from '../../model/parameters.js'
import type { Engine, RunnableNetwork } from '../engine.js'
import type { Latency } from '../modes.js'
import { checkConstants } from '../native/constants.js'
import { nativeFrameChains } from '../native/frame-chain.js'
import { KernelEngine } from '../native/kernel-engine.js'
import { networkShape } from '../native/network-shape.js'
import { hostRuns } from './features.js'
import { type WasmHost, type WasmInstructionSet, wasmInstructionSets } from './host.js'
import { makeMemory } from './memory.js'
import { type MemoryImport, memoryImport, withoutSharing } from './memory-import.js'
import { WasmAddon, type WasmProgram } from './wasm-addon.js'
import { type WasmModule, WebAssembly } from './webassembly.js'

export interface WasmOptions extends RunnableNetwork {
  /** Number of threads. Default: one per core, or one in a page that is not cross-origin isolated. */
  readonly threads?: number
  /** The build to run. Default: `relaxed-simd` if the host supports it, else `simd128`. */
  readonly instructionSet?: WasmInstructionSet
  /** `normal` or `low` (see `EngineOptions.latency`). Default: `normal`. */
  readonly latency?: Latency
  /** Bytes of working memory for training. Default: 1 GiB. */
  readonly memoryLimit?: number
}

/** An instance can address 4 GiB, including parameters and packed weights. */
const DEFAULT_MEMORY_LIMIT = 2 ** 30

/** The builds that this host supports, best first. */
export function wasmInstructionSetsHere(): readonly WasmInstructionSet[] {
  return wasmInstructionSets.filter(hostRuns)
}

function unavailable(reason: string, hint: string): DiffWaveError {
  return new DiffWaveError('ENGINE_UNAVAILABLE', `the wasm engine is not available: ${reason}`, { hint })
}

function chooseBuild(wanted: WasmInstructionSet | undefined): WasmInstructionSet {
  const present = wasmInstructionSetsHere()
  const chosen = wanted ?? present[0]
  if (chosen !== undefined && present.includes(chosen)) return chosen
  if (present.length === 0) {
    throw unavailable(
      'this WebAssembly has no SIMD',
      'Node.js 16.4, Chrome 91, Firefox 89, Safari 16.4 and later versions have it.',
    )
  }
  throw new DiffWaveError('ENGINE_UNAVAILABLE', 'the wasm engine does not run this instruction set here', {
    expected: present.join(' or '),
    got: String(wanted),
  })
}

interface Compiled {
  readonly module: WasmModule
  readonly needs: MemoryImport
}

/** Compiles a build once per host. Any number of threads can use the module. */
const compiled = new WeakMap<WasmHost, Map<WasmInstructionSet, Promise<Compiled>>>()

function compiledModule(host: WasmHost, instructionSet: WasmInstructionSet): Promise<Compiled> {
  const modules = compiled.get(host) ?? new Map<WasmInstructionSet, Promise<Compiled>>()
  compiled.set(host, modules)
  const known = modules.get(instructionSet)
  if (known !== undefined) return known
  const compiling = compileModule(host, instructionSet)
  modules.set(instructionSet, compiling)
  compiling.catch(() => modules.delete(instructionSet))
  return compiling
}

async function compileModule(host: WasmHost, instructionSet: WasmInstructionSet): Promise<Compiled> {
  const bytes = new Uint8Array(await host.binary(instructionSet))
  const needs = memoryImport(bytes)
  try {
    const module = await WebAssembly.compile(host.sharesMemory ? bytes : withoutSharing(bytes, needs))
    return { module, needs }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const details = { cause, ...defined({ hint: host.startHint }) }
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `the wasm engine does not compile: ${reason}`, details)
  }
}

/** Creates an engine on a host. @throws DiffWaveError `ENGINE_UNAVAILABLE`, `BAD_PARAMETERS` */
export async function createEngineOn(host: WasmHost, threads: number, options: WasmOptions): Promise<Engine> {
  const { network, parameters, memoryLimit = DEFAULT_MEMORY_LIMIT, latency = 'normal' } = options
  const checked = checkParameters(network, parameters, 'createEngine')
  const envelope = envelopeOf(network, options.convention ?? null)
  const instructionSet = chooseBuild(options.instructionSet)
  const { module, needs } = await compiledModule(host, instructionSet)
  const program: WasmProgram = { module, memory: host.sharesMemory ? makeMemory(needs, true) : needs }
  const count = host.sharesMemory ? Math.min(threads, MAX_THREADS) : 1
  const addon = await WasmAddon.start(host, program, count)
  try {
    checkConstants(addon.constants(), 'wasm', `${instructionSet}.wasm`)
    const handle = await addon.create({
      shape: networkShape(network),
      instructionSet,
      threads: count,
      memoryLimit,
      fast: false,
      winograd: latency === 'normal',
    })
    const device = `CPU, WebAssembly ${instructionSet}, ${count} thread${count === 1 ? '' : 's'}`
    return new KernelEngine({
      name: 'wasm',
      device,
      network,
      addon,
      handle,
      latency,
      parameters: checked,
      envelope,
      extras: queue => nativeFrameChains({ addon, handle, queue }),
    })
  } catch (error) {
    await addon.dispose()
    throw error
  }
}
