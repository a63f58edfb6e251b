/** Computes the validation loss at several noise levels, with the same crops and the same noise every time. */
import { DiffWaveError } from '../core/errors.js'
import { gaussian } from '../core/random.js'
import { draws } from '../core/random-streams.js'
import type { Engine } from '../engines/engine.js'
import { audioHop, type ModelConfig } from '../model/config.js'
import type { BatchMaker } from './data/batch.js'
import type { Clip } from './data/dataset.js'
import type { NoisedBatch } from './objective/noised-batch.js'
import type { Objective } from './objective/objective.js'

/** Number of crops. */
const CROPS = 8
/** Number of noise levels for each crop. */
const LEVELS = 6

export interface Validation {
  /** NaN if one of the losses is not finite. */
  readonly loss: number
  /** Losses at steps that are spread evenly over the training schedule, starting with the cleanest. */
  readonly byLevel: readonly number[]
}

export interface ValidationOptions {
  /** The engine with the weights to validate. */
  readonly engine: Engine
  readonly maker: BatchMaker
  readonly objective: Objective
  readonly model: ModelConfig
  /** Length of a crop in samples. */
  readonly cropSamples: number
  /** Clips of the validation set, at least one. */
  readonly clips: readonly Clip[]
}

/** Computes the validation loss. */
export async function validate({
  engine,
  maker,
  objective,
  model,
  cropSamples,
  clips,
}: ValidationOptions): Promise<Validation> {
  const hop = audioHop(model)
  const stride = Math.max(1, Math.floor(clips.length / CROPS))
  const crops = clips
    .filter((_, i) => i % stride === 0)
    .slice(0, CROPS)
    .map(clip => {
      const middle = Math.max(0, Math.floor((clip.samples.length - cropSamples) / 2 / hop) * hop)
      return maker.cropper.crop(clip, middle, cropSamples)
    })
  const byLevel: number[] = []
  for (let level = 0; level < LEVELS; level++) {
    const step = ((level + 0.5) / LEVELS) * (maker.schedule.alphaBar.length - 1)
    const noise = crops.map((_, i) => gaussian(0, draws.validation + level, i * cropSamples, cropSamples))
    const request = maker.noised(crops, new Float64Array(crops.length).fill(step), noise)
    byLevel.push(await meanLoss(engine, objective, request))
  }
  return { loss: byLevel.reduce((a, b) => a + b, 0) / LEVELS, byLevel }
}

/** NaN if the network's output is not finite: an update that goes wrong is for the run to judge. */
async function meanLoss(engine: Engine, objective: Objective, batch: NoisedBatch): Promise<number> {
  try {
    const clipLosses = await objective.losses(engine, batch)
    return clipLosses.reduce((sum, loss) => sum + loss, 0) / clipLosses.length
  } catch (error) {
    if (error instanceof DiffWaveError && error.code === 'NOT_FINITE') return Number.NaN
    throw error
  }
}
