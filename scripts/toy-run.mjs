// The smallest training run there is, for the scripts that damage runs.
import { checkTrainingConfig } from '../dist/training/config.js'

/** A checked config. @param settings further fields of a train.json */
export function toyConfig(settings) {
  return checkTrainingConfig(
    {
      model: {
        kind: 'generator',
        sampleRate: 8000,
        // The step's embedding is as small as the rest, or it alone makes a checkpoint of 5 MB.
        network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4, stepEmbedding: { size: 8, hidden: 8 } },
        diffusion: { training: { kind: 'cosine', steps: 10 } },
      },
      data: { cropSamples: 256, batch: 1 },
      ...settings,
    },
    'toy run',
  )
}
