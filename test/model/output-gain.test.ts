import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noiseSchedule } from '#src/diffusion/schedule'
import { noiseScheduleSchema } from '#src/model/diffusion-config'
import { outputGain } from '#src/model/output-gain'

test('the gain is the deviation of a cosine schedule’s noise, and 1 without a mask', () => {
  const steps = 1000
  const { alphaBar } = noiseSchedule(noiseScheduleSchema.parse({ kind: 'cosine', steps, offset: 0 }))
  for (let step = 0; step < steps; step++) {
    const deviation = Math.sqrt(1 - alphaBar[step]!)
    assert.ok(Math.abs(outputGain({ inputMask: { steps } }, step) - deviation) < 1e-3, `step ${step}`)
  }
  assert.equal(outputGain({ inputMask: { steps } }, 2 * steps), 1, 'no more than all noise')
  assert.equal(outputGain({ inputMask: null }, 3), 1)
})
