/** Functions of all exports: reading the model, given by name, path or value, and writing the file. */
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { describe } from '../core/describe.js'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { check, type FieldsOf } from '../core/options.js'
import { type PathLike, toPath } from '../core/path.js'
import { isSameFile } from '../core/path-kind.js'
import { writeFileBytes } from '../core/write-file.js'
import { type WeightType, weightTypes } from '../formats/numbers.js'
import { modelConfigSchema } from '../model/config.js'
import { type DownloadOptions, downloadFields, remoteModelOptions } from '../model/download-options.js'
import { configPath, weightsPath } from '../model/folder.js'
import type { ModelFiles } from '../model/import/model-files.js'
import { checkParameters } from '../model/parameters.js'
import { readModel } from '../model/read-model.js'
import { isRemote } from '../model/remote/address.js'
import { modelPath } from '../model/shipped-models.js'

/**
 * A model to export: the name of a shipped model, the path or address of a model folder or a checkpoint file, or a
 * model in memory.
 */
export type ExportSource = PathLike | ModelFiles

/** What every export returns. */
export interface Exported {
  /** Path of the file. */
  readonly output: string
  /** Size of the file in bytes. */
  readonly bytes: number
  /** Sentences for the user. */
  readonly notes: readonly string[]
}

/** Schema of the type in which weights are stored: float32, float16 or bfloat16, rounded to nearest even. */
const weightType = z.enum(weightTypes).default('F32')

export type { WeightType }

/** Options of every export: how a model at an address is downloaded. */
export interface ExportOptions extends DownloadOptions {
  /** Stops the download, or the export before its file is written: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

/** Options of an export of weights. */
export interface ExportWeightsOptions extends ExportOptions {
  /** How the weights are stored: `F32`, `F16` or `BF16`, rounded to nearest even. Default `F32`. */
  readonly type?: WeightType | undefined
}

/** Schema of `ExportWeightsOptions`. */
export const weightsOptions = z.strictObject({
  type: weightType,
  ...downloadFields,
} satisfies FieldsOf<ExportWeightsOptions>)

/** Returns the local path of a source, which is downloaded first if necessary. */
function sourcePath(source: PathLike, where: string, options: ExportOptions): Promise<string> {
  const path = isRemote(String(source)) ? String(source) : toPath(source, `${where} source`)
  return modelPath(path, remoteModelOptions(options))
}

/**
 * Reads the model of an export.
 *
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`, `BAD_PARAMETERS`, and as `readModel`
 */
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

/** The arguments of `writeExport` besides the bytes. */
interface ExportFacts extends ExportOptions {
  /** Sentences for the user. */
  readonly notes: readonly string[]
  /** Name of the exporting function, for errors. */
  readonly where: string
}

/**
 * Writes the file of an export.
 *
 * @param source the exported model, whose own files must not be overwritten
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
    // The source was just downloaded, so it is found in the cache.
    const model = await sourcePath(source, where, { ...options, cache: true, onProgress: undefined })
    for (const own of [model, configPath(model), weightsPath(model)]) {
      if (!(await isSameFile(own, path))) continue
      throw new DiffWaveError('BAD_OPTION', 'the export would overwrite the model itself', {
        where: path,
        hint: 'Write it to another file.',
      })
    }
  }
  // Making the bytes blocked the event loop. Signals that arrived meanwhile are delivered now.
  await setImmediate()
  throwIfAborted(options.signal)
  await writeFileBytes(path, bytes)
  return { output: path, bytes: bytes.length, notes }
}
