/** The process view without a page: the mix of the forward process, the reverse steps, and tasks. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { decodeWav } from '#src/audio/codecs/wav'
import { gaussian } from '#src/core/random'
import { playbackGain } from '#studio/audio/loudness'
import type { Sound } from '#studio/audio/sound'
import { Stage } from '#studio/audio/stage'
import type { ProcessStep } from '#studio/backend/studio-backend'
import { SamplingChoice } from '#studio/components/sampling-choice'
import { Task } from '#studio/components/task'
import { ForwardMix } from '#studio/views/process/forward-mix'
import { snrOfNoiseLevel } from '#studio/views/process/noise-level'
import { ReverseModel } from '#studio/views/process/reverse-model'
import { noiseWav } from '../support/cli-inputs.js'
import { post, testService } from '../support/service.js'
import { fakeBackend, sine, studioModel } from '../support/studio.js'

const noise = (draw: number, level: number): Sound => ({
  samples: gaussian(1, draw, 0, 4000).map(value => level * value) as Float32Array<ArrayBuffer>,
  sampleRate: 8000,
  facts: {},
})

describe('the mix of the forward process', () => {
  test('equals x_t of the service at any step between its two endpoints', async () => {
    const service = await testService()
    const at = async (t: number): Promise<Sound> => {
      const response = await post(service, `/v1/forward?t=${t}&seed=3`, noiseWav(1, 6000))
      const { samples, sampleRate } = decodeWav(new Uint8Array(await response.arrayBuffer()), 'x_t')
      const fact = (name: string) => Number(response.headers.get(`diffwave-${name}`))
      const facts = { alphaBar: fact('alpha-bar'), snr: fact('snr') }
      return { samples: samples as Float32Array<ArrayBuffer>, sampleRate, facts }
    }
    const mix = new ForwardMix(await at(0), await at(49))
    for (const t of [10, 25.5, 40]) {
      const expected = await at(t)
      const made = mix.at(expected.facts['alphaBar'] as number)
      const errors = made.samples.map((value, i) => Math.abs(value - expected.samples[i]!))
      assert.ok(Math.max(...errors) < 1e-5)
      assert.ok(Math.abs(mix.snr(expected.facts['alphaBar'] as number) - (expected.facts['snr'] as number)) < 1e-3)
    }
  })

  test('is played no louder than usual speech, however loud the noise', () => {
    const [clean, loud] = [noise(1, 0.05), noise(2, 1)]
    const mixed = (alphaBar: number) => ({
      ...clean,
      samples: clean.samples.map(
        (value, i) => Math.sqrt(alphaBar) * value + Math.sqrt(1 - alphaBar) * loud.samples[i]!,
      ) as Float32Array<ArrayBuffer>,
      facts: { alphaBar },
    })
    const mix = new ForwardMix(mixed(0.999), mixed(0.001))
    const gains = mix.playback(0.5)
    const rms = Math.hypot(gains.get('clean')! * 0.05, gains.get('noise')! * 1)
    assert.ok(Math.abs(rms - 0.1) < 0.005, String(rms))
    assert.equal(playbackGain({ rms: 0.02, peak: 0.3 }), 1)
    assert.equal(playbackGain({ rms: 0.02, peak: 1.9 }), 0.5)
  })
})

describe('the reverse process in the studio', () => {
  const step = (index: number): ProcessStep => ({
    index,
    of: 2,
    t: 40 - 20 * index,
    inputNoiseLevel: 1 - 0.4 * index,
    noiseLevel: 0.6 - 0.4 * index,
    x: noise(index, 0.2),
    clean: sine(200, 0.5),
    noise: noise(9, 1),
  })
  const backend = fakeBackend({
    async process({ seed }, { onStart, onStep }) {
      onStart?.(noise(7, 1))
      onStep?.(step(0))
      onStep?.(step(1))
      return { start: noise(7, 1), result: sine(200, 0.5), seed: seed ?? 5 }
    },
  })

  test('shows the start and every step, and selects the last one', async () => {
    const model = new ReverseModel(backend, new Stage())
    await model.run({ model: 'voice', source: null, steps: 2, seed: 3 })
    assert.deepEqual(
      model.shown.value.map(({ title, t, noiseLevel }) => [title, t, Number(noiseLevel.toFixed(6))]),
      [
        ['start', 40, 1],
        ['step 1', 20, 0.6],
        ['step 2', null, 0.2],
      ],
    )
    assert.equal(model.selected.value, 2)
    assert.equal(model.title.value, 'voice, 2 steps, seed 3')
    model.select(0)
    assert.equal(model.step.value!.clean, null)
    model.select(99)
    assert.equal(model.selected.value, 2)
  })

  test('keeps a result for comparison with the next run', async () => {
    const model = new ReverseModel(backend, new Stage())
    await model.run({ model: 'voice', source: null, seed: 3 })
    model.keep()
    await model.run({ model: 'voice', source: null, seed: 4 })
    assert.equal(model.kept.value!.title, 'voice, 2 steps, seed 3')
    model.hear('kept')
    model.forget()
    assert.deepEqual([model.kept.value, model.part.value], [null, 'x'])
  })

  test('states the signal-to-noise ratio of a noise level', () => {
    assert.ok(Math.abs(snrOfNoiseLevel(Math.SQRT1_2)) < 1e-9)
    assert.ok(Math.abs(snrOfNoiseLevel(Math.sqrt(1 / 101)) - 20) < 1e-9)
  })
})

describe('a task in the studio', () => {
  test('stops the previous one, whose problem is not shown', async () => {
    const task = new Task()
    const first = task.run(async ({ signal }) => {
      await setTimeout(1e5, undefined, { signal })
    })
    assert.equal(await task.run(async ({ onProgress }) => onProgress?.(0.5)), true)
    assert.equal(await first, false)
    assert.deepEqual([task.running.value, task.problem.value, task.outcome.value], [false, null, 'done'])
  })

  test('shows why it failed', async () => {
    const task = new Task()
    await task.run(async () => {
      throw new Error('out of paper')
    })
    assert.equal(task.problem.value!.title, 'out of paper')
  })

  test('can be tried again', async () => {
    const task = new Task()
    let attempts = 0
    await task.run(async () => {
      if (++attempts === 1) throw new Error('out of paper')
    })
    task.retry()
    assert.deepEqual([attempts, task.problem.value], [2, null])
  })
})

describe('the choice of sampling options', () => {
  test('omits the model’s defaults, and η unless the sampler is ddim', () => {
    const choice = new SamplingChoice(() => 0.5)
    assert.equal(choice.sampling.value, null)
    choice.offer([studioModel('music'), studioModel('speech', { kind: 'vocoder' })], ['vocoder'])
    choice.eta.value = 0.5
    const own = { model: 'speech', steps: undefined, sampler: undefined, eta: undefined, seed: 1 }
    assert.deepEqual(choice.sampling.value, own)
    choice.sampler.value = 'ddim'
    choice.steps.value = 4
    choice.drawSeed()
    assert.deepEqual(choice.sampling.value, { model: 'speech', steps: 4, sampler: 'ddim', eta: 0.5, seed: 5000 })
  })

  test('says so if there is no model of the kind', () => {
    const choice = new SamplingChoice(() => 0.5)
    assert.equal(choice.missing.value, null)
    choice.offer([studioModel('speech', { kind: 'vocoder' })], ['generator'])
    assert.match(choice.missing.value ?? '', /no generator/)
    choice.offer([studioModel('music')], ['generator'])
    assert.equal(choice.missing.value, null)
  })
})
