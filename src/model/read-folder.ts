/** A model folder read from any source: `config.json` and `weights.safetensors`. */
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import type { FileSource, ReadFileOptions } from '../core/file-source.js'
import { MAX_CONFIG_BYTES } from '../core/limits.js'
import { check } from '../core/options.js'
import { decodeSafetensors } from '../formats/safetensors.js'
import { type ModelConfig, modelConfigSchema } from './config.js'
import type { ModelFiles } from './import/model-files.js'
import { checkParameters } from './parameters.js'

/** The two files of a model folder. */
export const CONFIG_FILE = 'config.json'
export const WEIGHTS_FILE = 'weights.safetensors'

/** A JSON file's value. @param where names the file in errors @throws DiffWaveError `BAD_CONFIG` */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DiffWaveError('BAD_CONFIG', `this is not JSON: ${reason}`, { where, cause: error })
  }
}

/**
 * The config in a source's top folder.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_CONFIG` (naming the field), and as `FileSource.read`
 */
export async function readModelConfig(source: FileSource, signal?: AbortSignal): Promise<ModelConfig> {
  const bytes = await source.read(CONFIG_FILE, { ...defined({ signal }), maxBytes: MAX_CONFIG_BYTES }).catch(error => {
    throw error instanceof DiffWaveError && error.code === 'FILE_NOT_FOUND' ? noConfig(source, error) : error
  })
  const where = source.describe(CONFIG_FILE)
  return check(modelConfigSchema, parseJson(bytes, where), where, 'BAD_CONFIG')
}

/**
 * The model in a source's top folder.
 *
 * @param options of reading the weights; `signal` counts for the config too
 * @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_CONFIG` (naming the field), `BAD_SAFETENSORS`, `TRUNCATED`,
 * `BAD_PARAMETERS`, and as `FileSource.read`
 */
export async function readModelFrom(
  source: FileSource,
  options: Pick<ReadFileOptions, 'onProgress' | 'signal'> = {},
): Promise<ModelFiles> {
  const weightsPath = source.describe(WEIGHTS_FILE)
  const config = await readModelConfig(source, options.signal)
  const { tensors } = decodeSafetensors(await source.read(WEIGHTS_FILE, options), weightsPath)
  return { config, parameters: checkParameters(config.network, tensors, weightsPath) }
}

function noConfig(source: FileSource, cause: DiffWaveError): DiffWaveError {
  return new DiffWaveError('FILE_NOT_FOUND', `the folder holds no ${CONFIG_FILE}`, {
    where: source.describe(),
    hint:
      `A model folder has ${CONFIG_FILE} and ${WEIGHTS_FILE}. In a training run it is the folder \`model\`; ` +
      '`diffwave convert` makes one from a checkpoint.',
    cause,
  })
}
