/**
 * Chooses the engine that runs a network: the one that the caller names, or the fastest one available. If a named
 * engine cannot run, that is an error.
 */
import type { z } from 'zod'
import type { MelConvention } from '../audio/mel/convention.js'
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
import type { Tensors } from '../core/tensor.js'
import type { NetworkConfig } from '../model/network.js'
import { withCorrection } from './corrected/corrected-engine.js'
import type { Engine, RunnableNetwork } from './engine.js'
import { BFLOAT16_DEVICE, createNativeEngine, surveyNative } from './native/engine.js'
import { instructionSets } from './native/instruction-sets.js'
import { engineOptions, type HostedEngineOptions, ownInstructionSet, type SelectedEngine } from './options.js'
import { type BackendName, backendNames, backendPackages } from './tensorflow/backend-names.js'
import { createTensorflowEngine, surveyTensorflow } from './tensorflow/engine.js'
import { wasmInstructionSets } from './wasm/host.js'

export { type EngineName, type EngineOptions, engineFields, engineNames } from './options.js'

/** Whether an engine runs here. */
export interface EngineSurvey {
  /** Name of the engine, for the option `engine`. */
  readonly name: string
  /** Whether it runs here. */
  readonly available: boolean
  /** Why it does not run; empty if it does. */
  readonly reason: string
  /** What it runs on, such as the instruction set; empty if it does not run. */
  readonly device: string
}

/**
 * Lists every engine and whether it runs here, as `diffwave doctor` prints it.
 *
 * @example
 * for (const { name, available, reason } of await surveyEngines()) console.log(name, available ? 'runs' : reason)
 */
export async function surveyEngines(): Promise<readonly EngineSurvey[]> {
  const native = surveyNative()
  const { surveyWasm } = await import('./wasm/engine.js')
  const wasm = surveyWasm()
  const why = native.hint === '' ? native.reason : `${native.reason} (${native.hint})`
  const rows: EngineSurvey[] = [
    { name: 'native', available: native.available, reason: why, device: native.device },
    { name: 'wasm', available: wasm.available, reason: wasm.reason, device: wasm.device },
  ]
  for (const backend of backendNames) rows.push({ name: `tensorflow:${backend}`, ...(await surveyTensorflow(backend)) })
  return rows
}

/**
 * Creates an engine that runs a network.
 *
 * @param convention of the mels. Needed by networks whose front end has an envelope or a correction
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` (why the named engine does not run here), `BAD_OPTION`, `BAD_PARAMETERS`
 */
export async function createEngine(
  network: NetworkConfig,
  parameters: Tensors,
  options: HostedEngineOptions = {},
  convention: MelConvention | null = null,
): Promise<Engine> {
  return (await selectEngine({ network, parameters, convention }, options)).engine
}

/** As `createEngine`, and also returns notes on the choice. @throws DiffWaveError as `createEngine` */
export async function selectEngine(
  runnable: RunnableNetwork,
  options: HostedEngineOptions = {},
): Promise<SelectedEngine> {
  const checked = check(engineOptions, options, 'engine options')
  if (checked.workerUrl !== undefined) {
    throw new DiffWaveError('BAD_OPTION', 'workerUrl is for browsers', { where: 'engine options workerUrl' })
  }
  const { engine, notes } = await chooseEngine(runnable, checked)
  const exact = checked.precision === 'fast' && !engine.device.includes(BFLOAT16_DEVICE)
  const normal = checked.latency === 'low' && engine.latency !== 'low'
  return {
    engine,
    notes: [
      ...notes,
      ...(exact ? [`precision fast: ${engine.device} computes as with exact`] : []),
      ...(normal ? [`latency low: ${engine.device} has only normal latency`] : []),
    ],
  }
}

async function chooseEngine(
  runnable: RunnableNetwork,
  { engine, threads, instructionSet, precision, latency }: z.output<typeof engineOptions>,
): Promise<SelectedEngine> {
  const { convention = null } = runnable
  const common = { ...runnable, ...defined({ threads }) }
  const native = async () => {
    const own = defined({ instructionSet: ownInstructionSet('native', instructionSets, instructionSet) })
    return createNativeEngine({ ...common, precision, latency, ...own })
  }
  const wasm = async () => {
    const own = defined({ instructionSet: ownInstructionSet('wasm', wasmInstructionSets, instructionSet) })
    const { createWasmEngine } = await import('./wasm/engine.js')
    return createWasmEngine({ ...common, latency, ...own })
  }
  const tensorflow = (backend: BackendName) => () => createTensorflowEngine({ ...runnable, backend })
  const corrected = ({ engine, notes }: SelectedEngine) => ({ engine: withCorrection(engine, convention), notes })
  switch (engine) {
    case 'native':
      return corrected({ engine: await native(), notes: [] })
    case 'wasm':
      return corrected({ engine: await wasm(), notes: [] })
    case 'auto': {
      const last = [tensorflow('node'), tensorflow('wasm'), tensorflow('cpu')]
      return corrected(await firstAvailable([tensorflow('cuda'), native, wasm, ...last], surveyNative().hint))
    }
    case 'tensorflow':
      return corrected(await firstAvailable(backendNames.map(tensorflow), TENSORFLOW_HINT))
    default: {
      const backend = backendNames.find(name => engine === `tensorflow:${name}`)!
      return corrected({ engine: await tensorflow(backend)(), notes: [] })
    }
  }
}

const TENSORFLOW_HINT =
  `Install the packages of one: ${backendPackages.cuda} (NVIDIA GPU), ${backendPackages.node} (libtensorflow) or ` +
  `${backendPackages.wasm} (WebAssembly).`

/**
 * Tries one engine after the other. Any error except “not available” ends the search.
 *
 * @param hint what to do if no engine is available
 */
async function firstAvailable(attempts: readonly (() => Promise<Engine>)[], hint: string): Promise<SelectedEngine> {
  const reasons: string[] = []
  for (const attempt of attempts) {
    try {
      const engine = await attempt()
      return { engine, notes: slowNotes(engine.name) }
    } catch (error) {
      if (!(error instanceof DiffWaveError) || error.code !== 'ENGINE_UNAVAILABLE') throw error
      reasons.push(error.message)
    }
  }
  throw new DiffWaveError('ENGINE_UNAVAILABLE', `no engine runs here: ${reasons.join('; ')}`, { hint })
}

/** How much slower than the native engine the others are, per step on one thread (docs/performance.md). */
const slowEngines: ReadonlyMap<string, string> = new Map([
  ['wasm', 'a few times slower'],
  ['tensorflow:wasm', 'many times slower'],
  ['tensorflow:cpu', 'many times slower'],
])

/** A note if `auto` fell back to a slow engine. */
function slowNotes(name: string): readonly string[] {
  const slower = slowEngines.get(name)
  if (slower === undefined) return []
  const { reason, hint } = surveyNative()
  const why = reason === '' ? 'the native engine is not available' : reason
  return [`${why}; ${name} runs instead, ${slower}. ${hint}`.trim()]
}
