/** A vocoder with a windowed front end streams the bytes of the whole, and looks no further ahead than it states. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sliceMel } from '#src/audio/mel/frames'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import { loadModel } from '#src/denoiser/load-model'
import { createEngine } from '#src/engines/select'
import { Generator } from '#src/generator'
import { modelConfigSchema } from '#src/model/config'
import { readModel } from '#src/model/read-model'
import { Vocoder } from '#src/vocoder'
import { collect } from '../support/audio.js'
import { smallGeneratorConfig, smallStepEmbedding } from '../support/configs.js'
import { randomParameters } from '../support/parameters.js'
import { golden } from '../support/paths.js'

const frames = 80
const mel = { data: gaussian(1, 0, 0, 80 * frames).map(value => value - 5), bands: 80, frames }

async function open(
  engine: 'auto' | 'tensorflow:wasm',
  correction: number,
  latency: 'normal' | 'low' = 'normal',
): Promise<Vocoder> {
  return new Vocoder(await loadModel(golden('pytorch-windows'), { engine, correction, latency }))
}

describe('a vocoder with a windowed front end', () => {
  for (const [engine, correction, sampler] of [
    ['auto', 0, 'ddim'],
    ['auto', 2, 'ddpm'],
    ['tensorflow:wasm', 2, 'ddpm'],
  ] as const) {
    test(`streams the bytes of synthesize on ${engine}, with ${correction} passes of correction`, async () => {
      await using vocoder = await open(engine, correction)
      // A slow engine gets fewer frames, as it runs all of them in one window.
      const slow = engine === 'tensorflow:wasm'
      const given = slow ? sliceMel(mel, 0, 40) : mel
      const options = { seed: 3, steps: 4, sampler }
      const { samples } = await vocoder.synthesize(given, options)
      assert.equal(samples.length, given.frames * 256)
      assert.ok(samples.every(Number.isFinite))
      async function* arriving(size: number) {
        for (let start = 0; start < given.frames; start += size)
          yield sliceMel(given, start, Math.min(given.frames, start + size))
      }
      for (const [chunkFrames, source] of [[7, arriving(9)], ...(slow ? [] : [[1, given] as const])] as const) {
        const streamed = await collect(vocoder.stream(source, { ...options, chunkFrames }))
        assert.deepEqual(streamed, samples, `${chunkFrames} frames at a time`)
      }
    })
  }

  test('looks ahead by a window and a correction for each step', async () => {
    await using plain = await open('auto', 0)
    await using corrected = await open('auto', 1)
    await using low = await open('auto', 0, 'low')
    const ahead = (vocoder: Vocoder, steps: number) => vocoder.stream(mel, { steps }).lookAhead
    assert.equal(ahead(corrected, 4) - ahead(plain, 4), 4 * 1024)
    // Lags of dilations 1, 2, 1, and 256/128 positions of half windows in and out; one step more, one lag more.
    assert.equal(ahead(plain, 5) - ahead(plain, 4), (4 + 9 + 4 + 2) * 128)
    assert.equal(ahead(low, 5) - ahead(low, 4), (1 + 2 + 1 + 2) * 128)
  })

  /** Reads a mel frame by frame, until the first audio comes. */
  async function firstAudio(vocoder: Vocoder) {
    let read = 0
    async function* arriving() {
      for (; read < frames; read++) yield sliceMel(mel, read, read + 1)
    }
    const stream = vocoder.stream(arriving(), { steps: 4, chunkFrames: 1 })
    const { value } = await stream.next()
    assert.ok(read * 256 <= stream.lookAhead + value!.length + 256, `${read} frames, ${stream.lookAhead} samples`)
    await stream.return()
  }

  for (const latency of ['normal', 'low'] as const) {
    test(`returns its first audio once the mel covers the look-ahead, with ${latency} latency`, async context => {
      await using vocoder = await open('auto', 1, latency)
      if (vocoder.model.engine.name !== 'native') return context.skip('needs the native engine')
      await firstAudio(vocoder)
    })
  }

  test('looks as far ahead as the pitch of its pulses needs', async () => {
    const { config, parameters } = await readModel(golden('pytorch-windows'))
    const prior = { kind: 'front-end', harmonics: { corner: 3000, noise: 0.3, phase: 'minimum' } } as const
    const pulsed = modelConfigSchema.parse({ ...config, diffusion: { ...config.diffusion, prior } })
    const engine = await createEngine(pulsed.network, parameters, { engine: 'auto', latency: 'low' }, pulsed.mel)
    await using vocoder = new Vocoder(new Denoiser(pulsed, engine))
    await firstAudio(vocoder)
  })
})

describe('a generator with a windowed front end', () => {
  test('makes the same bytes alone, in batches and in streams, for any length', async () => {
    const config = smallGeneratorConfig({
      network: {
        stepEmbedding: smallStepEmbedding,
        channels: 4,
        layers: 3,
        dilationCycle: 2,
        labels: ['kick', 'snare'],
        inputMask: { steps: 100 },
        frontEnd: { kind: 'windows', kernel: 64, stride: 16 },
      },
      diffusion: { training: { kind: 'cosine', steps: 100 }, clamp: false, prediction: 'x0', defaultSampler: 'ddim' },
    })
    const parameters = randomParameters(config.network, 3)
    const engine = await createEngine(config.network, parameters)
    await using generator = new Generator(new Denoiser(config, engine))
    const options = { seconds: 0.1234, seed: 4, steps: 3, label: 'snare' }
    const [one] = await generator.generate(options)
    const [, second] = await generator.generate({ ...options, seed: 3, count: 2 })
    assert.equal(one!.samples.length, Math.round(0.1234 * 8000))
    assert.deepEqual(second!.samples, one!.samples)
    assert.deepEqual(await collect(generator.stream(options)), one!.samples)
  })
})
