/** What every export starts from: a model by name, path or value, and a file to write. */
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { describe } from '../core/describe.js'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { isSameFile, writeFileBytes } from '../core/files.js'
import { abortSignal, check, type FieldsOf } from '../core/options.js'
import { type PathLike, toPath } from '../core/path.js'
import { modelPath } from '../denoiser/shipped-models.js'
import { type WeightType, weightTypes } from '../formats/numbers.js'
import { modelConfigSchema } from '../model/config.js'
import { configPath, weightsPath } from '../model/folder.js'
import type { ModelFiles } from '../model/import/model-files.js'
import { checkParameters } from '../model/parameters.js'
import { readModel } from '../model/read-model.js'
import { isRemote } from '../model/remote/address.js'
import type { RemoteModelOptions } from '../model/remote/settings.js'

/**
 * A model to export: the name of a shipped model, a model folder, a checkpoint file, the address of either, or a model
 * in memory.
 */
export type ExportSource = PathLike | ModelFiles

/** What an export wrote. */
export interface Exported {
  /** Path of the file. */
  readonly output: string
  /** Size of the file in bytes. */
  readonly bytes: number
  /** What the user should know: sentences. */
  readonly notes: readonly string[]
}

/** How exported weights are stored: float32, float16 or bfloat16, rounded to nearest even. */
export const weightType = z.enum(weightTypes).default('F32')
export type { WeightType }

/** Options of every export. */
export interface ExportOptions {
  /** How a model at an address is downloaded: progress, cache, limits. */
  readonly download?: RemoteModelOptions | undefined
  /** Stops the download, or the export before its file is written. */
  readonly signal?: AbortSignal | undefined
}

/** Checks `ExportOptions`. */
export const exportFields = {
  // Checked when something is downloaded.
  download: z.custom<RemoteModelOptions>(value => typeof value === 'object' && value !== null).optional(),
  signal: abortSignal.optional(),
} satisfies FieldsOf<ExportOptions>

/** Options of an export of weights. */
export interface ExportWeightsOptions extends ExportOptions {
  /** How the weights are stored: `F32`, `F16` or `BF16`, rounded to nearest even. Default `F32`. */
  readonly type?: WeightType | undefined
}

/** Checks `ExportWeightsOptions`. */
export const weightsOptions = z.strictObject({
  type: weightType,
  ...exportFields,
} satisfies FieldsOf<ExportWeightsOptions>)

/** The local path of a source, once it is downloaded. */
function sourcePath(source: PathLike, where: string, { signal, download }: ExportOptions): Promise<string> {
  const path = isRemote(String(source)) ? String(source) : toPath(source, `${where} source`)
  return modelPath(path, { signal, ...download })
}

/** @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`, `BAD_PARAMETERS`, and as `readModel` */
export async function readSource(source: ExportSource, where: string, options: ExportOptions): Promise<ModelFiles> {
  if (typeof source === 'string' || source instanceof URL) return readModel(await sourcePath(source, where, options))
  const { config, parameters } = Object(source) as Partial<ModelFiles>
  if (!(parameters instanceof Map)) {
    throw new DiffWaveError('BAD_OPTION', 'not a model', {
      expected: 'a shipped model’s name, a path, or an object with config and parameters',
      got: describe(source),
      where: `${where} source`,
    })
  }
  const checked = check(modelConfigSchema, config, `${where} config`, 'BAD_CONFIG')
  return { config: checked, parameters: checkParameters(checked.network, parameters, `${where} parameters`) }
}

/** What `writeExport` needs besides the bytes. */
interface ExportFacts extends ExportOptions {
  /** What the user should know: sentences. */
  readonly notes: readonly string[]
  /** The function that exports, for errors. */
  readonly where: string
}

/**
 * Writes the file of an export.
 *
 * @param source what was exported, whose own files are not overwritten
 * @throws DiffWaveError `BAD_OPTION`, `ABORTED`, and as `writeFileBytes`
 */
export async function writeExport(
  source: ExportSource,
  output: PathLike,
  bytes: Uint8Array,
  { notes, where, ...options }: ExportFacts,
): Promise<Exported> {
  const path = toPath(output, `${where} output`)
  if (typeof source === 'string' || source instanceof URL) {
    // What was downloaded a moment ago is not downloaded again.
    const download = { ...options.download, refresh: false, onProgress: undefined }
    const model = await sourcePath(source, where, { ...options, download })
    for (const own of [model, configPath(model), weightsPath(model)]) {
      if (!(await isSameFile(own, path))) continue
      throw new DiffWaveError('BAD_OPTION', 'the export would overwrite the model itself', {
        where: path,
        hint: 'Write it to another file.',
      })
    }
  }
  // The bytes were made in one go: signals that came meanwhile are delivered now.
  await setImmediate()
  throwIfAborted(options.signal)
  await writeFileBytes(path, bytes)
  return { output: path, bytes: bytes.length, notes }
}
