/**
 * A trainer to be killed: `node train-slowly.js <out>`, its checked config as JSON on stdin. The data is that of
 * training.test.ts.
 */
import { readFileSync } from 'node:fs'
import { gaussian } from '#src/core/random'
import { checkTrainingConfig } from '#src/training/config'
import { train } from '#src/training/trainer'
import { learningEngine } from './learning-engine.js'

const clip = (seed: number, length = 6000) => ({
  name: `${seed}.wav`,
  samples: Int16Array.from(gaussian(seed, 0, 0, length), x => x * 3000),
  label: '',
})

await train({
  config: checkTrainingConfig(JSON.parse(readFileSync(0, 'utf8')), 'stdin'),
  data: {
    sampleRate: 22050,
    training: [clip(1), clip(2, 3000), clip(3, 9000)],
    validation: [clip(4)],
    report: { clips: 4, hours: 0, validationClips: 1, givenMels: 0, rates: new Map(), leftOut: [], notes: [] },
    fingerprint: 'data',
  },
  out: process.argv[2]!,
  resume: true,
  maxSteps: 20,
  clock: () => 0,
  createEngine: async (model, weights) =>
    learningEngine(model.network, weights, {
      onCall: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15),
    }),
})
