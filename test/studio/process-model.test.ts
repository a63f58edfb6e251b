/** The process view runs on every change, and not just because it is opened again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Stage } from '#studio/audio/stage'
import { ProcessModel } from '#studio/views/process/process-model'
import { fakeBackend, sine, studioModel } from '../support/studio.js'

test('the process view runs after a change, and not when it is opened again', async () => {
  const seeds: (number | undefined)[] = []
  const backend = fakeBackend({
    schedules: async () => ({
      training: { kind: 'linear', alphaBars: [0.9] },
      sampling: { steps: [0], alphaBars: [0.9] },
    }),
    async process({ seed }) {
      seeds.push(seed)
      return { start: sine(200, 0.1), result: sine(200, 0.1), seed: seed ?? 0 }
    },
  })
  const model = new ProcessModel(backend, new Stage(), () => 0.5)
  const settled = () => setTimeout(600)
  const models = [studioModel('music')]
  const leave = model.begin(models)
  await settled()
  assert.deepEqual(seeds, [1])
  leave()
  const leaveAgain = model.begin(models)
  await settled()
  assert.deepEqual(seeds, [1])
  model.choice.drawSeed()
  await settled()
  assert.deepEqual(seeds, [1, 5000])
  model.runAgain()
  await settled()
  assert.deepEqual(seeds, [1, 5000, 5000])
  leaveAgain()
})
