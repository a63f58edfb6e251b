/** A model folder: `config.json` and `weights.safetensors`. Nothing executable, no paths to elsewhere. */
import { join } from 'node:path'
import { DiffWaveError } from '../core/errors.js'
import { kindOfPath, makeFolder, readFileBytes, writeFileBytes } from '../core/files.js'
import { MAX_CONFIG_BYTES } from '../core/limits.js'
import { check } from '../core/options.js'
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js'
import { type ModelConfig, modelConfigSchema } from './config.js'
import type { ModelFiles } from './import/model-files.js'
import { checkParameters } from './parameters.js'

const CONFIG = 'config.json'
const WEIGHTS = 'weights.safetensors'

/** Where a model folder has its config. */
export function configPath(folder: string): string {
  return join(folder, CONFIG)
}

/** A JSON file's value. @throws DiffWaveError `BAD_CONFIG`, and as `readFileBytes` */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readFileBytes(path, { maxBytes: MAX_CONFIG_BYTES })
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DiffWaveError('BAD_CONFIG', `this is not JSON: ${reason}`, { where: path, cause: error })
  }
}

/**
 * @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_CONFIG` (naming the field), `BAD_SAFETENSORS`, `TRUNCATED`,
 * `BAD_PARAMETERS`
 */
export async function readModelFolder(path: string): Promise<ModelFiles> {
  const where = configPath(path)
  if ((await kindOfPath(where)) === 'missing') {
    throw new DiffWaveError('FILE_NOT_FOUND', `the folder holds no ${CONFIG}`, {
      where: path,
      hint: `A model folder has ${CONFIG} and ${WEIGHTS}; \`diffwave convert\` makes one from a checkpoint.`,
    })
  }
  const config = check(modelConfigSchema, await readJson(where), where, 'BAD_CONFIG')
  const weightsPath = join(path, WEIGHTS)
  const { tensors } = decodeSafetensors(await readFileBytes(weightsPath), weightsPath)
  return { config, parameters: checkParameters(config.network, tensors, weightsPath) }
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
  await writeFileBytes(join(path, WEIGHTS), encodeSafetensors(parameters))
  await writeModelConfig(path, config)
}
