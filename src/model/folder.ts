/** A model folder: `config.json` and `weights.safetensors`. Nothing executable, no paths to elsewhere. */
import { join } from 'node:path'
import { makeFolder, readFileBytes, writeFileBytes } from '../core/files.js'
import { folderSource } from '../core/folder-source.js'
import { MAX_CONFIG_BYTES } from '../core/limits.js'
import { check } from '../core/options.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { type ModelConfig, modelConfigSchema } from './config.js'
import type { ModelFiles } from './import/model-files.js'
import { checkParameters } from './parameters.js'
import { CONFIG, parseJson, readModelFrom, WEIGHTS } from './read-folder.js'

/** Where a model folder has its config. */
export function configPath(folder: string): string {
  return join(folder, CONFIG)
}

/** Where a model folder has its weights. */
export function weightsPath(folder: string): string {
  return join(folder, WEIGHTS)
}

/** A JSON file's value. @throws DiffWaveError `BAD_CONFIG`, and as `readFileBytes` */
export async function readJson(path: string): Promise<unknown> {
  return parseJson(await readFileBytes(path, { maxBytes: MAX_CONFIG_BYTES }), path)
}

/** The model in a folder. @throws DiffWaveError as `readModelFrom` */
export function readModelFolder(path: string): Promise<ModelFiles> {
  return readModelFrom(folderSource(path))
}

/** Puts another config in the place of a model folder's. @throws DiffWaveError `BAD_CONFIG`, and as `writeFileBytes` */
export async function writeModelConfig(path: string, model: ModelConfig): Promise<void> {
  const config = check(modelConfigSchema, model, 'model config', 'BAD_CONFIG')
  await writeFileBytes(join(path, CONFIG), `${JSON.stringify(config, null, 2)}\n`)
}

/** Writes a model folder, made if need be. The config goes last: a folder without one is no model. */
export async function writeModelFolder(path: string, model: ModelFiles): Promise<void> {
  const config = check(modelConfigSchema, model.config, 'model config', 'BAD_CONFIG')
  const parameters = checkParameters(config.network, model.parameters, 'model parameters')
  await makeFolder(path)
  await writeFileBytes(weightsPath(path), encodeSafetensors(parameters))
  await writeModelConfig(path, config)
}
