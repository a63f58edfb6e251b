/**
 * A slow trainer that tests kill: `node train-slowly.js <out> [milliseconds per call]`, with the checked config as JSON
 * on stdin. Prints a line with each call of the engine.
 */
import { readFileSync, writeSync } from 'node:fs'
import { checkTrainingConfig } from '#src/training/config'
import { learningEngine } from './learning-engine.js'
import { data, train } from './training.js'

const pause = Number(process.argv[3] ?? 15)

await train({
  config: checkTrainingConfig(JSON.parse(readFileSync(0, 'utf8')), 'stdin'),
  data,
  out: process.argv[2]!,
  resume: true,
  maxSteps: 20,
  clock: () => 0,
  createEngine: async (model, weights) =>
    learningEngine(model.network, weights, {
      onCall: () => {
        writeSync(1, 'call\n')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause)
      },
    }),
})
