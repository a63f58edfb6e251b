/** The diffusion steps of training, and the weight of each level. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noiseSchedule } from '#src/diffusion/schedule'
import { levelWeight, stepDrawer } from '#src/training/objective/noise-levels'
import { config } from '../../support/training.js'

test('diffusion steps are reproducible, in range and evenly drawn', () => {
  const focused = config()
  const schedule = noiseSchedule(focused.model.diffusion.training)
  const draw = stepDrawer(focused, schedule)
  assert.deepEqual(draw(7, 3, 16), draw(7, 3, 16))
  const steps = Array.from({ length: 200 }, (_, i) => [...draw(7, i, 16)]).flat()
  assert.ok(steps.every(step => step >= 0 && step <= 49))
  const whole = stepDrawer(config({ noiseLevels: { kind: 'discrete' } }), schedule)
  const counts = new Array<number>(50).fill(0)
  for (let i = 0; i < 500; i++) for (const step of whole(1, i, 16)) counts[step]!++
  assert.ok(counts.every(count => Math.abs(count - 160) < 60))
})

test('the weights of levels follow the papers’ formulas', () => {
  assert.equal(levelWeight({ kind: 'min-snr', gamma: 5 }, 'epsilon', 0.5), 1)
  assert.ok(Math.abs(levelWeight({ kind: 'min-snr', gamma: 5 }, 'epsilon', 0.9) - 5 / 9) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'min-snr', gamma: 5 }, 'v', 0.9) - 0.5) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'min-snr', gamma: 5 }, 'x0', 0.9) - 5) < 1e-12)
  // The loss of v, whatever is predicted, up to ten times that of x_0.
  assert.ok(Math.abs(levelWeight({ kind: 'truncated-v', most: 10 }, 'v', 0.5) - 1) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'truncated-v', most: 10 }, 'x0', 0.5) - 2) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'truncated-v', most: 10 }, 'x0', 0.99) - 10) < 1e-12)
})
