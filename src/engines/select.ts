/**
 * Which engine runs a network: the one the caller names, or the fastest available. A named engine that cannot run is an
 * error.
 */
import { z } from 'zod'
import type { MelConvention } from '../audio/mel/convention.js'
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_THREADS } from '../core/limits.js'
import { check, type FieldsOf } from '../core/options.js'
import type { Tensors } from '../core/tensor.js'
import type { NetworkConfig } from '../model/network.js'
import { withCorrection } from './corrected/corrected-engine.js'
import type { Engine } from './engine.js'
import { createNativeEngine, type InstructionSet, instructionSets, surveyNative } from './native/engine.js'
import { type BackendName, backendNames } from './tensorflow/backend-names.js'
import { createTensorflowEngine, surveyTensorflow } from './tensorflow/engine.js'

/**
 * Engines by name. `tensorflow` takes the fastest of its backends; `auto` a CUDA device, then native, then
 * TensorFlow.js.
 */
export const engineNames = [
  'auto',
  'native',
  'tensorflow',
  ...backendNames.map(name => `tensorflow:${name}` as const),
] as const
export type EngineName = (typeof engineNames)[number]

/** How a network is run. */
export interface EngineOptions {
  /** What runs the network. Default: `auto`, which takes a CUDA device, else the native engine, else TensorFlow.js. */
  readonly engine?: EngineName | undefined
  /** Threads of the native engine, 1 to 256. Default: the available cores. */
  readonly threads?: number | undefined
  /** Instruction set of the native engine. Default: the fastest that the processor has. */
  readonly instructionSet?: InstructionSet | undefined
}

/** The fields of `EngineOptions`, for schemas of options. */
export const engineFields = {
  engine: z.enum(engineNames).default('auto'),
  threads: z.number().int().min(1).max(MAX_THREADS).optional(),
  instructionSet: z.enum(instructionSets).optional(),
} satisfies FieldsOf<EngineOptions>

const optionsSchema = z.strictObject(engineFields)

/** Whether an engine runs here. */
export interface EngineSurvey {
  readonly name: string
  readonly available: boolean
  /** Why not; empty if it runs. */
  readonly reason: string
  readonly device: string
}

/** Every engine and whether it runs here: what `diffwave doctor` prints. */
export async function surveyEngines(): Promise<readonly EngineSurvey[]> {
  const native = surveyNative()
  const rows: EngineSurvey[] = [
    { name: 'native', available: native.available, reason: native.reason, device: native.device },
  ]
  for (const backend of backendNames) rows.push({ name: `tensorflow:${backend}`, ...(await surveyTensorflow(backend)) })
  return rows
}

/** An engine, and what the user should know about the choice. */
export interface SelectedEngine {
  readonly engine: Engine
  /** Sentences: why a slower engine was taken than this platform could have. */
  readonly notes: readonly string[]
}

/**
 * An engine that runs a network.
 *
 * @param convention of the mels, for a network whose front end has an envelope
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` (why the named engine does not run here), `BAD_OPTION`, `BAD_PARAMETERS`
 */
export async function createEngine(
  network: NetworkConfig,
  parameters: Tensors,
  options: EngineOptions = {},
  convention: MelConvention | null = null,
): Promise<Engine> {
  return (await selectEngine(network, parameters, options, convention)).engine
}

/** As `createEngine`, with notes on the choice. @throws DiffWaveError as `createEngine` */
export async function selectEngine(
  network: NetworkConfig,
  parameters: Tensors,
  options: EngineOptions = {},
  convention: MelConvention | null = null,
): Promise<SelectedEngine> {
  const { engine, threads, instructionSet } = check(optionsSchema, options, 'engine options')
  const native = () => createNativeEngine({ network, parameters, convention, ...defined({ threads, instructionSet }) })
  const tensorflow = (backend: BackendName) => () =>
    createTensorflowEngine({ network, parameters, backend, convention })
  const corrected = ({ engine, notes }: SelectedEngine) => ({ engine: withCorrection(engine, convention), notes })
  switch (engine) {
    case 'native':
      return { engine: withCorrection(await native(), convention), notes: [] }
    case 'auto':
      return corrected(
        await firstAvailable([tensorflow('cuda'), native, tensorflow('node'), tensorflow('wasm'), tensorflow('cpu')]),
      )
    case 'tensorflow':
      return corrected(
        await firstAvailable([tensorflow('cuda'), tensorflow('node'), tensorflow('wasm'), tensorflow('cpu')]),
      )
    default: {
      const backend = backendNames.find(name => engine === `tensorflow:${name}`)!
      return { engine: withCorrection(await tensorflow(backend)(), convention), notes: [] }
    }
  }
}

/** The first of several attempts that finds its engine; an error other than “not available” ends it. */
async function firstAvailable(attempts: readonly (() => Promise<Engine>)[]): Promise<SelectedEngine> {
  const reasons: string[] = []
  for (const attempt of attempts) {
    try {
      const engine = await attempt()
      return { engine, notes: slowEngines.has(engine.name) ? [slowNote(engine.name)] : [] }
    } catch (error) {
      if (!(error instanceof DiffWaveError) || error.code !== 'ENGINE_UNAVAILABLE') throw error
      reasons.push(error.message)
    }
  }
  throw new DiffWaveError('ENGINE_UNAVAILABLE', `no engine runs here: ${reasons.join('; ')}`)
}

/** Engines that take 20 to 60 times as long per step as the native one (docs/performance.md), or longer. */
const slowEngines: ReadonlySet<string> = new Set(['tensorflow:wasm', 'tensorflow:cpu'])

function slowNote(name: string): string {
  const { reason } = surveyNative()
  const why = reason === '' ? 'the native engine is not available' : reason
  return `${why}; ${name} runs instead, many times slower. \`diffwave build-native\` compiles the native engine.`
}
