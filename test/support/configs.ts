/** Small model configs for tests. */
import { type ModelConfig, type ModelConfigInput, modelConfigSchema } from '#src/model/config'

/** The default schedules of lmnt. */
export const lmntDiffusion = {
  training: { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 },
  sampling: { '6': [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5] },
  defaultSteps: 6,
} as const satisfies ModelConfigInput['diffusion']

/**
 * The step embedding of a small network. The default one has 330,000 weights: most of a small network's, and most of
 * the time that it takes.
 */
export const smallStepEmbedding = { size: 8, hidden: 8 }

/** Makes the config of a vocoder of the lmnt convention with few layers. */
export function smallVocoderConfig(fields: Partial<ModelConfigInput> = {}): ModelConfig {
  return modelConfigSchema.parse({
    format: 'diffwave',
    version: 1,
    kind: 'vocoder',
    sampleRate: 22050,
    network: {
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 4,
      dilationCycle: 3,
      mel: { kind: 'transposed', bands: 80, strides: [16, 16] },
    },
    mel: 'lmnt',
    diffusion: lmntDiffusion,
    ...fields,
  })
}

/** Makes the config of a generator of two labels with patches of four samples. */
export function smallGeneratorConfig(fields: Partial<ModelConfigInput> = {}): ModelConfig {
  return modelConfigSchema.parse({
    format: 'diffwave',
    version: 1,
    kind: 'generator',
    sampleRate: 8000,
    clipSeconds: 0.25,
    network: {
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 4,
      dilationCycle: 3,
      patch: 4,
      labels: ['kick', 'snare'],
    },
    diffusion: { training: { kind: 'cosine', steps: 100 }, defaultSteps: 4 },
    ...fields,
  })
}
