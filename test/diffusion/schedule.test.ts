import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { diffuse } from '#src/diffusion/forward'
import { ddim } from '#src/diffusion/samplers/ddim'
import { ddpm } from '#src/diffusion/samplers/ddpm'
import { dpmSolverPlusPlus } from '#src/diffusion/samplers/dpm-solver-plus-plus'
import type { PassState } from '#src/diffusion/samplers/sampler'
import {
  alphaBarAt,
  derivedSchedule,
  evenSchedule,
  fractionalSteps,
  noiseSchedule,
  type SamplingSchedule,
  samplingSchedule,
  scheduleFor,
  scheduleFromAlphaBars,
  scheduleFromBetas,
} from '#src/diffusion/schedule'
import { type DiffusionConfig, diffusionSchema } from '#src/model/diffusion-config'
import { lmntDiffusion } from '../support/configs.js'

const training = noiseSchedule(lmntDiffusion.training)
const config = diffusionSchema.parse(lmntDiffusion)

function cosine() {
  return noiseSchedule({ kind: 'cosine', steps: 200, offset: 0.008, maxBeta: 0.999 })
}

describe('training schedules', () => {
  test('linear: β has the 50 values of lmnt and ends at ᾱ 0.28', () => {
    // The reference's `params`, as its checkpoints carry them (numpy.linspace).
    assert.equal(training.beta[1], 0.0011183673469387756)
    assert.equal(training.beta[42], 0.042871428571428574)
    assert.equal(training.beta[49], 0.05)
    // Steps that do not add up to the end in floating point.
    const uneven = noiseSchedule({ kind: 'linear', steps: 200, betaStart: 1e-4, betaEnd: 0.05 })
    assert.equal(uneven.beta[199], 0.05)
    assert.deepEqual([...noiseSchedule({ kind: 'linear', steps: 1, betaStart: 0.1, betaEnd: 0.2 }).beta], [0.1])
    assert.ok(Math.abs(training.alphaBar[49]! - 0.28) < 0.005)
  })

  test('lmnt’s fast schedule has the fractional steps of the reference', () => {
    // The float32 numbers of `reverse.fast.steps` in the lmnt golden files.
    const expected = [0, 0.8941341, 4.0866542, 10.451817, 22.992493, 42.918644]
    assert.deepEqual([...scheduleFor(config, 6).steps], expected.map(Math.fround))
  })

  test('cosine: ᾱ(t) follows cos² until β is clipped', () => {
    const { alphaBar, beta } = noiseSchedule({ kind: 'cosine', steps: 100, offset: 0.008, maxBeta: 0.999 })
    const level = (t: number) => Math.cos(((t / 100 + 0.008) / 1.008) * (Math.PI / 2)) ** 2
    for (const n of [0, 10, 50, 98]) assert.ok(Math.abs(alphaBar[n]! - level(n + 1) / level(0)) < 1e-12)
    assert.equal(beta[99], 0.999)
  })
})

describe('fractional steps', () => {
  test('are whole for the levels of the training schedule', () => {
    const steps = fractionalSteps(training, training)
    assert.deepEqual([...steps], [...Array(50).keys()])
  })

  test('lead back to the level they were computed from', () => {
    const range = { min: training.alphaBar[49]!, max: training.alphaBar[0]!, noNaN: true }
    fc.assert(
      fc.property(fc.double(range), level => {
        const [step] = fractionalSteps(training, scheduleFromBetas([1 - level]))
        // Steps are rounded to float32: 2e-6 of a step, over which ᾱ changes by less than 5e-8.
        assert.ok(Math.abs(alphaBarAt(training, step!) - level) < 2e-7)
      }),
    )
  })
})

