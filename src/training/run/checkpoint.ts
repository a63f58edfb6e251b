/**
 * Reads and writes checkpoints. A checkpoint is one safetensors file with the weights, their average, the optimiser's
 * moments and the progress. It is replaced as a whole: a temporary file is written, flushed and renamed, and the folder
 * is flushed. All random numbers are derived from the step, so there is no other state. In the file's metadata, the
 * progress is still called `position`, as in the first version of the format.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { flushFolder } from '../../core/make-folder.js'
import { check } from '../../core/options.js'
import { kindOfPath } from '../../core/path-kind.js'
import { readFileBytes, readFileRange } from '../../core/read-file.js'
import type { Tensor } from '../../core/tensor.js'
import { writeFileBytes } from '../../core/write-file.js'
import { checkpointPath } from '../../formats/run-folder.js'
import {
  decodeSafetensors,
  decodeSafetensorsHeader,
  encodeSafetensors,
  safetensorsHeaderEnd,
} from '../../formats/safetensors.js'
import { checkParameters } from '../../model/parameters.js'
import { trainedModelSchema } from '../config.js'
import type { Adam } from '../optimiser/adam.js'
import type { TrainingState } from '../optimiser/optimiser.js'

const progressSchema = z.strictObject({
  /** Number of updates made, including updates that were skipped because their gradient was not finite. */
  step: z.number().int().min(0),
  /** Number of updates that the optimiser made. */
  optimiserStep: z.number().int().min(0),
  /** Training time in seconds. */
  seconds: z.number().min(0),
  samplesSeen: z.number().min(0),
  /** Lowest validation loss so far. */
  best: z.number().nullable(),
  /** `Dataset.fingerprint`. */
  data: z.string(),
  /** The trainer's config as JSON. The config of a resumed run is compared with it. */
  config: z.string(),
  /** The model, with the constants that were measured on the recordings. */
  model: trainedModelSchema,
  /** Running mean of the second stage of interop/pytorch, which this trainer keeps as it is. */
  discriminatorLoss: z.number().optional(),
})

/** How far a run has come, and the model, data and config that it belongs to. */
export type TrainingProgress = Readonly<z.output<typeof progressSchema>>

const parts = ['weights', 'average', 'first', 'second'] as const

/**
 * Writes a checkpoint into a folder. If that fails, the previous checkpoint stays intact.
 *
 * @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`
 */
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
  await writeFileBytes(checkpointPath(folder), encodeSafetensors(tensors, metadata))
  await flushFolder(folder)
}

/**
 * Restores second moments of a small checkpoint of interop/pytorch. Second moments lie below the range of float16, so
 * such a checkpoint contains 1,000 times their square roots. `narrow` in its metadata marks it.
 */
function widenMoments(roots: Float32Array): void {
  for (let i = 0; i < roots.length; i++) roots[i] = (roots[i]! / 1000) ** 2
}

/** Whether a run's folder holds a checkpoint. @throws DiffWaveError `NOT_WRITABLE` */
export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await kindOfPath(checkpointPath(folder), 'write')) === 'file'
}

/** Enough for the header of most checkpoints. */
const USUAL_HEADER_BYTES = 2 ** 16

/**
 * Reads how far the run of a folder's checkpoint has come, from the file's header alone. That the file is as long as
 * its header says is checked, too.
 *
 * @throws DiffWaveError as `readCheckpoint`
 */
export async function readProgress(folder: string): Promise<TrainingProgress> {
  const path = checkpointPath(folder)
  let start = await readFileRange(path, { start: 0, end: USUAL_HEADER_BYTES })
  const end = safetensorsHeaderEnd(start.bytes, path)
  if (end > start.bytes.length) start = await readFileRange(path, { start: 0, end })
  return progressIn(decodeSafetensorsHeader(start.bytes, start.size, path).metadata, path)
}

function progressIn(metadata: ReadonlyMap<string, string>, path: string): TrainingProgress {
  let value: unknown
  try {
    value = JSON.parse(metadata.get('position') ?? '')
  } catch (error) {
    throw new DiffWaveError('BAD_CHECKPOINT', 'the checkpoint does not say how far its run has got', {
      where: path,
      cause: error,
    })
  }
  return check(progressSchema, value, path, 'BAD_CHECKPOINT')
}

/**
 * Reads the checkpoint of a folder, and puts the optimiser's state into `adam`.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `BAD_CHECKPOINT`, …
 */
export async function readCheckpoint(
  folder: string,
  adam: Adam,
): Promise<{ readonly state: TrainingState; readonly progress: TrainingProgress }> {
  const path = checkpointPath(folder)
  const { tensors, metadata } = decodeSafetensors(await readFileBytes(path), path)
  const progress = progressIn(metadata, path)
  const groups = new Map(parts.map(part => [part, new Map<string, Tensor>()]))
  for (const [name, tensor] of tensors) {
    const part = parts.find(candidate => name.startsWith(`${candidate}/`))
    if (part === undefined) {
      throw new DiffWaveError('BAD_CHECKPOINT', 'the checkpoint has an unknown tensor', {
        expected: `a name that begins with ${parts.map(own => `${own}/`).join(', ')}`,
        got: name,
        where: path,
      })
    }
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
