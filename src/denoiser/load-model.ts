/** Loads a model by a shipped model's name, from a model folder, or from another project's checkpoint as it is. */
import { z } from 'zod'
import { MAX_CORRECTION_PASSES } from '../core/limits.js'
import { check, type FieldsOf } from '../core/options.js'
import { toPath } from '../core/path.js'
import { type EngineOptions, engineFields, selectEngine } from '../engines/select.js'
import { withCorrectionPasses } from '../model/correction.js'
import { importHintFields } from '../model/import/hints.js'
import { type ImportHints, readModel } from '../model/read-model.js'
import { Denoiser } from './denoiser.js'
import { modelPath } from './shipped-models.js'

export { modelPath, packageRoot, shippedModels, trainingConfigPath } from './shipped-models.js'

/** What runs the network, and what a checkpoint of another project does not state. */
export interface LoadModelOptions extends EngineOptions, ImportHints {
  /**
   * Passes of the correction towards the mel that the network ends with, 0 to 8; 0: none. For networks behind windows
   * with an envelope. Default: the model's own.
   */
  readonly correction?: number | undefined
}

const optionsSchema = z.strictObject({
  ...engineFields,
  ...importHintFields,
  correction: z.number().int().min(0).max(MAX_CORRECTION_PASSES).optional(),
} satisfies FieldsOf<LoadModelOptions>)

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
  const checked = check(optionsSchema, options, 'loadModel options')
  const { engine, threads, instructionSet, precision, correction, ...hints } = checked
  const read = await readModel(await modelPath(toPath(source, 'model')), hints)
  const { parameters, notes } = read
  const config = correction === undefined ? read.config : withCorrectionPasses(read.config, correction)
  const running = { engine, threads, instructionSet, precision }
  const selected = await selectEngine(config.network, parameters, running, config.mel)
  return new Denoiser(config, selected.engine, [...notes, ...selected.notes])
}
