/** A training run has its folder to itself, and leaves it in order. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bestModelPath, lastModelPath, recordingCachePath } from '#src/formats/run-folder'
import { readProgress } from '#src/training/run/checkpoint'
import { trainingSteps } from '#src/training/run/training-run'
import { code } from '../../support/errors.js'
import { learningEngine } from '../../support/learning-engine.js'
import { config, train } from '../../support/training.js'
import { options } from '../../support/training-scratch.js'

test('a run whose folder another one has taken over writes nothing more', async () => {
  for (const { diverges = false, ...every } of [
    { log: 1, validation: 100, checkpoint: 100 },
    { log: 100, validation: 3, checkpoint: 100 },
    { log: 100, validation: 100, checkpoint: 3 },
    { log: 100, validation: 100, checkpoint: 4, diverges: true },
  ]) {
    // Each update has two batches, so the first four are good.
    const spoil = (call: number) => diverges && call > 8
    const run = options({
      createEngine: async (model, weights) => learningEngine(model.network, weights, { spoil }),
    })
    const files = () =>
      readdirSync(run.out, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'base64')])
    let before: unknown
    const onStep = ({ step }: { readonly step: number }) => {
      if (step !== 4) return
      writeFileSync(join(run.out, 'lock.json'), JSON.stringify({ pid: process.ppid, started: null, token: 'other' }))
      before = files()
    }
    await assert.rejects(train({ ...run, config: { ...run.config, every }, onStep }), code('LOCKED'))
    assert.deepEqual(files(), before, JSON.stringify(every))
  }
})

test('a run removes the temporary files that others have left, wherever they ran', async () => {
  const { out, ...run } = options({ maxSteps: 1 })
  const folders = [out, lastModelPath(out), bestModelPath(out), recordingCachePath(out)]
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true })
    // Of a process in another container.
    writeFileSync(join(folder, 'left.7-1-00000000.1.0123456789ab.tmp'), '')
  }
  await train({ ...run, out })
  for (const folder of folders)
    assert.deepEqual(
      readdirSync(folder).filter(name => name.endsWith('.tmp')),
      [],
    )
})

test('a run whose steps are no longer asked for ends with a checkpoint', async () => {
  const run = options()
  for await (const { step } of trainingSteps(run)) if (step === 5) break
  assert.equal((await readProgress(run.out)).step, 5)
})

test('a run keeps the model with the lowest validation loss', async () => {
  const outputs = [1, 0, 2]
  let step = 0
  let best: Buffer | undefined
  const run = options({
    config: config({ every: { log: 1, validation: 1, checkpoint: 100 } }),
    maxSteps: 3,
    createEngine: async (model, weights) => ({
      ...learningEngine(model.network, weights),
      predict: async ({ audio }) => audio.map(clip => clip.map(() => outputs[step]!)),
    }),
  })
  const weights = () => readFileSync(join(bestModelPath(run.out), 'weights.safetensors'))
  const losses: (number | null)[] = []
  const onStep = ({ validationLoss }: { readonly validationLoss: number | null }) => {
    losses.push(validationLoss)
    if (++step === 2) best = weights()
  }
  const { bestValidation } = await train({ ...run, onStep })
  assert.equal(bestValidation, losses[1])
  assert.deepEqual(weights(), best)
})

test('a run ends after the hours that it was given', async () => {
  let seconds = 0
  const onStep = ({ step }: { readonly step: number }) => {
    seconds = 1800 * step
  }
  const { step, stoppedBy } = await train({ ...options({ maxHours: 1, clock: () => seconds }), onStep })
  assert.deepEqual([step, stoppedBy], [2, 'max-hours'])
})