describe('sampling schedules', () => {
  test('may pass either end of the training range by rounding only', () => {
    const [clean, noisy] = [training.alphaBar[0]!, training.alphaBar[49]!]
    const steps = (levels: number[]) => [...fractionalSteps(training, scheduleFromAlphaBars(levels))]
    assert.deepEqual(steps([clean * (1 + 5e-10), noisy * (1 - 5e-10)]), [0, 49])
    assert.throws(() => steps([clean * (1 + 2e-9)]), { code: 'BAD_SCHEDULE', hint: /first β is smaller/ })
    assert.throws(() => steps([noisy * (1 - 2e-9)]), { code: 'BAD_SCHEDULE', hint: /reduce the largest/ })
    const single = scheduleFromBetas([0.5])
    assert.deepEqual([...fractionalSteps(single, single)], [0])
  })

  test('beyond either end of the training range are refused', () => {
    for (const betas of [
      [1e-4, 1e-3, 0.01, 0.05, 0.2, 0.9],
      [1e-5, 1e-3],
    ]) {
      assert.throws(() => samplingSchedule(training, betas), { code: 'BAD_SCHEDULE' })
    }
  })

  test('that are derived span the training range, whatever their length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.constantFrom(training, cosine()), (count, trained) => {
        const { steps, alphaBar, beta } = derivedSchedule(trained, count)
        assert.equal(steps.length, count)
        const last = trained.alphaBar.length - 1
        assert.ok(Math.abs(alphaBar[count - 1]! - Math.max(1e-4, trained.alphaBar[last]!)) < 1e-12)
        if (count > 1) assert.equal(steps[0], 0)
        for (let n = 0; n < count; n++) {
          assert.ok(beta[n]! > 0 && beta[n]! < 1)
          assert.ok(steps[n]! >= 0 && steps[n]! <= last)
          if (n > 0) assert.ok(steps[n]! > steps[n - 1]!)
        }
      }),
    )
  })

  test('that are derived from one level never pass it, for every sampler', () => {
    const samplers = [
      (levels: SamplingSchedule) => ddpm(levels, { clamp: false }),
      (levels: SamplingSchedule) => ddim(levels, { eta: 0 }),
      dpmSolverPlusPlus,
    ]
    for (let k = 0; k < 50; k++) {
      const trained = noiseSchedule({ kind: 'linear', steps: 50, betaStart: 1e-4 + k * 1e-6, betaEnd: 0.05 })
      const levels = derivedSchedule(trained, 6, 1)
      assert.ok(levels.alphaBar.every(level => level === trained.alphaBar[0]))
      for (const sampler of samplers.map(make => make(levels))) {
        let state: PassState = { x: Float32Array.of(1, -2), carried: null }
        for (let pass = 0; pass < 6; pass++) {
          state = sampler.update(pass, state, { epsilon: new Float32Array(2), noise: new Float32Array(2) })
        }
        assert.ok(Math.abs(state.x[0]! - 1) < 1e-3 && Math.abs(state.x[1]! + 2) < 1e-3, `${k}: ${state.x}`)
      }
    }
  })

  test('are chosen from the model’s own, then the training schedule, then a derived one', () => {
    assert.deepEqual([...scheduleFor(config).beta], lmntDiffusion.sampling[6])
    assert.deepEqual([...scheduleFor(config, 50).steps], [...Array(50).keys()])
    assert.deepEqual([...scheduleFor(config, 4).steps], [...derivedSchedule(training, 4).steps])
    const named: DiffusionConfig = { ...config, defaultSteps: null, sampling: { fast: [1e-4, 0.5] } }
    assert.equal(scheduleFor(named, 'fast').steps.length, 2)
    assert.equal(scheduleFor(named).steps.length, 50)
    assert.throws(() => scheduleFor(named, 'slow'), {
      code: 'BAD_OPTION',
      expected: 'a number of steps, or fast',
    })
    assert.throws(() => scheduleFor(named, 'toString'), { code: 'BAD_OPTION' })
    for (const steps of [0, 1.5, 4001]) assert.throws(() => scheduleFor(named, steps), { code: 'BAD_OPTION' })
    assert.equal(scheduleFor(named, 4000).steps.length, 4000)
    assert.throws(() => scheduleFor(diffusionSchema.parse({ training: { kind: 'explicit', betas: [0.5] } }), 2), {
      code: 'BAD_SCHEDULE',
    })
  })
})

describe('the forward process', () => {
  test('mixes signal and noise by √ᾱ and √(1 − ᾱ)', () => {
    const clean = Float32Array.of(1, -0.5, 0)
    const noise = Float32Array.of(0.25, 2, -1)
    assert.deepEqual([...diffuse(clean, noise, 0.36)], [...Float32Array.of(0.8, 1.3, -0.8)])
    assert.equal(alphaBarAt(training, 0), training.alphaBar[0])
    for (const step of [-0.5, 49.5, Number.NaN]) {
      assert.throws(() => alphaBarAt(training, step), { code: 'BAD_SCHEDULE' })
    }
  })
})

test('evenSchedule starts at the noisiest level and ends one spacing before clean data', () => {
  const training = noiseSchedule({ kind: 'cosine', steps: 200, offset: 0.008, maxBeta: 0.999 })
  const { steps, alphaBar } = evenSchedule(training, 4)
  assert.deepEqual([...steps], [49.75, 99.5, 149.25, 199])
  assert.deepEqual(
    [...alphaBar],
    [...steps].map(step => alphaBarAt(training, step)),
  )
  const from = evenSchedule(training, 2, alphaBarAt(training, 100))
  assert.ok(Math.abs(from.steps[1]! - 100) < 1e-3 && Math.abs(from.steps[0]! - 50) < 1e-3)
})
