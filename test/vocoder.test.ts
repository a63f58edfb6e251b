import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { sliceMel } from '#src/audio/mel/frames'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import type { Progress } from '#src/core/progress'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import type { ModelConfigInput } from '#src/model/config'
import { samplerNames } from '#src/model/diffusion-config'
import { Vocoder } from '#src/vocoder'
import { collect, someMel } from './support/audio.js'
import { lmntDiffusion, smallGeneratorConfig, smallVocoderConfig } from './support/configs.js'
import { fakeModel } from './support/fake-model.js'

function vocoder() {
  return new Vocoder(fakeModel(smallVocoderConfig()))
}

const priors = [
  null,
  { kind: 'mel-energy', minEnergy: 0, maxEnergy: 8, floor: 0.1 },
  { kind: 'mel-envelope', floor: 1e-5 },
] as const

describe('synthesize', () => {
  test('returns frames × hop samples, or the requested length', async () => {
    const mel = someMel(7)
    const whole = await vocoder().synthesize(mel, { seed: 4 })
    assert.equal(whole.samples.length, 7 * 256)
    assert.equal(whole.sampleRate, 22050)
    assert.equal(whole.steps, 6)
    const trimmed = await vocoder().synthesize(mel, { seed: 4, length: 1500 })
    assert.deepEqual(trimmed.samples, whole.samples.slice(0, 1500))
    assert.deepEqual(await collect(vocoder().stream(mel, { seed: 4, length: 1500 })), trimmed.samples)
    await assert.rejects(vocoder().synthesize(mel, { length: 7 * 256 + 1 }), { code: 'BAD_OPTION' })
  })
})

test('a mel counts as it is when the call begins', async () => {
  const overwritten = async <Result>(call: (mel: Mel) => Promise<Result>) => {
    const mel = someMel(40)
    const pending = call(mel)
    mel.data.fill(0.1)
    return pending
  }
  const unchanged = <Result>(call: (mel: Mel) => Promise<Result>) => call(someMel(40))
  for (const call of [
    (mel: Mel) => vocoder().synthesize(mel, { seed: 1 }),
    (mel: Mel) => vocoder().synthesizeBatch([someMel(1), mel], { seed: 1 }),
    (mel: Mel) => griffinLim(mel, namedConventions.lmnt, { iterations: 2 }),
  ]) {
    assert.deepEqual(await overwritten<unknown>(call), await unchanged<unknown>(call))
  }
})

describe('analyse', () => {
  test('says how many samples of a recording the mel covers, for every framing', async () => {
    const samples = gaussian(1, 0, 0, 5 * 256 + 100).map(x => 0.1 * x)
    const recording = { samples, sampleRate: 22_050 }
    for (const [mel, length] of [
      ['lmnt', samples.length],
      ['hifigan', 5 * 256],
    ] as const) {
      const own = new Vocoder(fakeModel(smallVocoderConfig({ mel })))
      const analysed = await own.analyse(recording)
      assert.equal(analysed.length, length)
      const made = await own.synthesize(analysed.mel, { length, seed: 1 })
      assert.deepEqual((await own.resynthesize(recording, { seed: 1 })).samples, made.samples)
    }
  })
})

