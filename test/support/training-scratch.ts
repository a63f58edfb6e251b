/** Folders for the training runs of one test file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { learningEngine } from './learning-engine.js'
import { scratchFolder } from './scratch.js'
import { config, data, type TestRun } from './training.js'

export const scratch = scratchFolder('training')
let folders = 0

/** Starts a run in a new folder, on an engine that learns without a network. */
export function options(fields: Partial<TestRun> = {}): TestRun {
  return {
    config: config(),
    data,
    out: join(scratch, `run-${folders++}`),
    createEngine: async (model, weights) => learningEngine(model.network, weights),
    clock: () => 0,
    ...fields,
  }
}

/** The bytes of a run's checkpoint. */
export const bytes = (folder: string) => readFileSync(join(folder, 'checkpoint.safetensors'))
