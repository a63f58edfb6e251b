/** The mean loss and gradients over the batches of one update. */
import { DiffWaveError } from '../../core/errors.js'
import type { Engine } from '../../engines/engine.js'
import type { NoisedBatch } from '../objective/noised-batch.js'
import type { Objective } from '../objective/objective.js'
import type { Gradients } from '../optimiser/gradients.js'
import type { Optimiser } from '../optimiser/optimiser.js'

/** For each clip, the diffusion step that it was trained on, and its loss. */
export type LossByLevel = readonly (readonly [step: number, loss: number])[]

/** The means over the batches of one update. */
export interface MeanGradients {
  /** NaN if the engine found a loss that is not finite. */
  readonly loss: number
  readonly gradients: Gradients
  readonly byLevel: LossByLevel
}

/** Computes the mean loss and gradients over the batches of one update. */
export async function meanGradients(
  engine: Engine,
  objective: Objective,
  optimiser: Optimiser,
  batches: readonly NoisedBatch[],
): Promise<MeanGradients> {
  const byLevel: [number, number][] = []
  let total: Map<string, Float32Array> | null = null
  let sum = 0
  for (const batch of batches) {
    try {
      const { loss, clipLosses, gradients } = await objective.differentiate(engine, batch)
      sum += loss
      clipLosses.forEach((clipLoss, i) => {
        byLevel.push([Number(batch.steps[i]!.toFixed(2)), Number(clipLoss.toPrecision(4))])
      })
      if (total === null) total = new Map(gradients)
      else await optimiser.add(total, gradients)
    } catch (error) {
      if (!(error instanceof DiffWaveError) || error.code !== 'NOT_FINITE') throw error
      sum = Number.NaN
    }
  }
  const gradients = total ?? new Map<string, Float32Array>()
  await optimiser.scale(gradients, 1 / batches.length)
  return { loss: sum / batches.length, gradients, byLevel }
}