describe('Vocoder.stream', () => {
  test('returns the bytes of `synthesize` for every sampler, prior, chunk and source', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(...samplerNames),
        fc.constantFrom(1, 2, 6, 11),
        fc.constantFrom(...priors),
        fc.constantFrom(null, { iterations: 3 }),
        async (frames, chunkFrames, size, sampler, steps, prior, refinement) => {
          const mel = someMel(frames)
          const tuned = { betas: [0.01, 0.4], sampler: 'ddim' as const, noiseScale: 0.3 }
          const diffusion = { ...lmntDiffusion, sampling: { ...lmntDiffusion.sampling, 2: tuned }, prior, refinement }
          const vocoder = () => new Vocoder(fakeModel(smallVocoderConfig({ diffusion })))
          async function* arriving() {
            for (let f = 0; f < frames; f += size) yield sliceMel(mel, f, Math.min(frames, f + size))
          }
          const options = { seed: 9, sampler, steps }
          const { samples } = await vocoder().synthesize(mel, options)
          assert.deepEqual(await collect(vocoder().stream(mel, { ...options, chunkFrames })), samples)
          assert.deepEqual(await collect(vocoder().stream(arriving(), { ...options, chunkFrames })), samples)
        },
      ),
      { numRuns: 12 },
    )
  })

  test('knows its length if the mel announces it, and refuses a mel of another length', async () => {
    const mel = someMel(6)
    const arriving = (frames?: number) =>
      Object.assign(
        (async function* () {
          yield mel
        })(),
        frames === undefined ? {} : { frames },
      )
    assert.equal(vocoder().stream(mel).length, 6 * 256)
    assert.equal(vocoder().stream(mel, { length: 1000 }).length, 1000)
    assert.equal(vocoder().stream(arriving()).length, null)
    assert.throws(() => vocoder().stream(mel, { length: 6 * 256 + 1 }), { code: 'BAD_OPTION' })
    const progress: Progress[] = []
    const known = vocoder().stream(arriving(6), { seed: 1, onProgress: report => progress.push(report) })
    assert.equal((await collect(known)).length, known.length)
    assert.equal(progress[0]!.total, 6 * 256 * 6)
    await assert.rejects(collect(vocoder().stream(arriving(7))), { code: 'BAD_MEL' })
  })

  test('needs no more mel for its first audio than its look-ahead states', async () => {
    let read = 0
    async function* arriving() {
      for (; read < 500; read++) yield someMel(1, read)
    }
    for (const refine of [0, 1, 5]) {
      read = 0
      const stream = vocoder().stream(arriving(), { chunkFrames: 1, refine })
      const { value } = await stream.next()
      assert.ok(
        read * 256 <= stream.lookAhead + value!.length + 256 + 6 * 37,
        `${read} frames, ${stream.lookAhead} samples`,
      )
      await stream.return()
    }
  })
})

