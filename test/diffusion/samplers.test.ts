import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { createSampler } from '#src/diffusion/samplers/create'
import { ddim } from '#src/diffusion/samplers/ddim'
import { ddpm } from '#src/diffusion/samplers/ddpm'
import { dpmSolverPlusPlus } from '#src/diffusion/samplers/dpm-solver-plus-plus'
import { resampled } from '#src/diffusion/samplers/resampled'
import type { PassState, Sampler } from '#src/diffusion/samplers/sampler'
import { derivedSchedule, noiseSchedule, type SamplingSchedule, scheduleFromAlphaBars } from '#src/diffusion/schedule'
import { diffusionSchema } from '#src/model/diffusion-config'
import { lmntDiffusion } from '../support/configs.js'

const training = noiseSchedule({ kind: 'cosine', steps: 1000, offset: 0.008, maxBeta: 0.999 })

/**
 * Runs a sampler where the exact ε is known: data N(m, s²), so that x_t ~ N(√ᾱ m, v) with v = ᾱ s² + 1 − ᾱ and
 * ε = √(1 − ᾱ)·(x − √ᾱ m)/v.
 */
function run(sampler: Sampler, schedule: SamplingSchedule, start: Float32Array, mean: number, deviation: number) {
  const passes = sampler.steps.length
  let state: PassState = { x: start, carried: null }
  for (let pass = 0; pass < passes; pass++) {
    const level = schedule.alphaBar[passes - 1 - pass]!
    const variance = level * deviation ** 2 + 1 - level
    const eps = state.x.map(x => (Math.sqrt(1 - level) * (x - Math.sqrt(level) * mean)) / variance)
    const noise = sampler.needsNoise(pass) ? gaussian(5, pass + 1, 0, start.length) : null
    state = sampler.update(pass, state, { epsilon: eps, noise })
  }
  return state.x
}

function moments(x: Float32Array) {
  const mean = x.reduce((sum, v) => sum + v, 0) / x.length
  return { mean, deviation: Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length) }
}

describe('on Gaussian data', () => {
  test('every sampler turns noise into the distribution of the data', () => {
    const schedule = derivedSchedule(training, 300)
    for (const sampler of [
      ddpm(schedule, { clamp: false }),
      ddim(schedule, { eta: 0 }),
      ddim(schedule, { eta: 0.5 }),
      dpmSolverPlusPlus(schedule),
    ]) {
      const { mean, deviation } = moments(run(sampler, schedule, gaussian(1, 0, 0, 3000), 0.3, 0.2))
      assert.ok(Math.abs(mean - 0.3) < 0.01 && Math.abs(deviation - 0.2) < 0.01, `${mean} ± ${deviation}`)
    }
  })

  test('DDIM with η = 1 equals DDPM without its clamp', () => {
    const schedule = derivedSchedule(training, 12)
    const start = gaussian(1, 0, 0, 100)
    const ancestral = run(ddpm(schedule, { clamp: false }), schedule, start, 0.1, 0.5)
    run(ddim(schedule, { eta: 1 }), schedule, start, 0.1, 0.5).forEach((x, i) => {
      assert.ok(Math.abs(x - ancestral[i]!) < 1e-5)
    })
  })

  test('halving the step halves the error of DDIM and quarters that of DPM-Solver++', () => {
    // The probability flow of this data is known: x_0 = m + (x − √ᾱ m)·s/√v. The last pass, from ᾱ_0 to clean data, is
    // exact only to first order for either, so the error is taken before it.
    const errorOf = (make: (schedule: SamplingSchedule) => Sampler, count: number) => {
      const schedule = derivedSchedule(
        noiseSchedule({ kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 }),
        count,
      )
      const start = Float32Array.of(1.5, -0.7)
      const noisy = schedule.alphaBar[count - 1]!
      const clean = schedule.alphaBar[0]!
      const spread = (level: number) => Math.sqrt(level * 0.25 + 1 - level)
      const sampler = make(schedule)
      const truncated: Sampler = { ...sampler, steps: sampler.steps.slice(0, -1) }
      const end = runBelow(truncated, schedule, start)
      return Math.max(
        ...end.map((x, i) =>
          Math.abs(
            x - (Math.sqrt(clean) * 0.4 + ((start[i]! - Math.sqrt(noisy) * 0.4) * spread(clean)) / spread(noisy)),
          ),
        ),
      )
    }
    const ratio = (make: (schedule: SamplingSchedule) => Sampler) => errorOf(make, 21) / errorOf(make, 41)
    const first = ratio(schedule => ddim(schedule, { eta: 0 }))
    const second = ratio(dpmSolverPlusPlus)
    assert.ok(first > 1.7 && first < 2.6, `DDIM: ${first}`)
    assert.ok(second > 3.5 && second < 4.6, `DPM-Solver++: ${second}`)
  })

  function runBelow(sampler: Sampler, schedule: SamplingSchedule, start: Float32Array): Float32Array {
    let state: PassState = { x: start, carried: null }
    for (let pass = 0; pass < sampler.steps.length; pass++) {
      const level = schedule.alphaBar[schedule.steps.length - 1 - pass]!
      const variance = level * 0.25 + 1 - level
      const eps = state.x.map(x => (Math.sqrt(1 - level) * (x - Math.sqrt(level) * 0.4)) / variance)
      state = sampler.update(pass, state, { epsilon: eps })
    }
    return state.x
  }

  test('a single step returns the predicted clean data, for every sampler', () => {
    const schedule = derivedSchedule(training, 1)
    const x = Float32Array.of(0.5, -0.2)
    const eps = Float32Array.of(0.3, 0.1)
    const level = schedule.alphaBar[0]!
    for (const sampler of [ddpm(schedule, { clamp: false }), ddim(schedule, { eta: 0 }), dpmSolverPlusPlus(schedule)]) {
      assert.equal(sampler.needsNoise(0), false)
      sampler.update(0, { x, carried: null }, { epsilon: eps }).x.forEach((value, i) => {
        const guess = (x[i]! - Math.sqrt(1 - level) * eps[i]!) / Math.sqrt(level)
        assert.ok(Math.abs(value - guess) < 1e-4 * Math.abs(guess))
      })
    }
  })
})

