/** Batches of crops. */
import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { MelPitch } from '#src/audio/mel/pitch'
import { createEngine } from '#src/engines/select'
import { FrontEndEnvelope } from '#src/model/front-end/envelope'
import { readModel } from '#src/model/read-model'
import { checkTrainingConfig } from '#src/training/config'
import { type BatchKernels, BatchMaker } from '#src/training/data/batch'
import { smallStepEmbedding } from '../../support/configs.js'
import { golden } from '../../support/paths.js'
import { config } from '../../support/training.js'

/** The config of a generator of 4 channels. */
const generator = (data: object, labels?: readonly string[]) =>
  config({
    model: {
      kind: 'generator',
      sampleRate: 8000,
      network: { stepEmbedding: smallStepEmbedding, channels: 4, layers: 2, dilationCycle: 2, patch: 4, labels },
      diffusion: { training: { kind: 'cosine', steps: 10 } },
    },
    data,
    noiseLevels: { kind: 'discrete' },
    prior: null,
  })

test('the silence before a short clip leaves room for the whole clip', () => {
  const unlabelled = generator({ cropSamples: 1024, batch: 16, leadIn: 10 })
  const maker = new BatchMaker(unlabelled, unlabelled.model, [
    { name: 'short.wav', label: '', samples: new Int16Array(900).fill(8192) },
  ])
  const starts = new Set<number>()
  for (let draw = 0; draw < 10; draw++) {
    const { audio, target, steps } = maker.batch(draw)
    for (const [i, noisy] of audio.entries()) {
      const level = maker.schedule.alphaBar[steps[i]!]!
      if (level < 0.5) continue
      const clean = noisy.map((x, n) => (x - Math.sqrt(1 - level) * target[i]![n]!) / Math.sqrt(level))
      const sounding = clean.reduce((count, x) => count + (x > 0.125 ? 1 : 0), 0)
      assert.equal(sounding, 900)
      starts.add(clean.findIndex(x => x > 0.125))
    }
  }
  assert.ok(starts.size > 10)
})

describe('a batch of labelled clips', () => {
  const labelled = generator({ cropSamples: 256, batch: 64, gain: [-20, 0], labelDropout: 0.5 }, ['low', 'high'])
  const clip = (label: string, sample: number) => ({
    name: `${label}.wav`,
    label,
    samples: new Int16Array(512).fill(sample),
  })
  const { clean, labels, target } = new BatchMaker(labelled, labelled.model, [
    clip('low', 8192),
    clip('high', -8192),
  ]).batch(0)

  test('drops labels at random, no matter how loud the crop is', () => {
    assert.deepEqual(new Set(labels), new Set([0, 1, null]))
    for (const [i, label] of labels!.entries()) if (label !== null) assert.equal(clean[i]![0]! < 0, label === 1)
    const loudness = (dropped: boolean) =>
      clean.filter((_, i) => (labels![i] === null) === dropped).map(audio => Math.abs(audio[0]!))
    for (const levels of [loudness(true), loudness(false)]) {
      // From 0.025 to 0.25; −10 dB is 0.079.
      assert.ok(Math.min(...levels) < 0.05 && Math.max(...levels) > 0.125, levels.join(' '))
    }
  })

  test('has other noise in each crop', () => {
    assert.equal(new Set(target.map(noise => noise[0])).size, 64)
  })
})

describe('batches of voices that start from pulses', async () => {
  const { config: model, parameters } = await readModel(golden('pytorch-windows'))
  const harmonics = { corner: 3000, noise: 0.3, phase: 'minimum' }
  const voice = Int16Array.from({ length: 12_000 }, (_, n) => (n % 110 < 3 ? 12_000 : -300))
  const makerOf = (pulses: string, kernels?: BatchKernels) => {
    const checked = checkTrainingConfig(
      {
        model: { ...model, diffusion: { ...model.diffusion, prior: { kind: 'front-end', harmonics } } },
        data: { cropSamples: 4096, batch: 2 },
        optimiser: { totalSteps: 10 },
        noiseLevels: { kind: 'continuous' },
        pulses,
        seed: 3,
      },
      'test',
    )
    return new BatchMaker(checked, checked.model, [{ name: 'voice.wav', label: '', samples: voice }], kernels)
  }

  test('mark voiced positions, in every second crop for mixed pulses', () => {
    const counts = (pulses: string) =>
      makerOf(pulses)
        .batch(0)
        .voiced?.map(voiced => voiced.reduce((sum, isVoiced) => sum + isVoiced, 0) > 8)
    assert.deepEqual(counts('recorded'), [true, true])
    assert.deepEqual(counts('mixed'), [true, false])
    assert.equal(counts('free'), undefined)
  })

  test('have the same bytes with the native kernels of an engine', async () => {
    const engine = await createEngine(model.network, parameters, { engine: 'native' }, model.mel)
    try {
      const windowFilter = mock.fn(engine.frontEnd!.windowFilter)
      const kernels = { gaussian: engine.gaussian!, frontEnd: { ...engine.frontEnd!, windowFilter } }
      assert.deepEqual(makerOf('mixed', kernels).batch(0), makerOf('mixed').batch(0))
      assert.equal(windowFilter.mock.callCount(), 1)
    } finally {
      await engine.dispose()
    }
  })

  test('compute pitch and envelope of each crop once', () => {
    const maker = makerOf('recorded')
    const pitch = mock.method(MelPitch.prototype, 'stream')
    const envelope = mock.method(FrontEndEnvelope.prototype, 'powers')
    try {
      maker.batch(0)
      assert.equal(pitch.mock.callCount(), 2)
      assert.equal(envelope.mock.callCount(), 2)
    } finally {
      mock.restoreAll()
    }
  })
})
