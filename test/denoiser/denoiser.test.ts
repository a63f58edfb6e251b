/** A loaded model predicts in its own parameterisation, and in ε. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import { alphaBarAt, noiseSchedule } from '#src/diffusion/schedule'
import type { ModelConfig } from '#src/model/config'
import { smallGeneratorConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'

const STEPS = [3, 41.5]
const audio = [gaussian(1, 0, 0, 200), gaussian(1, 1, 0, 120)]

/** A generator that predicts `prediction`, its outputs and its predicted noise for the same request. */
async function predictions(prediction: 'epsilon' | 'v' | 'x0') {
  const config = smallGeneratorConfig({
    diffusion: { training: { kind: 'cosine', steps: 100 }, prediction },
  })
  const denoiser = fakeModel(config)
  const request = { audio, steps: STEPS, labels: ['kick', null] }
  const schedule = noiseSchedule(config.diffusion.training)
  return {
    outputs: await denoiser.predict(request),
    noise: await denoiser.predictNoise(request),
    levels: STEPS.map(step => alphaBarAt(schedule, step)),
  }
}

test('a config without its parts is refused', () => {
  const empty = { network: null, diffusion: null } as unknown as ModelConfig
  const { engine } = fakeModel(smallGeneratorConfig())
  assert.throws(() => new Denoiser(empty, engine), { code: 'BAD_CONFIG', where: 'Denoiser config' })
})

describe('predictNoise', () => {
  test('returns the output of a network that predicts ε', async () => {
    const { outputs, noise } = await predictions('epsilon')
    assert.deepEqual(noise, outputs)
  })

  test('converts v to ε so that v = (ε − σ·x_t)/α', async () => {
    const { outputs, noise, levels } = await predictions('v')
    for (const [clip, eps] of noise.entries()) {
      const [alpha, sigma] = [Math.sqrt(levels[clip]!), Math.sqrt(1 - levels[clip]!)]
      eps.forEach((value, i) => {
        assert.ok(Math.abs((value - sigma * audio[clip]![i]!) / alpha - outputs[clip]![i]!) < 1e-5)
      })
    }
  })

  test('converts x_0 to ε so that x_0 = (x_t − σ·ε)/α', async () => {
    const { outputs, noise, levels } = await predictions('x0')
    for (const [clip, eps] of noise.entries()) {
      const [alpha, sigma] = [Math.sqrt(levels[clip]!), Math.sqrt(1 - levels[clip]!)]
      eps.forEach((value, i) => {
        assert.ok(Math.abs((audio[clip]![i]! - sigma * value) / alpha - outputs[clip]![i]!) < 1e-5)
      })
    }
  })

  test('refuses a step outside the training schedule before the network runs', async () => {
    for (const prediction of ['epsilon', 'v', 'x0'] as const) {
      const denoiser = fakeModel(
        smallGeneratorConfig({ diffusion: { training: { kind: 'cosine', steps: 100 }, prediction } }),
      )
      denoiser.engine.predict = () => assert.fail('the network ran')
      await assert.rejects(denoiser.predictNoise({ audio: [audio[0]!], steps: [500] }), { code: 'BAD_SCHEDULE' })
      await assert.rejects(denoiser.predictNoise({ audio, steps: 3 } as never), { code: 'BAD_SHAPE' })
      await assert.rejects(denoiser.predictNoise({ audio, steps: [Number.NaN] }), { code: 'BAD_SHAPE', got: 'NaN' })
    }
  })

  test('converts the audio that it was given, even if the caller writes to it meanwhile', async () => {
    const { noise } = await predictions('v')
    const denoiser = fakeModel(
      smallGeneratorConfig({ diffusion: { training: { kind: 'cosine', steps: 100 }, prediction: 'v' } }),
    )
    const [own, steps] = [audio.map(clip => clip.slice()), [...STEPS]]
    const pending = denoiser.predictNoise({ audio: own, steps, labels: ['kick', null] })
    for (const clip of own) clip.fill(1)
    steps.fill(0)
    assert.deepEqual(await pending, noise)
  })

  test('rejects a malformed request instead of throwing', async () => {
    const denoiser = fakeModel(smallGeneratorConfig())
    const calls = ['predict', 'predictNoise', 'lossGradients'] as const
    for (const result of calls.map(method => denoiser[method](null as never))) {
      await assert.rejects(result as Promise<unknown>, { name: 'DiffWaveError', code: 'BAD_SHAPE' })
    }
    // `label` is no field: it must not be ignored in silence.
    const request = { audio, steps: [1, 1], label: 'kick' }
    await assert.rejects(denoiser.predict(request), { name: 'DiffWaveError', code: 'BAD_OPTION', got: 'label' })
    await assert.rejects(denoiser.predict({ ...request, label: undefined } as never), { code: 'BAD_OPTION' })
  })
})
