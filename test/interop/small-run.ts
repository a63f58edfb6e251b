/** A small run for the tests of the PyTorch trainer: its config and its recordings. */
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import type { scratch } from '../support/process.js'
import { smallVocoder } from './small-vocoder.js'

type Scratch = ReturnType<typeof scratch>

export const smallConfig = {
  model: smallVocoder,
  data: { cropSamples: 4096, batch: 2, gain: [-6, 0], validationShare: 0 },
  optimiser: { learningRate: 1e-3, totalSteps: 100 },
  loss: 'time-frequency',
  spectral: { weight: 0.02, windows: [512] },
  noiseLevels: { kind: 'continuous' },
  every: { log: 1, validation: 100, checkpoint: 2 },
  seed: 1,
}

export type Config = typeof smallConfig

/** Writes a config with changes as a file, and returns its path. */
export function putConfig(folder: Scratch, name: string, changes: (config: Config) => void = () => undefined): string {
  const copy = structuredClone(smallConfig)
  changes(copy)
  return folder.put(name, JSON.stringify(copy))
}

/** Changes a config to training on own steps from recorded pulses. */
export function onOwnSteps(config: Config): void {
  Object.assign(config.model.diffusion, { prior: { kind: 'front-end', harmonics: { phase: 'minimum' } } })
  Object.assign(config, { noiseLevels: { kind: 'own', steps: 2 }, pulses: 'recorded' })
}

/** Writes three recordings into `data/`. */
export function putRecordings(folder: Scratch, samples: number): void {
  for (let i = 0; i < 3; i++) {
    const audio = gaussian(1, i, 0, samples).map((x, n) => 0.2 * Math.sin(n / 9) * Math.cos(n / 900) + 0.01 * x)
    folder.put(`data/${i}.wav`, encodeWav({ samples: audio, sampleRate: 22050 }))
  }
}
