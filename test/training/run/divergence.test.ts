/** Training runs with gradients that are not finite. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiffWaveError } from '#src/core/errors'
import { code } from '../../support/errors.js'
import { learningEngine } from '../../support/learning-engine.js'
import { config, train } from '../../support/training.js'
import { bytes, options } from '../../support/training-scratch.js'

test('a run skips gradients that are not finite, and ends if there are too many', async () => {
  const spoilt = (spoil: (call: number) => boolean) =>
    options({ maxSteps: 12, createEngine: async (model, weights) => learningEngine(model.network, weights, { spoil }) })
  const once = spoilt(call => call === 5)
  const { step } = await train(once)
  assert.equal(step, 12)
  const never = spoilt(call => call > 0)
  await assert.rejects(train(never), code('DIVERGED'))
  assert.ok(!existsSync(join(never.out, 'checkpoint.safetensors')) && !existsSync(join(never.out, 'model')))
})

test('a validation loss that is not finite gives no best model, and the run continues', async () => {
  let previews = 0
  const preview = async () => {
    previews++
    return []
  }
  const run = options({
    maxSteps: 5,
    events: { now: () => 0, preview },
    createEngine: async (model, weights) => ({
      ...learningEngine(model.network, weights),
      predict: () => Promise.reject(new DiffWaveError('NOT_FINITE', 'an output is not finite')),
    }),
  })
  assert.deepEqual(await train(run).then(({ step, bestValidation }) => [step, bestValidation]), [5, null])
  assert.equal(previews, 0)
  assert.ok(!existsSync(join(run.out, 'best')))
  assert.match(readFileSync(join(run.out, 'metrics.jsonl'), 'utf8'), /"validationLoss":null/)
})

test('a preview that is not finite is left out, and the run continues', async () => {
  const preview = () => Promise.reject(new DiffWaveError('NOT_FINITE', 'a sample is not finite'))
  const run = options({ maxSteps: 5, events: { now: () => 0, preview } })
  assert.equal((await train(run)).step, 5)
  const broken = () => Promise.reject(new DiffWaveError('ENGINE_FAILED', 'the engine ended'))
  await assert.rejects(
    train(options({ maxSteps: 5, events: { now: () => 0, preview: broken } })),
    code('ENGINE_FAILED'),
  )
})

test('rolls back weights and moments that an update has made infinite', async () => {
  // ε is next to nothing, so a gradient whose square is 0 in float32 makes an infinite step; that of 1e30 is infinite.
  const settings = config({
    optimiser: { learningRate: 1e-2, totalSteps: 40, epsilon: 1e-300, clipNorm: null },
    every: { checkpoint: 3 },
  })
  const cases = [
    [1e-30, /the weights are not finite after an update: rolled back to the checkpoint of step 3 \(step 4\)$/],
    [1e30, /the optimiser’s moments are not finite: rolled back to the checkpoint of step 3 \(step 6\)$/],
  ] as const
  for (const [size, message] of cases) {
    let calls = 0
    const run = options({
      config: settings,
      createEngine: async (model, weights) => {
        const engine = learningEngine(model.network, weights)
        return {
          ...engine,
          async lossGradients(request) {
            const found = await engine.lossGradients(request)
            // Each update takes two calls: from the fifth on, updates are spoilt.
            const value = ++calls <= 8 ? 0 : size
            for (const gradient of found.gradients.values()) gradient.fill(value)
            return found
          },
        }
      },
    })
    await assert.rejects(train(run), code('DIVERGED', message))
    assert.equal(
      (await train({ ...run, ...options({ out: run.out }), config: settings, maxSteps: 4, resume: true })).step,
      4,
    )
  }
})

test('a run that diverges is rolled back to its last good checkpoint', async () => {
  const until3 = options({ maxSteps: 3 })
  await train(until3)
  // Updates 5 to 9 have no finite gradient; the checkpoint due at step 6, amid them, is not written.
  const diverging = options({
    createEngine: async (model, weights) => learningEngine(model.network, weights, { spoil: call => call > 8 }),
  })
  await assert.rejects(train(diverging), error => {
    assert.ok(code('DIVERGED')(error))
    assert.match((error as Error).message, /rolled back to the checkpoint of step 3 \(step 8\)$/)
    return true
  })
  assert.deepEqual(bytes(diverging.out), bytes(until3.out))
  const model = (folder: string, file: string) => readFileSync(join(folder, 'model', file))
  for (const file of ['config.json', 'weights.safetensors']) {
    assert.deepEqual(model(diverging.out, file), model(until3.out, file))
  }
  assert.equal((await train({ ...diverging, maxSteps: 6, resume: true })).step, 6)
})
