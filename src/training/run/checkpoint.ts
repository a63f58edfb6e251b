/**
 * Checkpoints: weights, their average, the optimiser's moments and the progress, in one safetensors file that is
 * replaced as a whole (written beside, flushed, renamed, folder flushed). All randomness is keyed by the step, so there
 * is no other state. The metadata call the progress `position`, as they did when the format began.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { flushFolder, kindOfPath, readFileBytes, writeFileBytes } from '../../core/files.js'
import { check } from '../../core/options.js'
import type { Tensor } from '../../core/tensor.js'
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.js'
import { checkParameters } from '../../model/parameters.js'
import { trainedModelSchema } from '../config.js'
import type { Adam } from '../optimiser/adam.js'
import type { TrainingState } from '../optimiser/optimiser.js'

const progressSchema = z.strictObject({
  /** Updates made, including those skipped for want of a finite gradient. */
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
  /** The trainer's config as JSON, with which a resumed run's is compared. */
  config: z.string(),
  /** The model, with the constants that were measured on the recordings. */
  model: trainedModelSchema,
})

/** How far a run has come, and what it is a run of. */
export type TrainingProgress = Readonly<z.output<typeof progressSchema>>

const FILE = 'checkpoint.safetensors'
const parts = ['weights', 'average', 'first', 'second'] as const

/** @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`; the previous checkpoint stays intact */
export async function writeCheckpoint(folder: string, state: TrainingState, progress: TrainingProgress): Promise<void> {
  const tensors = new Map<string, Tensor>()
  for (const [name, tensor] of state.weights) tensors.set(`weights/${name}`, tensor)
  for (const [name, tensor] of state.average) tensors.set(`average/${name}`, tensor)
  for (const [name, { shape }] of state.weights) {
    const moments = state.adam.moments.get(name)
    if (moments === undefined) continue
    tensors.set(`first/${name}`, { shape, data: moments.first })
    tensors.set(`second/${name}`, { shape, data: moments.second })
  }
  const metadata = new Map([['position', JSON.stringify(progress)]])
  await writeFileBytes(join(folder, FILE), encodeSafetensors(tensors, metadata))
  await flushFolder(folder)
}

/**
 * Second moments lie below float16's range: small checkpoints of interop/pytorch hold 1,000 times their roots, and say
 * so by `narrow` in their metadata.
 */
function widenMoments(roots: Float32Array): void {
  for (let i = 0; i < roots.length; i++) roots[i] = (roots[i]! / 1000) ** 2
}

/** Whether a folder holds a checkpoint. */
export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await kindOfPath(join(folder, FILE))) === 'file'
}

/**
 * Reads a folder's checkpoint; the optimiser's state goes into `adam`.
 * @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_CHECKPOINT`, …
 */
export async function readCheckpoint(
  folder: string,
  adam: Adam,
): Promise<{ readonly state: TrainingState; readonly progress: TrainingProgress }> {
  const path = join(folder, FILE)
  const { tensors, metadata } = decodeSafetensors(await readFileBytes(path), path)
  let value: unknown
  try {
    value = JSON.parse(metadata.get('position') ?? '')
  } catch (error) {
    throw new DiffWaveError('BAD_CHECKPOINT', 'the checkpoint does not say how far its run had come', {
      where: path,
      cause: error,
    })
  }
  const progress = check(progressSchema, value, path, 'BAD_CHECKPOINT')
  const groups = new Map(parts.map(part => [part, new Map<string, Tensor>()]))
  for (const [name, tensor] of tensors) {
    const part = parts.find(candidate => name.startsWith(`${candidate}/`))
    if (part === undefined) throw new DiffWaveError('BAD_CHECKPOINT', `unexpected tensor ${name}`, { where: path })
    groups.get(part)!.set(name.slice(part.length + 1), tensor)
  }
  const { network } = progress.model
  if (metadata.has('narrow')) for (const { data } of groups.get('second')!.values()) widenMoments(data)
  const weights = checkParameters(network, groups.get('weights')!, path)
  const average = checkParameters(network, groups.get('average')!, path)
  adam.step = progress.optimiserStep
  if (adam.step > 0) {
    const first = checkParameters(network, groups.get('first')!, path)
    const second = checkParameters(network, groups.get('second')!, path)
    for (const [name, { data }] of first) adam.moments.set(name, { first: data, second: second.get(name)!.data })
  }
  return { state: { weights, average, adam }, progress }
}
