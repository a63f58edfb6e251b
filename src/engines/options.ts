/** The options by which an engine is chosen, on every platform. */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { MAX_THREADS } from '../core/limits.js'
import type { FieldsOf } from '../core/options.js'
import type { Engine } from './engine.js'
import { type Latency, latencies, type Precision, precisions } from './modes.js'
import { type InstructionSet, instructionSets } from './native/instruction-sets.js'
import { backendNames } from './tensorflow/backend-names.js'
import { type WasmInstructionSet, wasmInstructionSets } from './wasm/host.js'

/**
 * Names of engines. `auto` takes a CUDA device if there is one, else `native`, else `wasm`, else TensorFlow.js.
 * `tensorflow` takes the fastest of its backends.
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
  /** Number of threads of the native or the wasm engine, 1 to 256. Default: one per available core. */
  readonly threads?: number | undefined
  /** Instruction set of the native or the wasm engine. Default: the fastest one of this machine. */
  readonly instructionSet?: InstructionSet | WasmInstructionSet | undefined
  /**
   * `exact` computes in float32. With `fast`, the layers of the network multiply bfloat16 numbers and add in float32,
   * and the output differs slightly (docs/performance.md). It needs the native engine and a processor with AMX, AVX-512
   * with BF16, or arm64 with BF16; elsewhere it is the same as `exact`. Training is always exact. Default: `exact`.
   */
  readonly precision?: Precision | undefined
  /**
   * `low` shortens the look-ahead of a stream (`AudioStream.lookAhead`), for mels that arrive in real time. The layers
   * then compute each position by itself, not four together in a Winograd block, which takes longer
   * (docs/streaming-and-latency.md), and the output differs by rounding. It needs the native or the wasm engine;
   * elsewhere it is the same as `normal`. Default: `normal`.
   */
  readonly latency?: Latency | undefined
}

/** How a network is run, and where a web page has the engine's worker. */
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
  latency: z.enum(latencies).default('normal'),
} satisfies FieldsOf<EngineOptions>

/** The fields of `HostedEngineOptions`. */
export const hostedEngineFields = {
  ...engineFields,
  workerUrl: z.union([z.string().min(1), z.instanceof(URL)]).optional(),
} satisfies FieldsOf<HostedEngineOptions>

/** The schema of `HostedEngineOptions`. */
export const engineOptions = z.strictObject(hostedEngineFields)

/** The engine that was chosen, and notes on the choice. */
export interface SelectedEngine {
  readonly engine: Engine
  /** Sentences for the user, for example on why a slower engine was taken. */
  readonly notes: readonly string[]
}

/**
 * Checks that the wanted instruction set belongs to an engine. Returns undefined if none is wanted.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` if it belongs to another engine
 */
export function ownInstructionSet<Name extends string>(
  engine: string,
  own: readonly Name[],
  wanted: string | undefined,
): Name | undefined {
  const found = own.find(name => name === wanted)
  if (wanted === undefined || found !== undefined) return found
  throw new DiffWaveError('ENGINE_UNAVAILABLE', `the ${engine} engine is not compiled for this instruction set`, {
    expected: own.join(', '),
    got: wanted,
  })
}
