/** A small training run: its config, its recordings, and a function that runs it to its end. */
import { gaussian } from '#src/core/random'
import { checkTrainingConfig, type TrainingConfig } from '#src/training/config'
import type { Dataset } from '#src/training/data/dataset'
import { type TrainingRunOptions, trainingSteps } from '#src/training/run/training-run'
import type { TrainingStep, TrainingSummary } from '#src/training/run/training-step'
import { smallStepEmbedding } from './configs.js'

/** Makes the config of a vocoder of 4 channels. */
export function config(fields: Record<string, unknown> = {}): TrainingConfig {
  return checkTrainingConfig(
    {
      model: {
        kind: 'vocoder',
        sampleRate: 22050,
        network: {
          stepEmbedding: smallStepEmbedding,
          channels: 4,
          layers: 2,
          dilationCycle: 2,
          patch: 4,
          mel: { kind: 'frame-rate', bands: 80, hop: 256, encoder: [4] },
        },
        mel: 'tacotron2',
        diffusion: { training: { kind: 'linear', steps: 50, betaStart: 1e-3, betaEnd: 0.3 }, defaultSteps: 6 },
      },
      data: { cropSamples: 1024, batch: 2, accumulation: 2, gain: [-6, 0] },
      optimiser: { learningRate: 1e-2, warmupSteps: 3, totalSteps: 40 },
      noiseLevels: { kind: 'focused' },
      prior: { kind: 'mel-energy' },
      every: { log: 1, validation: 4, checkpoint: 3 },
      seed: 5,
      ...fields,
    },
    'test',
  )
}

/** Makes a clip of noise. */
export const clip = (seed: number, length = 6000) => ({
  name: `${seed}.wav`,
  samples: Int16Array.from(gaussian(seed, 0, 0, length), x => x * 3000),
  label: '',
})
/** Three training clips and one validation clip. */
export const data: Dataset = {
  sampleRate: 22050,
  training: [clip(1), clip(2, 3000), clip(3, 9000)],
  validation: [clip(4)],
  report: { clips: 4, hours: 0, validationClips: 1, givenMels: 0, rates: new Map(), leftOut: [], notes: [] },
  fingerprint: 'data',
}

export type TestRun = TrainingRunOptions & { readonly onStep?: (step: TrainingStep) => void }

/** Trains until the run ends. */
export async function train({ onStep, ...options }: TestRun): Promise<TrainingSummary> {
  const run = trainingSteps(options)
  for (;;) {
    const next = await run.next()
    if (next.done) return next.value
    onStep?.(next.value)
  }
}