describe('DPM-Solver++', () => {
  const eps = Float32Array.of(0.3, 0.1)

  test('is of first order after a pass that stayed at its level', () => {
    const twice: SamplingSchedule = {
      ...scheduleFromAlphaBars([0.9, 0.4, 0.4]),
      steps: Float64Array.of(0, 1, 1),
    }
    const sampler = dpmSolverPlusPlus(twice)
    const x = Float32Array.of(0.5, -0.2)
    const first = sampler.update(0, { x, carried: null }, { epsilon: eps })
    assert.deepEqual(first.x, x)
    assert.deepEqual(
      sampler.update(1, first, { epsilon: eps }),
      sampler.update(1, { x, carried: null }, { epsilon: eps }),
    )
  })

  test('keeps its own copy of the clean data', () => {
    const sampler = dpmSolverPlusPlus(derivedSchedule(training, 3))
    const clean = Float32Array.of(0.5, -0.2)
    const { carried } = sampler.update(0, { x: eps, carried: null }, { epsilon: eps, clean })
    clean.fill(9)
    assert.deepEqual(carried, Float32Array.of(0.5, -0.2))
  })
})

test('a pass that is resampled adds the noise of its sampler and of going back', () => {
  const schedule = derivedSchedule(training, 4)
  const sampler = ddpm(schedule, { clamp: false })
  const twice = resampled(sampler, 2)
  for (let pass = 0; pass < 3; pass++) {
    const share = sampler.alphaBars[pass]! / sampler.alphaBars[pass + 1]!
    const variance = share * sampler.noiseDeviation(pass) ** 2 + 1 - share
    assert.ok(Math.abs(twice.noiseDeviation(2 * pass) ** 2 - variance) < 1e-12)
    assert.equal(twice.noiseDeviation(2 * pass + 1), sampler.noiseDeviation(pass))
  }
})

