/** Interpolation between recordings of a Gaussian process. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { alphaBarAt, noiseSchedule } from '#src/diffusion/schedule'
import { Generator } from '#src/generator'
import { smallGeneratorConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'
import { audio, generator, recording, scaledGenerator, training } from '../support/gaussian-recordings.js'
import { relativeError } from '../support/numbers.js'

const clean = recording(0)

describe('interpolate', () => {
  test('gives the mean of both at an early step, and either one at the ends', async () => {
    const second = recording(1)
    const options = { step: 1, seed: 1, sampler: 'ddim' } as const
    const between = async (mix: number, more: object = {}) =>
      (await generator.interpolate(audio(clean), audio(second), { ...options, mix, ...more })).samples
    assert.ok(relativeError(await between(0), clean) < 0.2)
    assert.ok(relativeError(await between(1), second) < 0.25)
    const mean = clean.map((x, i) => (x + second[i]!) / 2)
    assert.ok(relativeError(await between(0.5), mean) < 0.3, String(relativeError(await between(0.5), mean)))
    // Late, little of either is left.
    assert.ok(relativeError(await between(0.5, { step: 95 }), mean) > 0.5)
    assert.deepEqual(await between(0.5), await between(0.5))
  })

  test('starts by default where signal and noise are equally strong', async () => {
    const second = recording(1)
    const { step } = await generator.interpolate(audio(clean), audio(second), { seed: 1 })
    const schedule = noiseSchedule(training)
    assert.ok(Math.abs(alphaBarAt(schedule, step) - 0.5) < 1e-6)
    // At its noisiest step, this model still has more signal than noise.
    const narrow = { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.01 } as const
    const quiet = new Generator(fakeModel(smallGeneratorConfig({ diffusion: { training: narrow, defaultSteps: 4 } })))
    assert.equal((await quiet.interpolate(audio(clean), audio(second), { seed: 1 })).step, 49)
  })

  test('keeps a recording that is mixed with itself, also with a signal scale', async () => {
    const mixed = await scaledGenerator.interpolate(audio(clean), audio(clean), { step: 1, seed: 1, sampler: 'ddim' })
    assert.ok(relativeError(mixed.samples, clean) < 0.1)
  })

  test('takes both recordings as they are when it is called', async () => {
    for (const rate of [8000, 16_000]) {
      const between = async (overwrite: boolean) => {
        const [first, second] = [recording(0), recording(1)]
        const pending = generator.interpolate(audio(first, rate), audio(second, rate), { step: 1, seed: 1 })
        if (overwrite) for (const samples of [first, second]) samples.fill(0.5)
        return (await pending).samples
      }
      assert.deepEqual(await between(true), await between(false))
    }
  })

  test('refuses recordings of different lengths and a mix out of range', async () => {
    await assert.rejects(generator.interpolate(audio(clean), audio(clean.slice(1))), {
      code: 'BAD_AUDIO',
      where: 'the second recording',
    })
    await assert.rejects(generator.interpolate(audio(clean), audio(clean), { mix: 2 }), { code: 'BAD_OPTION' })
  })
})
