/** Which engine runs a network: named by the caller, or the best there is. A named engine that cannot run is an error. */
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
import type { Tensors } from '../core/tensor.js'
import type { NetworkConfig } from '../model/network.js'
import type { Engine } from './engine.js'
import { createNativeEngine, instructionSets, surveyNative } from './native/engine.js'
import { backendNames } from './tensorflow/backend-names.js'
import { createTensorflowEngine, surveyTensorflow } from './tensorflow/engine.js'

/** Engines by name. `tensorflow` takes the best of its backends; `auto` a CUDA device, then native, then TensorFlow.js. */
export const engineNames = [
  'auto',
  'native',
  'tensorflow',
  ...backendNames.map(name => `tensorflow:${name}` as const),
] as const
export type EngineName = (typeof engineNames)[number]

const optionsSchema = z.strictObject({
  engine: z.enum(engineNames).default('auto'),
  /** Threads of the native engine; default: the available cores. */
  threads: z.number().int().min(1).max(256).optional(),
  /** Instruction set of the native engine; default: the best the processor has. */
  instructionSet: z.enum(instructionSets).optional(),
})

export type EngineOptions = Readonly<z.input<typeof optionsSchema>>

/** Whether an engine runs here. */
export interface EngineSurvey {
  readonly name: string
  readonly available: boolean
  /** Why not; empty where it runs. */
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

/** The first of several attempts that finds its engine; an error other than “not available” ends it. */
async function firstAvailable(attempts: readonly (() => Promise<Engine>)[]): Promise<Engine> {
  const reasons: string[] = []
  for (const attempt of attempts) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof DiffWaveError) || error.code !== 'ENGINE_UNAVAILABLE') throw error
      reasons.push(error.message)
    }
  }
  throw new DiffWaveError('ENGINE_UNAVAILABLE', `no engine runs here: ${reasons.join('; ')}`)
}

/**
 * An engine that runs a network.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` (why the named engine does not run here), `BAD_OPTION`, `BAD_PARAMETERS`
 */
export async function createEngine(
  network: NetworkConfig,
  parameters: Tensors,
  options: EngineOptions = {},
): Promise<Engine> {
  const { engine, threads, instructionSet } = check(optionsSchema, options, 'engine options')
  const native = () =>
    createNativeEngine({
      network,
      parameters,
      ...(threads === undefined ? {} : { threads }),
      ...(instructionSet === undefined ? {} : { instructionSet }),
    })
  const tensorflow = (backend: (typeof backendNames)[number]) => () =>
    createTensorflowEngine({ network, parameters, backend })
  switch (engine) {
    case 'native':
      return native()
    case 'auto':
      return firstAvailable([tensorflow('cuda'), native, tensorflow('node'), tensorflow('wasm'), tensorflow('cpu')])
    case 'tensorflow':
      return firstAvailable([tensorflow('cuda'), tensorflow('node'), tensorflow('wasm'), tensorflow('cpu')])
    default: {
      const backend = backendNames.find(name => engine === `tensorflow:${name}`)!
      return tensorflow(backend)()
    }
  }
}
