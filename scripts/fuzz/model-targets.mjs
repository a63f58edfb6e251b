// Fuzz targets that read checkpoints: those of this project, and those of other projects that are converted.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parameterSpecs } from '../../dist/model/parameters.js'
import { readModel } from '../../dist/model/read-model.js'
import { Adam } from '../../dist/training/optimiser/adam.js'
import { initialParameters } from '../../dist/training/optimiser/initialise.js'
import { writeCheckpoint } from '../../dist/training/run/checkpoint.js'
import { startOrResume } from '../../dist/training/run/start.js'
import { toyConfig } from '../toy-run.mjs'
import { golden, scratch, written } from './files.mjs'
import { mutateBytes, mutateHeader } from './mutations.mjs'

const config = toyConfig({ optimiser: { totalSteps: 10 } })
const report = { clips: 0, hours: 0, validationClips: 0, givenMels: 0, rates: new Map(), leftOut: [], notes: [] }
const data = { sampleRate: 8000, training: [], validation: [], report, fingerprint: 'fuzz' }
const run = join(scratch, 'run')
mkdirSync(run)

/** A checkpoint's bytes after one update, with every group of tensors. */
async function checkpoint() {
  const weights = initialParameters(config.model.network, 1)
  const adam = new Adam()
  adam.update(weights, new Map([...weights].map(([name, { data }]) => [name, data.map(() => 0.1)])), 1e-3)
  const progress = {
    step: 1,
    optimiserStep: 1,
    seconds: 1,
    samplesSeen: 256,
    best: null,
    data: data.fingerprint,
    config: JSON.stringify(config),
    model: config.model,
  }
  await writeCheckpoint(run, { weights, average: weights, adam }, progress)
  return new Uint8Array(readFileSync(join(run, 'checkpoint.safetensors')))
}

async function resume(bytes) {
  written('run/checkpoint.safetensors', bytes)
  const { state, progress } = await startOrResume({ config, data, out: run, resume: true })
  assert.ok(progress.step >= 0 && progress.optimiserStep >= 0)
  for (const { name, shape } of parameterSpecs(progress.model.network)) {
    const count = shape.reduce((product, size) => product * size, 1)
    for (const tensors of [state.weights, state.average]) assert.equal(tensors.get(name).data.length, count)
    if (progress.optimiserStep > 0) assert.equal(state.adam.moments.get(name).second.length, count)
  }
}

async function importModel(bytes) {
  const { config, parameters } = await readModel(written('weights.pt', bytes))
  for (const { name, shape } of parameterSpecs(config.network)) {
    const { data } = parameters.get(name)
    assert.equal(
      shape.reduce((product, size) => product * size, 1),
      data.length,
    )
    assert.ok(data.every(Number.isFinite), name)
  }
}

export const modelTargets = [
  { name: 'checkpoint', seeds: [await checkpoint()], mutate: mutateHeader(8, 8), parse: resume },
  {
    name: 'converted checkpoint',
    seeds: [golden('lmnt-unconditional-c8-l6/weights.pt'), golden('philsyn-c8-l4-zip/1000.pkl')],
    mutate: mutateBytes,
    parse: importModel,
  },
]
