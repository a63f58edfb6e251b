/** Export as safetensors: the weights by the reference's names, with the config in the metadata. */
import { z } from 'zod'
import { check, type FieldsOf } from '../core/options.js'
import type { PathLike } from '../core/path.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { EMBEDDED_CONFIG, embeddedConfig } from '../model/import/embedded-config.js'
import { type Exported, type ExportSource, readSource, type WeightType, weightType, writeExport } from './source.js'

/** Options of `exportSafetensors`. */
export interface ExportSafetensorsOptions {
  /** How the weights are stored: `F32`, `F16` or `BF16`, rounded to nearest even. Default `F32`. */
  readonly type?: WeightType | undefined
}

const optionsSchema = z.strictObject({ type: weightType } satisfies FieldsOf<ExportSafetensorsOptions>)

/**
 * Writes a model as one safetensors file. `loadModel` and `convert` read it back: as `F32` with the same bytes.
 *
 * @param source a shipped model's name, a model folder, a checkpoint file, or a model in memory
 * @param output path of the file
 * @throws DiffWaveError `BAD_OPTION`, `UNKNOWN_MODEL`, `NOT_FINITE` (a weight beyond the type's range),
 * `NOT_WRITABLE`, `DISK_FULL`, and what reading a model throws
 * @example
 * await exportSafetensors('speech', 'speech.safetensors', { type: 'F16' })
 */
export async function exportSafetensors(
  source: ExportSource,
  output: PathLike,
  options: ExportSafetensorsOptions = {},
): Promise<Exported> {
  const { type } = check(optionsSchema, options, 'exportSafetensors options')
  const { config, parameters } = await readSource(source, 'exportSafetensors')
  const metadata = new Map([
    // What Hugging Face's loaders for PyTorch look for.
    ['format', 'pt'],
    [EMBEDDED_CONFIG, embeddedConfig(config)],
  ])
  return writeExport(output, encodeSafetensors(parameters, metadata, type), [], 'exportSafetensors')
}
