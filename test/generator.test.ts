import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import { Denoiser } from '#src/denoiser/denoiser'
import { createEngine } from '#src/engines/select'
import { type GeneratedClip, Generator } from '#src/generator'
import { initialParameters } from '#src/training/optimiser/initialise'
import { collect } from './support/audio.js'
import { smallGeneratorConfig, smallStepEmbedding, smallVocoderConfig } from './support/configs.js'
import { fakeModel } from './support/fake-model.js'

const generator = new Generator(fakeModel(smallGeneratorConfig()))

describe('generated clips', () => {
  test('have the requested length to the sample, or that of training by default', async () => {
    assert.equal((await generator.generate({ seed: 1 }))[0]!.samples.length, 2000)
    // 1001 samples: not a multiple of the network's patch.
    const [clip] = await generator.generate({ seed: 1, seconds: 1001 / 8000 })
    assert.equal(clip!.samples.length, 1001)
    assert.equal(clip!.sampleRate, 8000)
  })

  test('depend only on their own seed and label', async () => {
    const clips = await generator.generate({ count: 5, labels: ['kick', null, 'snare'], seed: 7 })
    assert.deepEqual(
      clips.map(clip => clip.label),
      ['kick', null, 'snare', 'kick', null],
    )
    for (const [i, clip] of clips.entries()) {
      assert.deepEqual([clip], await generator.generate({ label: clip.label, seed: 7 + i }))
    }
    const [other] = await generator.generate({ label: 'snare', seed: 7 })
    assert.notDeepEqual(other!.samples, clips[0]!.samples)
  })

  test('come one by one from `clips`, and in groups from `batches`', async () => {
    const options = { count: 18, seconds: 0.01, seed: 7 }
    const whole = await generator.generate(options)
    const clips: GeneratedClip[] = []
    for await (const clip of generator.clips(options)) clips.push(clip)
    assert.deepEqual(clips, whole)
    const sizes: number[] = []
    for await (const batch of generator.batches(options)) sizes.push(batch.length)
    assert.deepEqual(sizes, [16, 2])
  })
})

test('the clips of a call share one sampler', async () => {
  let made = 0
  const config = smallGeneratorConfig()
  const { training } = config.diffusion
  const counted = {
    ...config.diffusion,
    get training() {
      made++
      return training
    },
  }
  const many = new Generator(fakeModel({ ...config, diffusion: counted }))
  made = 0
  await many.generate({ count: 1, seed: 1, seconds: 0.01 })
  const once = made
  assert.ok(once > 0)
  await many.generate({ count: 20, seed: 1, seconds: 0.01 })
  assert.equal(made, 2 * once)
})

test('several clips too long for a batch are made one after the other', async () => {
  // More than 2 ** 19 samples at 8 kHz.
  const options = { seconds: 66, steps: 1 }
  const watched: number[] = []
  let last: unknown
  const clips = await generator.generate({
    ...options,
    count: 2,
    seed: 1,
    onStep: ({ clip }) => void watched.push(clip),
    onProgress: progress => {
      last = progress
    },
  })
  assert.deepEqual(watched, [0, 1])
  assert.deepEqual(last, { done: 2 * 66 * 8000, total: 2 * 66 * 8000 })
  assert.deepEqual([clips[1]], await generator.generate({ ...options, seed: 2 }))
})

describe('Generator.stream', () => {
  test('returns the bytes of `generate`', async () => {
    const pieces: Float32Array[] = []
    for await (const piece of generator.stream({ seed: 3, seconds: 2, label: 'kick' })) pieces.push(piece)
    const [clip] = await generator.generate({ seed: 3, seconds: 2, label: 'kick' })
    assert.deepEqual(concatenateAudio(pieces), clip!.samples)
    assert.ok(pieces.length > 1)
  })

  test('returns the bytes of `generate` in subbands, too', async () => {
    const gains = Array.from({ length: 64 }, (_, band) => 1 + band / 8)
    const config = smallGeneratorConfig({
      network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 4, dilationCycle: 3, patch: 64 },
      diffusion: {
        training: { kind: 'cosine', steps: 100 },
        prediction: 'x0',
        defaultSteps: 4,
        clamp: false,
        subbands: { kind: 'mdct', gains },
      },
    })
    const model = fakeModel(config)
    const own = new Generator(model)
    for (const seconds of [0.001, 1001 / 8000, 5]) {
      const [clip] = await own.generate({ seed: 3, seconds })
      assert.equal(clip!.samples.length, Math.round(seconds * 8000))
      assert.deepEqual(await collect(own.stream({ seed: 3, seconds })), clip!.samples)
    }
  })
})

