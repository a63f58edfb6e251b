/** Export as safetensors: the weights under the reference's names, and the config in the metadata. */
import { check } from '../core/options.js'
import type { PathLike } from '../core/path.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { EMBEDDED_CONFIG, embeddedConfig } from '../model/import/embedded-config.js'
import {
  type Exported,
  type ExportSource,
  type ExportWeightsOptions,
  readSource,
  weightsOptions,
  writeExport,
} from './source.js'

/** Options of `exportSafetensors`. */
export type ExportSafetensorsOptions = ExportWeightsOptions

/**
 * Writes a model as a safetensors file. `loadModel` and `convert` can read it back. With `F32` the weights have the
 * same bytes.
 *
 * @param source a shipped model's name, a model folder, a checkpoint file, the address of either, or a model in memory
 * @param output path of the file
 * @throws DiffWaveError `BAD_OPTION`, `UNKNOWN_MODEL`, `NOT_FINITE` (a weight beyond the type's range),
 * `NOT_WRITABLE`, `DISK_FULL`, `ABORTED`, and what reading a model throws
 * @example
 * await exportSafetensors('speech', 'speech.safetensors', { type: 'F16' })
 */
export async function exportSafetensors(
  source: ExportSource,
  output: PathLike,
  options: ExportSafetensorsOptions = {},
): Promise<Exported> {
  const { type, ...how } = check(weightsOptions, options, 'exportSafetensors options')
  const { config, parameters } = await readSource(source, 'exportSafetensors', how)
  const metadata = new Map([
    // Hugging Face's loaders for PyTorch look for this entry.
    ['format', 'pt'],
    [EMBEDDED_CONFIG, embeddedConfig(config)],
  ])
  const bytes = encodeSafetensors(parameters, metadata, type)
  return writeExport(source, output, bytes, { ...how, notes: [], where: 'exportSafetensors' })
}