describe('phase refinement', () => {
  test('follows the model’s default or the option, and stops on a signal', async () => {
    const mel = someMel(30)
    const refiner = (iterations: number) =>
      new Vocoder(
        fakeModel(
          smallVocoderConfig({
            diffusion: { ...lmntDiffusion, refinement: { iterations, momentum: 0.5, relaxation: 1.5 } },
          }),
        ),
      )
    const refining = refiner(4)
    const made = await vocoder().synthesize(mel, { seed: 2 })
    const whole = (iterations: number, momentum: number, relaxation = 1) =>
      griffinLim(mel, vocoder().config.mel, { iterations, momentum, relaxation, start: made.samples })
    assert.deepEqual((await refining.synthesize(mel, { seed: 2 })).samples, (await whole(4, 0.5, 1.5)).samples)
    assert.deepEqual(
      (await refining.synthesize(mel, { seed: 2, refine: 7 })).samples,
      (await whole(7, 0.5, 1.5)).samples,
    )
    assert.deepEqual(await refining.synthesize(mel, { seed: 2, refine: 0 }), made)
    // A model that does not refine by default may still say how to refine.
    assert.deepEqual(await refiner(0).synthesize(mel, { seed: 2 }), made)
    assert.deepEqual(
      (await refiner(0).synthesize(mel, { seed: 2, refine: 7 })).samples,
      (await whole(7, 0.5, 1.5)).samples,
    )
    assert.deepEqual((await vocoder().synthesize(mel, { seed: 2, refine: 2 })).samples, (await whole(2, 0.99)).samples)
    const [alone] = await vocoder().synthesizeBatch([mel], { seed: 2, refine: 2 })
    assert.deepEqual(alone!.samples, (await whole(2, 0.99)).samples)
    // Cut after it was refined: not refined as if it ended there.
    const cut = await vocoder().synthesize(mel, { seed: 2, refine: 2, length: 3000 })
    assert.deepEqual(cut.samples, (await whole(2, 0.99)).samples.slice(0, 3000))
    const stop = new AbortController()
    const stream = vocoder().stream(mel, { seed: 2, refine: 3, signal: stop.signal })
    await stream.next()
    stop.abort()
    await assert.rejects(stream.next(), { code: 'ABORTED' })
  })

  test('is opened only when a stream is read, and closed when it is left', async () => {
    const model = fakeModel(smallVocoderConfig())
    const open = new Set<object>()
    const engine = Object.assign(Object.create(model.engine), {
      openRefinement: () => {
        const refinement = {
          pushMel: () => {},
          push: async (audio: Float32Array) => audio,
          dispose: () => open.delete(refinement),
        }
        open.add(refinement)
        return refinement
      },
    })
    const own = new Vocoder(new Denoiser(model.config, engine))
    const stream = own.stream(someMel(30), { seed: 2, refine: 3 })
    assert.equal(open.size, 0)
    await stream.next()
    assert.equal(open.size, 1)
    await stream.return()
    assert.equal(open.size, 0)
  })

  test('is refused for conventions that do not allow it', async () => {
    const coarse = { ...namedConventions.lmnt, name: 'coarse', windowLength: 512 }
    const voices = new Vocoder(fakeModel(smallVocoderConfig({ mel: coarse })))
    await assert.rejects(voices.synthesize(someMel(2), { refine: 4 }), { code: 'BAD_OPTION' })
    assert.equal((await voices.synthesize(someMel(2), { refine: 0 })).samples.length, 512)
    const refinement = { iterations: 4 }
    const field = (fields: Partial<ModelConfigInput>, of: typeof smallVocoderConfig) => () => of(fields)
    const diffusion = { ...lmntDiffusion, refinement }
    assert.throws(field({ mel: coarse, diffusion }, smallVocoderConfig), /windows of at least two and a half hops/)
    assert.throws(
      field({ diffusion: { ...diffusion, defaultSteps: 4 } }, smallGeneratorConfig),
      /refinement needs a mel/,
    )
    for (const wrong of [
      { iterations: -1 },
      { iterations: 101 },
      { iterations: 4, momentum: 1 },
      { iterations: 4, relaxation: 2 },
    ]) {
      assert.throws(field({ diffusion: { ...diffusion, refinement: wrong } }, smallVocoderConfig), /refinement/)
    }
  })
})

describe('synthesizeBatch', () => {
  test('gives clip i the bytes of seed + i alone', async () => {
    const mels = [someMel(3, 1), someMel(8, 2), someMel(1, 3)]
    const progress: Progress[] = []
    const batch = await vocoder().synthesizeBatch(mels, { seed: 20, onProgress: report => progress.push(report) })
    for (const [i, clip] of batch.entries()) {
      assert.equal(clip.seed, 20 + i)
      assert.deepEqual(clip, await vocoder().synthesize(mels[i]!, { seed: 20 + i }))
    }
    assert.deepEqual(progress.at(-1), { done: 12 * 256 * 6, total: 12 * 256 * 6 })
  })

  test('takes the largest seed for its last clip', async () => {
    const seed = Number.MAX_SAFE_INTEGER
    const [, last] = await vocoder().synthesizeBatch([someMel(1), someMel(1)], { seed: seed - 1 })
    assert.deepEqual(last, await vocoder().synthesize(someMel(1), { seed }))
    await assert.rejects(vocoder().synthesizeBatch([someMel(1), someMel(1)], { seed }), { code: 'BAD_OPTION' })
  })
})

