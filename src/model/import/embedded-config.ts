/**
 * The `config.json` that an export of this package carries, as JSON text: in a safetensors file's metadata, or in a
 * checkpoint's dictionary. With it, a file of weights is a whole model again.
 */
import { DiffWaveError } from '../../core/errors.js'
import { MAX_CONFIG_BYTES } from '../../core/limits.js'
import { check } from '../../core/options.js'
import { type ModelConfig, modelConfigSchema } from '../config.js'

/** The name that the text stands under. */
export const EMBEDDED_CONFIG = 'diffwave_config'

/** The text that `parseEmbeddedConfig` reads. */
export function embeddedConfig(config: ModelConfig): string {
  return JSON.stringify(config)
}

/**
 * @param value what stands under `EMBEDDED_CONFIG`
 * @param where names the file in errors
 * @returns null if nothing stands there
 * @throws DiffWaveError `BAD_CONFIG`, `TOO_LARGE`
 */
export function parseEmbeddedConfig(value: unknown, where: string): ModelConfig | null {
  if (typeof value !== 'string') return null
  const place = `${where}, ${EMBEDDED_CONFIG}`
  if (value.length > MAX_CONFIG_BYTES) {
    throw new DiffWaveError('TOO_LARGE', 'the embedded config is too large', {
      expected: `at most ${MAX_CONFIG_BYTES} characters`,
      got: String(value.length),
      where: place,
    })
  }
  let json: unknown
  try {
    json = JSON.parse(value)
  } catch (error) {
    throw new DiffWaveError('BAD_CONFIG', 'the embedded config is not JSON', { where: place, cause: error })
  }
  return check(modelConfigSchema, json, place, 'BAD_CONFIG')
}
