/** The engine of a browser: wasm. */
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
import { withCorrection } from './corrected/corrected-engine.js'
import type { RunnableNetwork } from './engine.js'
import { engineOptions, type HostedEngineOptions, ownInstructionSet, type SelectedEngine } from './options.js'
import { createEngineOn } from './wasm/create-engine.js'
import { wasmInstructionSets } from './wasm/host.js'
import { pageHost } from './wasm/page-host.browser.js'

/**
 * The wasm engine, for `auto` and by name.
 *
 * @throws DiffWaveError `ENGINE_UNAVAILABLE`, `BAD_OPTION`, `BAD_PARAMETERS`
 */
export async function selectEngine(
  runnable: RunnableNetwork,
  options: HostedEngineOptions = {},
): Promise<SelectedEngine> {
  const {
    engine,
    threads = navigator.hardwareConcurrency,
    instructionSet,
    latency,
    workerUrl,
  } = check(engineOptions, options, 'engine options')
  if (engine !== 'auto' && engine !== 'wasm') {
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `the ${engine} engine does not run in a browser`, {
      expected: 'wasm or auto',
    })
  }
  const build = ownInstructionSet('wasm', wasmInstructionSets, instructionSet)
  const wasm = { ...runnable, latency, ...defined({ instructionSet: build }) }
  const running = await createEngineOn(pageHost(workerUrl), threads, wasm)
  return { engine: withCorrection(running, runnable.convention ?? null), notes: [] }
}
