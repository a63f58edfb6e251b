import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { diffuse } from '#src/diffusion/forward'
import { drawOfPass } from '#src/diffusion/noise'
import { predictionTarget } from '#src/diffusion/prediction'
import { createSampler, samplerOver } from '#src/diffusion/samplers/create'
import { resampled } from '#src/diffusion/samplers/resampled'
import { scheduleFromAlphaBars } from '#src/diffusion/schedule'
import { reverseStep } from '#src/diffusion/step'
import { diffusionSchema } from '#src/model/diffusion-config'
import { smallGeneratorConfig } from '../support/configs.js'

const { diffusion } = smallGeneratorConfig()
const sampler = createSampler(diffusion, { steps: 5, sampler: 'ddim' })
const clean = gaussian(1, 0, 0, 200)
const noise = gaussian(1, 1, 0, 200)
const close = (a: Float32Array, b: Float32Array) => a.every((x, i) => Math.abs(x - b[i]!) < 1e-4)

describe('a reverse step', () => {
  for (const prediction of ['epsilon', 'v', 'x0'] as const) {
    test(`finds the clean data, and the next noise level, from ${prediction}`, () => {
      const [here, next] = [sampler.alphaBars[1]!, sampler.alphaBars[2]!]
      const x = diffuse(clean, noise, here)
      const output = predictionTarget(prediction, clean, noise, here)
      const step = reverseStep({ sampler, prediction }, 1, { x, carried: null }, output, null)
      assert.ok(close(step.clean(), clean))
      assert.ok(close(step.state.x, diffuse(clean, noise, next)))
    })
  }

  test('goes on with constrained clean data', () => {
    const [here, next] = [sampler.alphaBars[1]!, sampler.alphaBars[2]!]
    const x = diffuse(clean, noise, here)
    const known = gaussian(2, 0, 0, 200)
    const step = reverseStep({ sampler, prediction: 'epsilon' }, 1, { x, carried: null }, noise, null, () => known)
    assert.ok(close(step.clean(), known))
    const left = x.map((value, i) => (value - Math.sqrt(here) * known[i]!) / Math.sqrt(1 - here))
    assert.ok(close(step.state.x, diffuse(known, left, next)))
  })

  test('of almost pure noise keeps the clean data of x0, constrained and in rounds, too', () => {
    const nearNoise = diffusionSchema.parse({
      training: { kind: 'explicit', betas: [1e-4, 0.5, 1 - 1e-10] },
      prediction: 'x0',
    })
    const one = samplerOver(
      { ...scheduleFromAlphaBars([1e-10]), steps: Float64Array.of(2) },
      { ...nearNoise, defaultSampler: 'ddim' },
      {},
    )
    const x = diffuse(clean, noise, 1e-10)
    for (const sampler of [one, resampled(one, 2)]) {
      const last = sampler.steps.length - 1
      for (const constrain of [undefined, (data: Float32Array) => data]) {
        const step = reverseStep({ sampler, prediction: 'x0' }, last, { x, carried: null }, clean, null, constrain)
        assert.ok(close(step.clean(), clean))
        assert.ok(close(step.state.x, clean))
      }
    }
  })
})

describe('the draws of a process', () => {
  test('count the levels that add noise, from the noisiest; draw 0 is x_T', () => {
    const ancestral = createSampler(diffusion, { steps: 4, sampler: 'ddpm' })
    assert.deepEqual(
      ancestral.steps.map((_, pass) => drawOfPass(ancestral, pass)),
      [3, 2, 1, null],
    )
    assert.ok(sampler.steps.every((_, pass) => drawOfPass(sampler, pass) === null))
  })
})
