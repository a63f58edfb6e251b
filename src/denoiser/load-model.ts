/** Loads a model by a shipped model's name, from a model folder, or from another project's checkpoint as it is. */
import { z } from 'zod'
import { check, type FieldsOf } from '../core/options.js'
import { toPath } from '../core/path.js'
import { type EngineOptions, engineFields, selectEngine } from '../engines/select.js'
import { importHintFields } from '../model/import/hints.js'
import { type ImportHints, readModel } from '../model/read-model.js'
import { Denoiser } from './denoiser.js'
import { modelPath } from './shipped-models.js'

export { modelPath, packageRoot, shippedModels } from './shipped-models.js'

/** What runs the network, and what a checkpoint of another project does not state. */
export interface LoadModelOptions extends EngineOptions, ImportHints {}

const optionsSchema = z.strictObject({ ...engineFields, ...importHintFields } satisfies FieldsOf<LoadModelOptions>)

/**
 * A model, ready to run.
 *
 * @param source the name of a shipped model (`shippedModels`), a model folder, or a checkpoint file (`.pt`, `.pkl`,
 * `.ckpt`, `.safetensors`)
 * @throws DiffWaveError `UNKNOWN_MODEL`, `ENGINE_UNAVAILABLE`, `BAD_OPTION`, and what reading a model throws
 * @example
 * const denoiser = await loadModel('weights.pt', { engine: 'native', dilationCycle: 10 })
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<Denoiser> {
  const { engine, threads, instructionSet, ...hints } = check(optionsSchema, options, 'loadModel options')
  const { config, parameters, notes } = await readModel(await modelPath(toPath(source, 'model')), hints)
  const selected = await selectEngine(config.network, parameters, { engine, threads, instructionSet }, config.mel)
  return new Denoiser(config, selected.engine, [...notes, ...selected.notes])
}
