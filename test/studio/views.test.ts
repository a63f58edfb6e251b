/** The vocoder, repair and training views without a page. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { unzipSync } from 'fflate'
import { loudnessOf } from '#studio/audio/loudness'
import { cachedSpectrogram } from '#studio/audio/spectrogram-cache'
import { Stage } from '#studio/audio/stage'
import { wavRate } from '#studio/audio/wav-rate'
import type { MetricsLine, TrainingClip } from '#studio/backend/studio-backend'
import { GenerateModel } from '#studio/views/generate/generate-model'
import { ProcessModel } from '#studio/views/process/process-model'
import { DenoiseModel, noisySound } from '#studio/views/repair/denoise-model'
import { InpaintModel, mergedGaps, withGaps } from '#studio/views/repair/inpaint-model'
import { curveOf, smoothed, TrainingModel } from '#studio/views/training/training-model'
import { VocodeModel } from '#studio/views/vocode/vocode-model'
import { isMel, VocodedFile } from '#studio/views/vocode/vocoded-file'
import { noiseWav, npyMel } from '../support/cli-inputs.js'
import { fakeBackend, sine, studioModel } from '../support/studio.js'

const source = (bytes: Uint8Array, name = 'file') => ({ name, bytes: bytes as Uint8Array<ArrayBuffer> })

describe('a file in the vocode view', () => {
  test('is recognised as a mel or a recording by its bytes', () => {
    assert.equal(isMel(source(npyMel(4))), true)
    assert.equal(isMel(source(noiseWav(0, 100))), false)
    assert.equal(isMel(source(new Uint8Array(0))), false)
  })

  test('has the original and every copy, at one gain for all', async () => {
    const [loud, quiet] = [sine(200, 0.5, 8000, 0.9), sine(200, 0.5, 8000, 0.1)]
    const backend = fakeBackend({
      compare: async () => ({
        original: loud,
        copies: new Map([['model', quiet]] as const),
        measures: { level: { title: 'level', unit: 'dB' } },
        figures: new Map([['model', { level: -19 }]] as const),
        seed: 1,
      }),
    })
    const file = new VocodedFile(source(noiseWav(0, 4000)), backend, new Stage())
    await file.run({ model: 'voice' })
    assert.deepEqual([...file.sounds.value.keys()], ['original', 'model'])
    assert.ok(Math.abs(file.gain.value - 0.1 / (0.9 * Math.SQRT1_2)) < 1e-3)
    assert.equal(file.comparison.value!.figures.get('model')!['level'], -19)
  })

  test('that is a mel has no original and no figures', async () => {
    const backend = fakeBackend({ vocode: async () => sine(200, 0.5) })
    const file = new VocodedFile(source(npyMel(4)), backend, new Stage())
    await file.run({ model: 'voice' })
    assert.deepEqual([...file.sounds.value.keys()], ['model', 'zero-output', 'griffin-lim'])
    assert.equal(file.comparison.value, null)
  })
})

test('a setting changed right before the vocode view is left is applied when it is opened again', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const steps: (number | string | undefined)[] = []
  const backend = fakeBackend({
    vocode: async order => {
      if (order.system === 'model') steps.push(order.steps)
      return sine(200, 0.1)
    },
  })
  const model = new VocodeModel(backend, new Stage(), () => 0.5)
  const models = [studioModel('voice', { kind: 'vocoder' })]
  const leave = model.begin(models)
  model.add([source(npyMel(4))])
  context.mock.timers.tick(1000)
  model.choice.steps.value = 3
  leave()
  context.mock.timers.tick(1000)
  assert.deepEqual(steps, [undefined])
  const leaveAgain = model.begin(models)
  context.mock.timers.tick(1000)
  assert.deepEqual(steps, [undefined, 3])
  leaveAgain()
  model.begin(models)()
  model.begin(models)
  context.mock.timers.tick(1000)
  assert.deepEqual(steps, [undefined, 3])
})

describe('the label and guidance of another model', () => {
  const digits = studioModel('digits', { labels: ['one', 'two'] })
  const music = studioModel('music')

  test('are not sent in the process view', () => {
    const model = new ProcessModel(fakeBackend({}), new Stage(), () => 0.5)
    model.choice.offer([digits, music], ['generator'])
    model.label.value = 'two'
    model.guidance.value = 3
    assert.deepEqual([model.order.value!.label, model.order.value!.guidance], ['two', 3])
    model.choice.modelName.value = 'music'
    assert.deepEqual([model.order.value!.label, model.order.value!.guidance], [undefined, undefined])
  })

  test('are not sent when noise is removed', async () => {
    const seen: (string | undefined)[] = []
    const backend = fakeBackend({
      generate: async ({ label }) => {
        seen.push(label)
        return [sine(200, 0.1)]
      },
      denoise: async ({ label }) => {
        seen.push(label)
        return sine(200, 0.1)
      },
    })
    const model = new DenoiseModel(backend, new Stage(), () => 0.5)
    model.offer([digits, music])
    model.label.value = 'two'
    for (const name of ['digits', 'music']) {
      model.choice.modelName.value = name
      await model.makeExample()
      await model.denoise()
    }
    assert.deepEqual(seen, ['two', 'two', undefined, undefined])
  })
})

describe('clips that are kept', () => {
  test('are all in the archive, even with the same seed', async () => {
    let made = 0
    const backend = fakeBackend({
      generate: async (_, { onClip }) => {
        onClip?.({ ...sine(100 * ++made, 0.1), facts: { model: 'music', seed: 1 } })
        return []
      },
    })
    const model = new GenerateModel(backend, new Stage(), () => 0.5)
    model.offer([studioModel('music')])
    for (let i = 0; i < 3; i++) {
      await model.run()
      for (const clip of model.clips.value) clip.kept.value = true
    }
    const files = unzipSync(model.archive())
    assert.deepEqual(Object.keys(files), ['music-seed-1.wav', 'music-seed-1-2.wav', 'music-seed-1-3.wav'])
    assert.equal(new Set(Object.values(files).map(bytes => Buffer.from(bytes).toString('hex'))).size, 3)
  })
})

test('clips stay when the next ones cannot be made', async () => {
  let makes = true
  const backend = fakeBackend({
    generate: async (_, { onClip }) => {
      if (!makes) throw new Error('out of memory')
      onClip?.(sine(100, 0.1))
      return []
    },
  })
  const model = new GenerateModel(backend, new Stage(), () => 0.5)
  model.offer([studioModel('music')])
  await model.run()
  makes = false
  await model.run()
  assert.equal(model.task.problem.value!.title, 'out of memory')
  assert.equal(model.clips.value.length, 1)
})

test('what failed is tried again with the settings of now', async () => {
  const counts: number[] = []
  const backend = fakeBackend({
    generate: async ({ count }) => {
      counts.push(count)
      throw new Error('out of memory')
    },
  })
  const model = new GenerateModel(backend, new Stage(), () => 0.5)
  model.offer([studioModel('music')])
  await model.run()
  model.count.value = 2
  model.task.retry()
  assert.deepEqual(counts, [6, 2])
})

describe('cached spectrograms', () => {
  test('are kept for a few of the latest widths', () => {
    const sound = sine(200, 1)
    const thumbnail = cachedSpectrogram(sound, 64)
    const first = cachedSpectrogram(sound, 300)
    for (let columns = 600; columns <= 3000; columns += 300) {
      cachedSpectrogram(sound, columns)
      assert.equal(cachedSpectrogram(sound, 64), thumbnail)
    }
    assert.notEqual(cachedSpectrogram(sound, 300), first)
  })
})

describe('the gaps in the repair view', () => {
  test('are merged if they touch, in order', () => {
    const gaps = [
      { start: 2, end: 3 },
      { start: 0, end: 1 },
      { start: 0.5, end: 1.5 },
      { start: 1.5, end: 1.75 },
    ]
    assert.deepEqual(mergedGaps(gaps), [
      { start: 0, end: 1.75 },
      { start: 2, end: 3 },
    ])
  })

  test('are silent, and nothing else is', () => {
    const sound = { ...sine(1, 1, 10), samples: new Float32Array(10).fill(1) }
    assert.deepEqual([...withGaps(sound, [{ start: 0.2, end: 0.4 }]).samples], [1, 1, 0, 0, 1, 1, 1, 1, 1, 1])
  })
})

describe('a recording in the repair view', () => {
  /** Decodes any file to a tenth of a second of silence, a large one only once it may. */
  class FakeContext {
    static largeMay: Promise<void> = Promise.resolve()
    readonly #sampleRate: number
    constructor(_: number, __: number, sampleRate: number) {
      this.#sampleRate = sampleRate
    }
    async decodeAudioData({ byteLength }: ArrayBuffer) {
      if (byteLength > 5000) await FakeContext.largeMay
      const length = this.#sampleRate / 10
      return { length, numberOfChannels: 1, getChannelData: () => new Float32Array(length) }
    }
  }
  before(() => Object.assign(globalThis, { OfflineAudioContext: FakeContext }))

  test('is the one that was opened last, however long the one before takes to decode', async () => {
    for (const Model of [InpaintModel, DenoiseModel]) {
      const model = new Model(fakeBackend({}), new Stage(), () => 0.5)
      model.offer([studioModel('music')])
      let finish = () => {}
      FakeContext.largeMay = new Promise(resolve => {
        finish = resolve
      })
      const opening = model.open(source(noiseWav(0, 8000), 'large.wav'))
      await model.open(source(noiseWav(0, 800), 'small.wav'))
      finish()
      await opening
      assert.equal(model.name.value, 'small.wav')
      assert.equal(model.task.problem.value, null)
    }
  })

  test('keeps its rate, whatever model fills its gaps, and says what that means', async () => {
    const [rates, notes]: [number[], (string | null)[]] = [[], []]
    let sent = new Uint8Array(0)
    const backend = fakeBackend({
      inpaint: async ({ recording }) => {
        notes.push(model.note.value)
        rates.push(wavRate(recording.bytes))
        sent = recording.bytes
        return sine(200, 0.1)
      },
    })
    const model = new InpaintModel(backend, new Stage(), () => 0.5)
    model.offer([studioModel('low'), studioModel('high', { sampleRate: 22_050 })])
    const file = source(noiseWav(0, 800))
    await model.open(file)
    model.addGap({ start: 0.01, end: 0.02 })
    for (const name of ['low', 'high']) {
      model.choice.modelName.value = name
      await model.fill()
      assert.equal(model.task.problem.value, null)
    }
    assert.equal(sent, file.bytes)
    // The first is a WAV. Browsers do not tell the rate of the second.
    await model.open(source(new Uint8Array(800)))
    model.addGap({ start: 0.01, end: 0.02 })
    await model.fill()
    assert.deepEqual(rates, [22_050, 22_050, 48_000])
    assert.match(notes[0]!, /8000 Hz, and resampled to 22050 Hz: they have no sound above 4000 Hz\.$/)
    assert.deepEqual([notes[1], notes.length], [null, 3])
  })

  test('is not shown filled if its gaps are changed meanwhile', async () => {
    const backend = fakeBackend({
      inpaint: async () => {
        model.addGap({ start: 0.05, end: 0.06 })
        return sine(200, 0.1)
      },
    })
    const model = new InpaintModel(backend, new Stage(), () => 0.5)
    model.offer([studioModel('music')])
    await model.open(source(noiseWav(0, 800)))
    model.addGap({ start: 0.01, end: 0.02 })
    await model.fill()
    assert.equal(model.filled.value, null)
  })
})