test('the largest seed is one like any other, for one clip', async () => {
  const seed = Number.MAX_SAFE_INTEGER
  const [clip] = await generator.generate({ seed })
  assert.deepEqual(clip!.samples, await collect(generator.stream({ seed })))
  assert.equal((await generator.generate({ seed: seed - 1, count: 2 }))[1]!.seed, seed)
})

describe('labels and guidance', () => {
  test('guidance extrapolates: (1 + w)·ε_label − w·ε_none', async () => {
    const config = smallGeneratorConfig({
      clipSeconds: 64 / 8000,
      diffusion: { training: { kind: 'explicit', betas: [0.5] }, clamp: false },
    })
    const model = fakeModel(config)
    const single = new Generator(model)
    const options = { seed: 1 } as const
    const [guided] = await single.generate({ ...options, label: 'snare', guidance: 1.5 })
    const [labelled] = await single.generate({ ...options, label: 'snare' })
    const [free] = await single.generate(options)
    // One step is linear in ε.
    guided!.samples.forEach((x, i) => {
      assert.ok(Math.abs(x - (2.5 * labelled!.samples[i]! - 1.5 * free!.samples[i]!)) < 1e-5)
    })
    assert.equal(model.engine.open, 0)
  })

  test('a model may define a default guidance and aliases of its labels', async () => {
    const config = smallGeneratorConfig({
      aliases: { '1': 'kick' },
      diffusion: { training: { kind: 'cosine', steps: 100 }, defaultSteps: 4, defaultGuidance: 2 },
    })
    const own = new Generator(fakeModel(config))
    const [byDefault, plain, asked] = await Promise.all([
      own.generate({ seed: 1, label: '1' }),
      own.generate({ seed: 1, label: 'kick', guidance: 0 }),
      generator.generate({ seed: 1, label: 'kick', guidance: 2 }),
    ])
    assert.deepEqual(byDefault[0]!.samples, asked[0]!.samples)
    assert.notDeepEqual(byDefault[0]!.samples, plain[0]!.samples)
    const labels = [null, 'kick', 'snare']
    const together = await own.generate({ labels, seed: 1 })
    const alone = await Promise.all(labels.map((label, i) => own.generate({ label, seed: 1 + i })))
    assert.deepEqual(together, alone.flat())
    assert.throws(() => smallGeneratorConfig({ aliases: { '1': 'cymbal' } }), /aliases/)
  })

  test('only clips with a label and a guidance above 0 go through the network twice', async () => {
    const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultGuidance: 2 } as const
    const model = fakeModel(smallGeneratorConfig({ diffusion }))
    const { predict } = model.engine
    const sizes: number[] = []
    model.engine.predict = request => {
      assert.ok(request.signal instanceof AbortSignal)
      sizes.push(request.audio.length)
      return predict(request)
    }
    const single = new Generator(model)
    await single.generate({ labels: [null, 'kick', 'snare'], steps: 1 })
    await single.generate({ labels: ['kick', 'snare'], steps: 1, guidance: 0 })
    assert.deepEqual(sizes, [5, 2])
  })

  test('labels are drawn by the seed in proportion to labelShares, and reported', async () => {
    const own = new Generator(fakeModel(smallGeneratorConfig({ clipSeconds: 0.01, labelShares: [3, 1] })))
    const seeds = Array.from({ length: 400 }, (_, i) => i)
    const kicks = seeds.filter(seed => own.drawLabel(seed) === 'kick').length
    assert.ok(Math.abs(kicks - 300) < 40, `${kicks} of 400`)
    const clips = await own.generate({ count: 8, seed: 20 })
    assert.deepEqual(
      clips.map(clip => clip.label),
      clips.map(clip => own.drawLabel(clip.seed)),
    )
    assert.equal(new Set(clips.map(clip => clip.label)).size, 2)
    for (const { seed, samples, label } of clips) {
      assert.deepEqual((await own.generate({ seed, label }))[0]!.samples, samples)
      assert.deepEqual(await collect(own.stream({ seed })), samples)
    }
    // What is drawn can be followed more closely; what is asked for is not drawn.
    const [guided] = await own.generate({ seed: 20, guidance: 2 })
    assert.notDeepEqual(guided!.samples, clips[0]!.samples)
    assert.equal((await own.generate({ seed: 20, label: 'snare' }))[0]!.label, 'snare')
    // null asks for no label where one would be drawn.
    for (const options of [{ label: null }, { labels: [null] }]) {
      const [free] = await own.generate({ seed: 20, ...options })
      assert.equal(free!.label, null)
      assert.notDeepEqual(free!.samples, clips[0]!.samples)
    }
    const [unguided] = await own.generate({ seed: 20, label: null })
    assert.deepEqual(await collect(own.stream({ seed: 20, label: null })), unguided!.samples)
    assert.equal(generator.drawLabel(20), null)
    const never = new Generator(fakeModel(smallGeneratorConfig({ labelShares: [0, 1] })))
    assert.ok(seeds.every(seed => never.drawLabel(seed) === 'snare'))
    for (const labelShares of [[1], [0, 0], [1, -1]]) {
      assert.throws(() => smallGeneratorConfig({ labelShares }), /labelShares/)
    }
  })
})

