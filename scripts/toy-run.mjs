// A minimal training run, for the scripts that damage runs.
import { checkTrainingConfig } from '../dist/training/config.js'

/** Makes a checked config. @param settings further fields of a train.json */
export function toyConfig(settings) {
  return checkTrainingConfig(
    {
      model: {
        kind: 'generator',
        sampleRate: 8000,
        // The step embedding must be small, too. With the default size it takes 5 MB of a checkpoint.
        network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4, stepEmbedding: { size: 8, hidden: 8 } },
        diffusion: { training: { kind: 'cosine', steps: 10 } },
      },
      data: { cropSamples: 256, batch: 1 },
      ...settings,
    },
    'toy run',
  )
}
