/** How an engine is chosen, on every platform: the options, and what comes of them. */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { MAX_THREADS } from '../core/limits.js'
import type { FieldsOf } from '../core/options.js'
import type { Engine } from './engine.js'
import { type InstructionSet, instructionSets, type Precision, precisions } from './native/instruction-sets.js'
import { backendNames } from './tensorflow/backend-names.js'
import { type WasmInstructionSet, wasmInstructionSets } from './wasm/host.js'

/**
 * Engines by name. `tensorflow` takes the fastest of its backends; `auto` a CUDA device, then native, then wasm, then
 * TensorFlow.js.
 */
export const engineNames = [
  'auto',
  'native',
  'wasm',
  'tensorflow',
  ...backendNames.map(name => `tensorflow:${name}` as const),
] as const
export type EngineName = (typeof engineNames)[number]

/** How a network is run. */
export interface EngineOptions {
  /**
   * What runs the network. Default: `auto`, which takes a CUDA device, else the native engine, else the wasm engine,
   * else TensorFlow.js.
   */
  readonly engine?: EngineName | undefined
  /** Threads of the native or the wasm engine, 1 to 256. Default: the available cores. */
  readonly threads?: number | undefined
  /** Instruction set of the native or the wasm engine. Default: the fastest that the machine has. */
  readonly instructionSet?: InstructionSet | WasmInstructionSet | undefined
  /**
   * `fast`: the layers of the network multiply bfloat16 and add in float32, in the native engine on processors with
   * AMX, AVX-512 with BF16 or arm64 with BF16; elsewhere the same as `exact`. The output differs a little
   * (docs/performance.md). Training is always exact. Default: `exact`.
   */
  readonly precision?: Precision | undefined
}

/** How a network is run, and where a page has the engine's worker. */
export interface HostedEngineOptions extends EngineOptions {
  /**
   * In a browser only: URL of the worker's program, `diffwave/browser/worker`, for pages whose Content-Security-Policy
   * allows no workers from `blob:`. Default: the program that the module carries.
   */
  readonly workerUrl?: string | URL | undefined
}

/** The fields of `EngineOptions`, for schemas of options. */
export const engineFields = {
  engine: z.enum(engineNames).default('auto'),
  threads: z.number().int().min(1).max(MAX_THREADS).optional(),
  instructionSet: z.enum([...instructionSets, ...wasmInstructionSets]).optional(),
  precision: z.enum(precisions).default('exact'),
} satisfies FieldsOf<EngineOptions>

/** The fields of `HostedEngineOptions`. */
export const hostedEngineFields = {
  ...engineFields,
  workerUrl: z.union([z.string().min(1), z.instanceof(URL)]).optional(),
} satisfies FieldsOf<HostedEngineOptions>

/** The schema of `HostedEngineOptions`. */
export const engineOptions = z.strictObject(hostedEngineFields)

/** An engine, and what the user should know about the choice. */
export interface SelectedEngine {
  readonly engine: Engine
  /** Sentences: why a slower engine was taken than this platform could have. */
  readonly notes: readonly string[]
}

/**
 * The wanted instruction set as one of an engine's own; undefined if none is wanted.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` if it is another engine's
 */
export function ownInstructionSet<Name extends string>(
  engine: string,
  own: readonly Name[],
  wanted: string | undefined,
): Name | undefined {
  const found = own.find(name => name === wanted)
  if (wanted === undefined || found !== undefined) return found
  throw new DiffWaveError('ENGINE_UNAVAILABLE', `the ${engine} engine is not compiled for ${wanted}`, {
    expected: own.join(', '),
    got: wanted,
  })
}
