/** Loads a model: finds and reads it, and puts its network on an engine. */
import { z } from 'zod'
import { selectEngine } from '#platform/engines/select'
import { findModel } from '#platform/model/find-model'
import { throwIfAborted } from '../core/errors.js'
import { MAX_CORRECTION_PASSES } from '../core/limits.js'
import { check, type FieldsOf } from '../core/options.js'
import { type HostedEngineOptions, hostedEngineFields } from '../engines/options.js'
import { withCorrectionPasses } from '../model/correction.js'
import { type DownloadOptions, downloadFields } from '../model/download-options.js'
import { type ImportHints, importHintFields, refuseHints } from '../model/import/hints.js'
import type { ReadModel } from '../model/import/model-files.js'
import { type ModelInput, sourceOf } from '../model/model-input.js'
import { readModelFrom } from '../model/read-folder.js'
import { Denoiser } from './denoiser.js'

/** Options of `loadModel`: the engine, the download, and facts that a checkpoint of another project does not state. */
export interface LoadModelOptions extends HostedEngineOptions, ImportHints, DownloadOptions {
  /**
   * Number of passes of the correction towards the mel, 0 to 8; 0 turns it off. Only for models with a windowed front
   * end and an envelope. Default: the model's own number.
   */
  readonly correction?: number | undefined
}

const optionsSchema = z.strictObject({
  ...hostedEngineFields,
  ...importHintFields,
  ...downloadFields,
  correction: z.number().int().min(0).max(MAX_CORRECTION_PASSES).optional(),
} satisfies FieldsOf<LoadModelOptions>)

/**
 * Loads a model, ready to run.
 *
 * @param model the name of a shipped model (`shippedModels`), a model folder, a checkpoint file (`.pt`, `.pkl`,
 * `.ckpt`, `.safetensors`), the URL of either, or `hf:owner/name` for a model on a Hugging Face hub, which needs the
 * package `@huggingface/hub`. In a browser: the URL of a model folder. In both, also the kinds of files that
 * `ModelInput` lists
 * @throws DiffWaveError `UNKNOWN_MODEL`, `ENGINE_UNAVAILABLE`, `BAD_OPTION`, `DOWNLOAD_FAILED`, `CORRUPTED`,
 * `MISSING_PACKAGE`, `ABORTED`, and what downloading and reading a model throws
 * @example
 * const denoiser = await loadModel('weights.pt', { engine: 'native', dilationCycle: 10 })
 */
export async function loadModel(model: ModelInput, options: LoadModelOptions = {}): Promise<Denoiser> {
  const checked = check(optionsSchema, options, 'loadModel options')
  const { engine, threads, instructionSet, precision, latency, workerUrl, correction, ...rest } = checked
  const { onProgress, signal, cache, files, download, ...hints } = rest
  throwIfAborted(signal)
  const read = await readInput(model, hints, { onProgress, signal, cache, files, download })
  const { parameters, notes } = read
  throwIfAborted(signal)
  const config = correction === undefined ? read.config : withCorrectionPasses(read.config, correction)
  const running = { engine, threads, instructionSet, precision, latency, workerUrl }
  const selected = await selectEngine(
    { network: config.network, parameters, convention: config.mel, ownsParameters: true },
    running,
  )
  // Not awaited, so that the caller can go on. If it fails, the first use fails again and reports it.
  selected.engine.prepare?.().catch(() => undefined)
  return new Denoiser(config, selected.engine, [...notes, ...selected.notes])
}

async function readInput(input: ModelInput, hints: ImportHints, options: DownloadOptions): Promise<ReadModel> {
  const source = sourceOf(input)
  if (source === null) return findModel(input as string | URL, hints, options)
  const where = source.describe()
  refuseHints(hints, 'a model folder has its config', 'Edit config.json in the folder to change it.', where)
  const read = await readModelFrom(source, options)
  return { ...read, notes: source.notes ?? [], source: 'folder' }
}