describe('the signal scale', () => {
  test('divides the output', async () => {
    const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 4, clamp: false } as const
    const [one, four] = await Promise.all(
      [1, 4].map(async signalScale => {
        const scaled = new Generator(fakeModel(smallGeneratorConfig({ diffusion: { ...diffusion, signalScale } })))
        return (await scaled.generate({ seed: 5, label: 'kick' }))[0]!.samples
      }),
    )
    assert.deepEqual(
      four,
      one!.map(x => x / 4),
    )
  })
})

test('a clip of a batch equals the clip made alone or streamed', async () => {
  const config = smallGeneratorConfig({ clipSeconds: 0.05 })
  // The last projection starts as zeros; without noise in every parameter all clips would follow from x_T alone.
  const parameters = new Map(
    [...initialParameters(config.network, 1)].map(([name, { shape, data }], i) => {
      const noise = gaussian(2, i, 0, data.length)
      return [name, { shape, data: data.map((x, n) => x + 0.1 * noise[n]!) }]
    }),
  )
  const running = new Generator(new Denoiser(config, await createEngine(config.network, parameters, { threads: 2 })))
  try {
    const options = { labels: ['kick', 'snare', null], seed: 40, steps: 3 }
    const clips = await running.generate({ ...options, count: 8 })
    const { label } = clips[3]!
    assert.equal(label, 'kick')
    assert.deepEqual(await running.generate({ label, seed: 43, steps: 3 }), [clips[3]])
    assert.deepEqual(await collect(running.stream({ label, seed: 43, steps: 3 })), clips[3]!.samples)
    assert.notDeepEqual(clips[0]!.samples, clips[3]!.samples)
  } finally {
    await running.dispose()
  }
})

describe('generate refuses', () => {
  test('an unknown label, and lists those of the model', async () => {
    await assert.rejects(generator.generate({ label: 'cymbal' }), {
      code: 'UNKNOWN_LABEL',
      expected: 'one of kick, snare',
      got: 'cymbal',
    })
    const unlabelled = new Generator(
      fakeModel(
        smallGeneratorConfig({
          network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 2, dilationCycle: 2 },
        }),
      ),
    )
    await assert.rejects(unlabelled.generate({ label: 'kick' }), {
      code: 'UNKNOWN_LABEL',
      message: 'this model has no labels, got kick',
    })
    assert.deepEqual(unlabelled.labels, [])
  })

  test('options that do not fit', async () => {
    for (const options of [
      { count: 0 },
      { seconds: 0 },
      { seconds: 1e9 },
      { label: 'kick', labels: ['kick'] },
      { guidance: 1 },
      { guidance: -1, label: 'kick' },
      { sampler: 'ddim' as const, eta: 1.5 },
      { seed: Number.MAX_SAFE_INTEGER, count: 2 },
      { second: 1 },
    ]) {
      await assert.rejects(generator.generate(options), { code: 'BAD_OPTION' }, JSON.stringify(options))
    }
    assert.throws(() => new Generator(fakeModel(smallVocoderConfig())), { code: 'BAD_CONFIG' })
  })
})

describe('stopping a batch', () => {
  test('works between and within clips, by a signal', async () => {
    const controller = new AbortController()
    let seen = 0
    await assert.rejects(
      generator.generate({
        count: 50,
        signal: controller.signal,
        onProgress: ({ done, total }) => {
          seen++
          if (done > 2000 * 4 * 2) controller.abort()
          assert.equal(total, 50 * 2000 * 4)
        },
      }),
      { code: 'ABORTED' },
    )
    assert.ok(seen < 50)
  })
})