describe('DDPM', () => {
  test('clamps every pass to ±1 only if the model says so', () => {
    const schedule = derivedSchedule(training, 3)
    const state = { x: Float32Array.of(5, -5, 0), carried: null }
    const eps = new Float32Array(3)
    const clamped = ddpm(schedule, { clamp: true }).update(0, state, { epsilon: eps, noise: eps })
    assert.deepEqual([...clamped.x], [1, -1, 0])
    assert.ok(ddpm(schedule, { clamp: false }).update(0, state, { epsilon: eps, noise: eps }).x[0]! > 5)
  })
})

describe('createSampler', () => {
  test('chooses a sampler by name, and the model’s by default', () => {
    const config = diffusionSchema.parse({ ...lmntDiffusion, defaultSampler: 'dpm-solver++' })
    assert.equal(createSampler(config).needsNoise(0), false)
    assert.equal(createSampler(config, { sampler: 'ddpm' }).needsNoise(0), true)
    const ancestral = createSampler(config, { sampler: 'ddim', eta: 0.5, steps: 9 })
    assert.equal(ancestral.steps.length, 9)
    // The last pass ends at clean data.
    assert.deepEqual([ancestral.needsNoise(7), ancestral.needsNoise(8)], [true, false])
    assert.equal(createSampler(config, { sampler: 'ddim' }).needsNoise(0), false)
    assert.throws(() => createSampler(config, { sampler: 'ddpm', eta: 0.5 }), { code: 'BAD_OPTION' })
  })

  test('takes the sampler and noise scale of the schedule, or else those of the model', () => {
    const betas = [0.01, 0.4]
    const config = diffusionSchema.parse({
      ...lmntDiffusion,
      defaultSampler: 'ddpm',
      noiseScale: 0.2,
      sampling: {
        2: { betas, sampler: 'ddim', noiseScale: 0.7 },
        deterministic: { betas, sampler: 'ddim', noiseScale: 0 },
        unscaled: { betas, sampler: 'ddim' },
        plain: betas,
      },
    })
    const eps = gaussian(1, 1, 0, 20)
    // x̂_0 = 0, so that the noise carried on is all that is left.
    const carried = (choice: { steps: number | string; sampler?: 'ddim' }) => {
      const sampler = createSampler(config, choice)
      const next = sampler.update(0, { x: eps, carried: null }, { epsilon: eps, clean: new Float32Array(20) }).x
      return next[0]! / (eps[0]! * Math.sqrt(1 - sampler.alphaBars[1]!))
    }
    for (const [steps, scale] of [
      [2, 0.7],
      ['deterministic', 0],
      ['unscaled', 0.2],
    ] as const) {
      assert.ok(Math.abs(carried({ steps }) - scale) < 1e-6, `${steps}: ${carried({ steps })}`)
    }
    assert.ok(Math.abs(carried({ steps: 'plain', sampler: 'ddim' }) - 0.2) < 1e-6)
    // Without a default number of steps, the schedule is that of as many steps as in training.
    const tuned = diffusionSchema.parse({
      training: { kind: 'explicit', betas },
      sampling: { 2: { betas, sampler: 'ddim' } },
    })
    assert.equal(createSampler(tuned).needsNoise(0), false)
    assert.equal(createSampler(config, { steps: 'plain' }).needsNoise(0), true)
    assert.throws(() =>
      diffusionSchema.parse({ ...config, sampling: { 2: { betas, sampler: 'ddim', noiseScale: 2 } } }),
    )
  })
})

test('DDIM keeps the share of the noise that its noise scale states', () => {
  const x = gaussian(1, 0, 0, 50)
  const eps = gaussian(1, 1, 0, 50)
  const schedule = derivedSchedule(noiseSchedule({ kind: 'cosine', steps: 50, offset: 0.008, maxBeta: 0.999 }), 5)
  const [here, below] = [schedule.alphaBar[1]!, schedule.alphaBar[0]!]
  const pass = schedule.steps.length - 2
  const { x: next } = ddim(schedule, { eta: 0, noiseScale: 0.2 }).update(pass, { x, carried: null }, { epsilon: eps })
  const clean = x.map((value, i) => (value - Math.sqrt(1 - here) * eps[i]!) / Math.sqrt(here))
  next.forEach((value, i) => {
    const expected = Math.sqrt(below) * clean[i]! + 0.2 * Math.sqrt(1 - below) * eps[i]!
    assert.ok(Math.abs(value - expected) < 1e-5)
  })
})
