/** Draws the diffusion steps that a batch is trained on, and weights them in the loss. */
import { uniform } from '../../core/random.js'
import { batchIndices } from '../../core/random-streams.js'
import type { Prediction } from '../../diffusion/prediction.js'
import { type NoiseSchedule, scheduleFor } from '../../diffusion/schedule.js'
import type { TrainingConfig } from '../config.js'

/** Draws diffusion steps. Number i of a draw depends only on (seed, draw, i) and the size of the batch. */
export type DrawSteps = (seed: number, draw: number, count: number) => Float64Array

/**
 * Makes the function that draws steps as a config says. The steps of a batch are spread evenly over the range, with one
 * random offset, so that every batch has clean and noisy levels. Each step by itself is uniformly distributed.
 */
export function stepDrawer(config: TrainingConfig, schedule: NoiseSchedule): DrawSteps {
  const levels = schedule.alphaBar.length
  const { noiseLevels } = config
  const visited = noiseLevels.kind === 'focused' ? scheduleFor(config.model.diffusion).steps : new Float64Array()
  return (seed, draw, count) => {
    const offset = uniform(seed, draw, batchIndices.steps)
    return Float64Array.from({ length: count }, (_, i) => {
      const share = (offset + i / count) % 1
      switch (noiseLevels.kind) {
        case 'discrete':
          return Math.floor(share * levels)
        case 'own':
          return levels - 1
        case 'continuous':
          return share * (levels - 1)
        case 'focused': {
          if (uniform(seed, draw, batchIndices.steps + 3 * i + 1) >= noiseLevels.share) return share * (levels - 1)
          const level = visited[Math.floor(share * visited.length)]!
          const jitter = (2 * uniform(seed, draw, batchIndices.steps + 3 * i + 2) - 1) * noiseLevels.jitter
          return Math.min(levels - 1, Math.max(0, level + jitter))
        }
      }
    })
  }
}

/**
 * Computes the factor of the loss at a noise level. The weighting is defined for the error of x_0; the factor is for
 * the error of what the network predicts.
 */
export function levelWeight(weighting: TrainingConfig['weighting'], prediction: Prediction, alphaBar: number): number {
  if (weighting.kind === 'none') return 1
  const ratio = alphaBar / (1 - alphaBar)
  const wanted = weighting.kind === 'min-snr' ? Math.min(ratio, weighting.gamma) : Math.min(ratio + 1, weighting.most)
  return wanted / { epsilon: ratio, v: ratio + 1, x0: 1 }[prediction]
}
