/** The engine of a browser: wasm. */
import type { MelConvention } from '../audio/mel/convention.js'
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import { check } from '../core/options.js'
import type { Tensors } from '../core/tensor.js'
import type { NetworkConfig } from '../model/network.js'
import { withCorrection } from './corrected/corrected-engine.js'
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
  network: NetworkConfig,
  parameters: Tensors,
  options: HostedEngineOptions = {},
  convention: MelConvention | null = null,
  _ownsParameters = false,
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
  const wasm = { network, parameters, convention, latency, ...defined({ instructionSet: build }) }
  return { engine: withCorrection(await createEngineOn(pageHost(workerUrl), threads, wasm), convention), notes: [] }
}