describe('the example for denoising', () => {
  test('has noise of the chosen level', () => {
    let state = 1
    const draw = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const clean = sine(200, 2)
    const noisy = noisySound(clean, 10, draw)
    const noise = noisy.samples.map((value, i) => value - clean.samples[i]!)
    const snr = 20 * Math.log10(loudnessOf(clean.samples).rms / loudnessOf(noise).rms)
    assert.ok(Math.abs(snr - 10) < 0.3, `${snr} dB`)
  })
})

describe('a run in the training view', () => {
  test('has a curve of the lines that have a field', () => {
    const lines = [
      { step: 1, loss: 2 },
      { step: 2, validationLoss: 1 },
      { step: 3, loss: Number.NaN },
    ]
    assert.deepEqual(curveOf(lines, 'loss'), { steps: [1], values: [2] })
  })

  test('has an average without bias towards its first value', () => {
    const constant = smoothed({ steps: [1, 2, 3], values: [4, 4, 4] })
    assert.ok(constant.values.every(value => Math.abs(value - 4) < 1e-9))
    // A new value replaces 8 of 100 parts, so that of the first two values the first weighs 0.92 and the second 1.
    const curve = { steps: Array.from({ length: 100 }, (_, i) => i), values: [8, ...Array<number>(99).fill(4)] }
    const { values } = smoothed(curve)
    assert.ok(Math.abs(values[1]! - (0.92 * 8 + 4) / 1.92) < 1e-9, String(values[1]))
  })

  test('is followed to its end, with its latest clip', async () => {
    const clips: TrainingClip[] = [
      { id: 'a', step: 1, tag: 'made' },
      { id: 'b', step: 2, tag: 'made' },
    ]
    const runs = {
      list: async () => [
        { name: 'old', updated: '2026-01-01T00:00:00Z', hasModel: false },
        { name: 'new', updated: '2026-02-01T00:00:00Z', hasModel: false },
      ],
      async *metrics(): AsyncGenerator<readonly MetricsLine[]> {
        yield [{ step: 1, loss: 2 }]
        yield [{ step: 2, loss: 1, validationLoss: 1 }]
      },
      clips: async () => clips,
      clip: async () => sine(200, 0.1),
    }
    const model = new TrainingModel(runs, new Stage())
    await model.list()
    await model.watch('new')
    assert.deepEqual(model.loss.value, { steps: [1, 2], values: [2, 1] })
    assert.equal(model.clipId.value, 'b')
    assert.equal(model.last.value!.step, 2)
    assert.equal(model.shown.value!.clip.id, 'b')
    runs.clip = async () => {
      throw new Error('gone')
    }
    await model.choose('a')
    // What is still shown is not called by the name of the other one.
    assert.equal(model.shown.value!.clip.id, 'b')
  })
})