describe('the seed of synthesize', () => {
  test('is drawn by default, reported, and reproduces the audio', async () => {
    const mel = someMel(3)
    const first = await vocoder().synthesize(mel)
    const second = await vocoder().synthesize(mel)
    assert.notEqual(first.seed, second.seed)
    assert.deepEqual(await vocoder().synthesize(mel, { seed: first.seed }), first)
    const stream = vocoder().stream(mel)
    const samples = await collect(stream)
    assert.deepEqual((await vocoder().synthesize(mel, { seed: stream.seed })).samples, samples)
  })
})

describe('resynthesize', () => {
  test('returns as many samples as the recording has at the model’s rate', async () => {
    const samples = gaussian(1, 0, 0, 5000).map(v => 0.1 * v)
    assert.equal((await vocoder().resynthesize({ samples, sampleRate: 22050 }, { seed: 1 })).samples.length, 5000)
    const slower = await vocoder().resynthesize({ samples, sampleRate: 11025 }, { seed: 1 })
    assert.equal(slower.samples.length, 10_000)
    assert.equal(slower.sampleRate, 22050)
  })

  test('can be stopped while it analyses the recording', async () => {
    const recording = { samples: gaussian(1, 0, 0, 600 * 256).map(v => 0.1 * v), sampleRate: 22050 }
    for (const call of ['analyse', 'resynthesize'] as const) {
      const model = fakeModel(smallVocoderConfig())
      const stop = new AbortController()
      setImmediate(() => stop.abort())
      await assert.rejects(new Vocoder(model)[call](recording, { signal: stop.signal }), { code: 'ABORTED' })
      assert.equal(model.engine.calls, 0)
    }
  })
})

describe('a vocoder refuses', () => {
  test('mels and options that do not fit, before any work', async () => {
    const model = fakeModel(smallVocoderConfig())
    const voices = new Vocoder(model)
    const refusals: [Mel, object, string][] = [
      [{ data: new Float32Array(160), bands: 40, frames: 4 }, {}, 'BAD_MEL'],
      [{ data: new Float32Array(81), bands: 80, frames: 1 }, {}, 'BAD_MEL'],
      [{ data: new Float32Array(0), bands: 80, frames: 0 }, {}, 'BAD_MEL'],
      [{ data: new Float32Array(80).fill(-11), bands: 80, frames: 1 }, {}, 'MEL_RANGE'],
      [{ data: new Float32Array(80).fill(Number.NaN), bands: 80, frames: 1 }, {}, 'NOT_FINITE'],
      [someMel(2), { step: 6 }, 'BAD_OPTION'],
      [someMel(2), { steps: 0 }, 'BAD_OPTION'],
      [someMel(2), { steps: 'slow' }, 'BAD_OPTION'],
      [someMel(2), { sampler: 'euler' }, 'BAD_OPTION'],
      [someMel(2), { eta: 0.5 }, 'BAD_OPTION'],
      [someMel(2), { refine: -1 }, 'BAD_OPTION'],
      [someMel(2), { refine: 1.5 }, 'BAD_OPTION'],
      [someMel(2), { refine: 101 }, 'BAD_OPTION'],
      [someMel(2), { seed: -1 }, 'BAD_OPTION'],
      [someMel(2), { seed: 1.5 }, 'BAD_OPTION'],
      [someMel(2), { label: 'anna' }, 'UNKNOWN_LABEL'],
      [someMel(2), { signal: AbortSignal.abort() }, 'ABORTED'],
    ]
    for (const [mel, options, code] of refusals) {
      await assert.rejects(voices.synthesize(mel, options), { code }, JSON.stringify(options))
      await assert.rejects(async () => collect(voices.stream(mel, options)), { code }, JSON.stringify(options))
      await assert.rejects(voices.synthesizeBatch([mel], options), { code }, JSON.stringify(options))
    }
    assert.equal(model.engine.calls, 0)
    assert.throws(() => new Vocoder(fakeModel(smallGeneratorConfig())), { code: 'BAD_CONFIG' })
  })
})
