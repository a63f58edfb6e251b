/** A model folder: `config.json` and `weights.safetensors`. Nothing executable, no paths to elsewhere. */
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { isVacant } from '../core/folder.js'
import { folderSource } from '../core/folder-source.js'
import { MAX_CONFIG_BYTES } from '../core/limits.js'
import { makeFolder } from '../core/make-folder.js'
import { check } from '../core/options.js'
import { kindOfPath } from '../core/path-kind.js'
import { readFileBytes } from '../core/read-file.js'
import { writeFileBytes } from '../core/write-file.js'
import { encodeSafetensors } from '../formats/safetensors.js'
import { type ModelConfig, modelConfigSchema } from './config.js'
import type { ModelFiles } from './import/model-files.js'
import { checkParameters } from './parameters.js'
import { CONFIG_FILE, parseJson, readModelFrom, WEIGHTS_FILE } from './read-folder.js'

/** Where a model folder has its config. */
export function configPath(folder: string): string {
  return join(folder, CONFIG_FILE)
}

/** Where a model folder has its weights. */
export function weightsPath(folder: string): string {
  return join(folder, WEIGHTS_FILE)
}

/** A JSON file's value. @throws DiffWaveError `BAD_CONFIG`, and as `readFileBytes` */
export async function readJson(path: string): Promise<unknown> {
  return parseJson(await readFileBytes(path, { maxBytes: MAX_CONFIG_BYTES }), path)
}

/**
 * A config that is about to replace the folder's, with the digest of the weights that it belongs to. It is there only
 * while a model is written over another one: whatever moment the writer is killed at, a reader takes a config and
 * weights that belong together.
 */
const NEXT_CONFIG = 'config.next.json'

const nextConfigSchema = z.object({
  /** SHA-256 of `weights.safetensors` in hexadecimal digits. */
  weights: z.string(),
  config: z.unknown(),
})

/** The SHA-256 of a file's bytes in hexadecimal digits. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The config that a killed writer did not put in its place, if its weights were; else null. */
async function unfinishedConfig(path: string): Promise<Uint8Array | null> {
  const file = join(path, NEXT_CONFIG)
  if ((await kindOfPath(file)) !== 'file') return null
  const next = nextConfigSchema.safeParse(await readJson(file).catch(() => null))
  if (!next.success || next.data.weights !== sha256Of(await readFileBytes(weightsPath(path)))) return null
  return new TextEncoder().encode(JSON.stringify(next.data.config))
}

/** The model in a folder. @throws DiffWaveError as `readModelFrom` */
export async function readModelFolder(path: string): Promise<ModelFiles> {
  const source = folderSource(path)
  const unfinished = await unfinishedConfig(path)
  if (unfinished === null) {
    // Both are read at once. What goes wrong with the config is reported first.
    const weights = source.read(WEIGHTS_FILE)
    weights.catch(() => undefined)
    return readModelFrom({
      ...source,
      read: (name, options) => (name === WEIGHTS_FILE ? weights : source.read(name, options)),
    })
  }
  return readModelFrom({
    ...source,
    read: (name, options) => (name === CONFIG_FILE ? Promise.resolve(unfinished) : source.read(name, options)),
  })
}

/** Puts another config in the place of a model folder's. @throws DiffWaveError `BAD_CONFIG`, and as `writeFileBytes` */
export async function writeModelConfig(path: string, model: ModelConfig): Promise<void> {
  const config = check(modelConfigSchema, model, 'model config', 'BAD_CONFIG')
  await writeFileBytes(configPath(path), configText(config))
  await rm(join(path, NEXT_CONFIG), { force: true })
}

function configText(config: ModelConfig): string {
  return `${JSON.stringify(config, null, 2)}\n`
}

/** Refuses a path at which there is more than an empty folder. @throws DiffWaveError `BAD_OPTION`, and as `isVacant` */
export async function checkNewModelFolder(path: string): Promise<void> {
  if (await isVacant(path)) return
  throw new DiffWaveError('BAD_OPTION', 'the model folder exists already and is not empty', {
    where: path,
    hint: 'Use force (--force) to write into it.',
  })
}

/**
 * Writes a model folder, made if need be. The config goes last: a folder without one is no model. If another model is
 * there, it or the new one is read from the folder at any moment.
 */
export async function writeModelFolder(path: string, model: ModelFiles): Promise<void> {
  const config = check(modelConfigSchema, model.config, 'model config', 'BAD_CONFIG')
  const weights = encodeSafetensors(checkParameters(config.network, model.parameters, 'model parameters'))
  await makeFolder(path)
  if (await hasOtherConfig(path, config)) {
    // A config that a killed writer left belongs to the weights that are about to go.
    const unfinished = await unfinishedConfig(path)
    if (unfinished !== null) await writeFileBytes(configPath(path), unfinished)
    await writeFileBytes(join(path, NEXT_CONFIG), JSON.stringify({ weights: sha256Of(weights), config }))
  }
  await writeFileBytes(weightsPath(path), weights)
  await writeModelConfig(path, config)
}

/** Whether a folder has a model whose config is not the given one. */
async function hasOtherConfig(path: string, config: ModelConfig): Promise<boolean> {
  if ((await kindOfPath(configPath(path))) !== 'file' || (await kindOfPath(weightsPath(path))) !== 'file') return false
  if ((await kindOfPath(join(path, NEXT_CONFIG))) !== 'missing') return true
  const own = await readFileBytes(configPath(path)).catch(() => null)
  return own === null || new TextDecoder().decode(own) !== configText(config)
}
