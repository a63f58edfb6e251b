/**
 * Checkpoints: weights, their average, the optimiser's moments and the position, in one safetensors file that is replaced
 * whole (written beside, flushed, renamed, folder flushed). All randomness is keyed by the position, so there is no other state.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { flushFolder, kindOfPath, readFileBytes, writeFileBytes } from '../../core/files.js'
import { check } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.js'
import { type ModelConfig, modelConfigSchema } from '../../model/config.js'
import { checkParameters } from '../../model/parameters.js'
import type { Adam } from '../optimiser/adam.js'

const positionSchema = z.strictObject({
  /** Updates made, those skipped included. */
  step: z.number().int().min(0),
  /** Updates the optimiser made. */
  optimiserStep: z.number().int().min(0),
  /** Seconds trained. */
  seconds: z.number().min(0),
  samplesSeen: z.number().min(0),
  /** Lowest validation loss so far. */
  best: z.number().nullable(),
  /** `Dataset.fingerprint`. */
  data: z.string(),
  /** The trainer's config as JSON: a resumed run must have the same. */
  config: z.string(),
  /** The model with its measured prior. */
  model: modelConfigSchema,
})

export type Position = Readonly<z.output<typeof positionSchema>>

export interface TrainingState {
  readonly weights: Map<string, Tensor>
  readonly average: Map<string, Tensor>
  readonly adam: Adam
}

const FILE = 'checkpoint.safetensors'
const parts = ['weights', 'average', 'first', 'second'] as const

/** @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`; the checkpoint before stays intact */
export async function writeCheckpoint(folder: string, state: TrainingState, position: Position): Promise<void> {
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of state.weights) tensors.set(`weights/${name}`, tensor)
  for (const [name, tensor] of state.average) tensors.set(`average/${name}`, tensor)
  for (const [name, { shape }] of state.weights) {
    const moments = state.adam.moments.get(name)
    if (moments === undefined) continue
    tensors.set(`first/${name}`, { shape, data: moments.first })
    tensors.set(`second/${name}`, { shape, data: moments.second })
  }
  const metadata = new Map([['position', JSON.stringify(position)]])
  await writeFileBytes(join(folder, FILE), encodeSafetensors(tensors, metadata))
  await flushFolder(folder)
}

/** Whether a folder holds a checkpoint. */
export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await kindOfPath(join(folder, FILE))) === 'file'
}

/** Reads a folder's checkpoint into `adam` and gives the rest. @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_CHECKPOINT`, … */
export async function readCheckpoint(
  folder: string,
  adam: Adam,
): Promise<{ readonly state: TrainingState; readonly position: Position; readonly model: ModelConfig }> {
  const path = join(folder, FILE)
  const { tensors, metadata } = decodeSafetensors(await readFileBytes(path), path)
  let value: unknown
  try {
    value = JSON.parse(metadata.get('position') ?? '')
  } catch (error) {
    throw new DiffWaveError('BAD_CHECKPOINT', 'the checkpoint does not say its position', { where: path, cause: error })
  }
  const position = check(positionSchema, value, path, 'BAD_CHECKPOINT')
  const groups = new Map(parts.map(part => [part, new Map<string, Tensor>()]))
  for (const [name, tensor] of tensors) {
    const part = parts.find(candidate => name.startsWith(`${candidate}/`))
    if (part === undefined)
      throw new DiffWaveError('BAD_CHECKPOINT', `there is a stray tensor ${name}`, { where: path })
    groups.get(part)!.set(name.slice(part.length + 1), tensor)
  }
  const { network } = position.model
  const weights = checkParameters(network, groups.get('weights')!, path)
  const average = checkParameters(network, groups.get('average')!, path)
  adam.step = position.optimiserStep
  if (adam.step > 0) {
    const first = checkParameters(network, groups.get('first')!, path)
    const second = checkParameters(network, groups.get('second')!, path)
    for (const [name, { data }] of first) adam.moments.set(name, { first: data, second: second.get(name)!.data })
  }
  return { state: { weights, average, adam }, position, model: position.model }
}
