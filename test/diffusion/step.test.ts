import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { diffuse } from '#src/diffusion/forward'
import { drawOfPass } from '#src/diffusion/noise'
import { predictionTarget } from '#src/diffusion/prediction'
import { createSampler, samplerOver } from '#src/diffusion/samplers/create'
import { resampled } from '#src/diffusion/samplers/resampled'
import type { PassState } from '#src/diffusion/samplers/sampler'
import { scheduleFromAlphaBars } from '#src/diffusion/schedule'
import { reverseStep } from '#src/diffusion/step'
import { diffusionSchema } from '#src/model/diffusion-config'
import { smallGeneratorConfig } from '../support/configs.js'
import { relativeError } from '../support/numbers.js'

const { diffusion } = smallGeneratorConfig()
const sampler = createSampler(diffusion, { steps: 5, sampler: 'ddim' })
const clean = gaussian(1, 0, 0, 200)
const noise = gaussian(1, 1, 0, 200)
const close = (a: Float32Array, b: Float32Array) => a.every((x, i) => Math.abs(x - b[i]!) < 1e-4)

describe('a reverse step', () => {
  for (const prediction of ['epsilon', 'v', 'x0'] as const) {
    test(`finds the clean data and the next state from ${prediction}`, () => {
      const [here, next] = [sampler.alphaBars[1]!, sampler.alphaBars[2]!]
      const x = diffuse(clean, noise, here)
      const output = predictionTarget(prediction, clean, noise, here)
      const step = reverseStep({ sampler, prediction }, { pass: 1, state: { x, carried: null }, output, noise: null })
      assert.ok(close(step.clean(), clean))
      assert.ok(close(step.state.x, diffuse(clean, noise, next)))
    })
  }

  test('continues from constrained clean data', () => {
    const [here, next] = [sampler.alphaBars[1]!, sampler.alphaBars[2]!]
    const x = diffuse(clean, noise, here)
    const known = gaussian(2, 0, 0, 200)
    const constrain = (predicted: Float32Array) => {
      assert.ok(close(predicted, clean))
      return known
    }
    const step = reverseStep(
      { sampler, prediction: 'epsilon' },
      { pass: 1, state: { x, carried: null }, output: noise, noise: null, constrain },
    )
    assert.ok(close(step.clean(), known))
    const left = x.map((value, i) => (value - Math.sqrt(here) * known[i]!) / Math.sqrt(1 - here))
    assert.ok(close(step.state.x, diffuse(known, left, next)))
  })

  test('from almost pure noise keeps the predicted x_0, also constrained or resampled', () => {
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
        const step = reverseStep(
          { sampler, prediction: 'x0' },
          { pass: last, state: { x, carried: null }, output: clean, noise: null, constrain },
        )
        assert.ok(close(step.clean(), clean))
        assert.ok(close(step.state.x, clean))
      }
      const known = gaussian(2, 0, 0, 200)
      const step = reverseStep(
        { sampler, prediction: 'x0' },
        { pass: last, state: { x, carried: null }, output: clean, noise: null, constrain: () => known },
      )
      assert.ok(close(step.clean(), known))
      assert.ok(close(step.state.x, known))
    }
  })
})

describe('a step from x0 in float32 agrees with double precision, even in near noise', () => {
  const count = 200
  const alphaBars = [0.9, 0.5, 0.14, 6e-8]
  const schedule = { ...scheduleFromAlphaBars(alphaBars), steps: Float64Array.of(0, 1, 2, 3) }
  const outputs = alphaBars.map((_, pass) => gaussian(3, pass, 0, count))
  const draws = alphaBars.map((_, pass) => gaussian(4, pass, 0, count))

  type Update = (x: number, clean: number, before: number, level: number, z: number) => number
  const below = (level: number) => (level === 0 ? 1 : alphaBars[level - 1]!)
  const lambda = (alphaBar: number) => Math.log(Math.sqrt(alphaBar) / Math.sqrt(1 - alphaBar))
  const formulas: Record<'ddpm' | 'dpm-solver++', Update> = {
    ddpm(x, clean, _before, level, z) {
      const [here, next] = [alphaBars[level]!, below(level)]
      const alpha = here / next
      const beta = 1 - alpha
      const eps = (x - Math.sqrt(here) * clean) / Math.sqrt(1 - here)
      const mean = (x - (beta / Math.sqrt(1 - here)) * eps) / Math.sqrt(alpha)
      return level === 0 ? mean : mean + Math.sqrt(((1 - next) / (1 - here)) * beta) * z
    },
    'dpm-solver++'(x, clean, before, level) {
      if (level === 0) return clean
      const [here, next] = [alphaBars[level]!, below(level)]
      const h = lambda(next) - lambda(here)
      const isFirst = level === alphaBars.length - 1
      const ratio = isFirst ? Number.POSITIVE_INFINITY : (lambda(here) - lambda(alphaBars[level + 1]!)) / h
      const data = (1 + 1 / (2 * ratio)) * clean - (1 / (2 * ratio)) * before
      return (Math.sqrt(1 - next) / Math.sqrt(1 - here)) * x - Math.sqrt(next) * (Math.exp(-h) - 1) * data
    },
  }

  for (const name of ['ddpm', 'dpm-solver++'] as const) {
    test(`with ${name}`, () => {
      const sampler = samplerOver(schedule, { ...diffusion, clamp: false, defaultSampler: name }, {})
      let state: PassState = { x: gaussian(5, 0, 0, count), carried: null }
      let expected = Float64Array.from(state.x)
      for (const pass of alphaBars.keys()) {
        const level = alphaBars.length - 1 - pass
        const noise = sampler.needsNoise(pass) ? draws[pass]! : null
        state = reverseStep({ sampler, prediction: 'x0' }, { pass, state, output: outputs[pass]!, noise }).state
        expected = expected.map((x, i) =>
          formulas[name](x, outputs[pass]![i]!, outputs[pass - 1]?.[i] ?? 0, level, draws[pass]![i]!),
        )
        const error = relativeError(state.x, expected)
        assert.ok(error < 1e-6, `pass ${pass}: ${error}`)
      }
    })
  }
})

describe('the noise draws of a process', () => {
  test('are numbered from the noisiest level that adds noise, after draw 0 for x_T', () => {
    const ancestral = createSampler(diffusion, { steps: 4, sampler: 'ddpm' })
    assert.deepEqual(
      ancestral.steps.map((_, pass) => drawOfPass(ancestral, pass)),
      [3, 2, 1, null],
    )
    assert.ok(sampler.steps.every((_, pass) => drawOfPass(sampler, pass) === null))
  })
})
