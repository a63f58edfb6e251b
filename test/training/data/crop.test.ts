/** Crops of recordings: their mel, their level, their coefficients and their label. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { MAX_PREPARED_BYTES } from '#src/core/limits'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import { domainOf } from '#src/data-domain/domain-of'
import type { ModelConfig } from '#src/model/config'
import { readModelFolder } from '#src/model/folder'
import { BatchMaker } from '#src/training/data/batch'
import { Cropper, labelIndex } from '#src/training/data/crop'
import { measureSubbands } from '#src/training/data/measure'
import { code } from '../../support/errors.js'
import { learningEngine } from '../../support/learning-engine.js'
import { clip, config, data, train } from '../../support/training.js'
import { scratch } from '../../support/training-scratch.js'

test('has the mel of the whole clip', () => {
  const whole = clip(9, 12_000)
  const { model } = config()
  const samples = Float32Array.from(whole.samples, s => s / 32768)
  const mel = melSpectrogram({ samples, sampleRate: 22050 }, namedConventions.tacotron2)
  const cropper = new Cropper(model, domainOf(model))
  for (const start of [0, 256, 5120, 10_752]) {
    const crop = cropper.crop(whole, start, 1024)
    const within = Math.min(crop.mel!.frames, mel.frames - start / 256)
    for (let band = 0; band < 80; band++) {
      assert.deepEqual(
        crop.mel!.data.slice(band * crop.mel!.frames, band * crop.mel!.frames + within),
        mel.data.slice(band * mel.frames + start / 256, band * mel.frames + start / 256 + within),
      )
    }
  }
})

test('has the mel of the louder or softer audio, of magnitudes and of powers', () => {
  const whole = clip(9, 4096)
  const { tacotron2 } = namedConventions
  for (const mel of [tacotron2, { ...tacotron2, name: 'powers', power: 2 } as const]) {
    const model = { ...config().model, mel }
    const soft = Float32Array.from(whole.samples, s => s / 32768 / 4)
    const expected = melSpectrogram({ samples: soft, sampleRate: 22050 }, mel)
    const crop = new Cropper(model, domainOf(model)).crop(whole, 1024, 1024, 0.25).mel!
    for (let band = 0; band < 80; band++) {
      for (let frame = 0; frame < crop.frames; frame++) {
        const value = expected.data[band * expected.frames + 4 + frame]!
        assert.ok(Math.abs(crop.data[band * crop.frames + frame]! - value) < 1e-4, `${mel.name}, band ${band}`)
      }
    }
  }
})

test('keeps what it has prepared, and drops the oldest when it takes too much memory', () => {
  const { model } = config()
  const cropper = new Cropper(model, domainOf(model))
  const prepared: string[] = []
  // Half of the limit each.
  const large = (name: string) => ({
    ...clip(1),
    get mel() {
      prepared.push(name)
      const data = Object.defineProperty(new Float32Array(80 * 24), 'byteLength', { value: MAX_PREPARED_BYTES / 2 })
      return { data, bands: 80, frames: 24 }
    },
  })
  const [a, b, c] = [large('a'), large('b'), large('c')]
  for (const clip of [a, b, a, c, b, c, a]) cropper.crop(clip, 0, 1024)
  assert.deepEqual(prepared, ['a', 'b', 'c', 'a'])
})

test('of a generator may begin in silence, applies gain and signal scale, and keeps its bandwidth', () => {
  const { model } = config({
    model: {
      kind: 'generator',
      sampleRate: 8000,
      network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
      diffusion: { training: { kind: 'cosine', steps: 10 }, signalScale: 4, clamp: false },
    },
    prior: null,
  })
  const recording = { name: 'a.wav', label: '', samples: Int16Array.of(4096, -8192) }
  const cropper = new Cropper(model, domainOf(model))
  const { audio, limit } = cropper.crop({ ...recording, limit: 3000 }, -2, 6, 0.5)
  assert.deepEqual([...audio], [0, 0, 0.25, -0.5, 0, 0])
  assert.deepEqual([limit, cropper.crop(recording, 0, 6).limit], [3000, 4000])
  assert.throws(() => config({ data: { leadIn: 0.1 } }), code('BAD_CONFIG'))
})

test('in subbands has its clip’s coefficients, scaled as measured', async () => {
  const generator = (fields: Record<string, unknown> = {}) =>
    config({
      model: {
        kind: 'generator',
        sampleRate: 8000,
        network: { channels: 4, layers: 2, dilationCycle: 2, patch: 16 },
        diffusion: { training: { kind: 'cosine', steps: 10 }, prediction: 'x0', clamp: false },
        ...fields,
      },
      data: { cropSamples: 64, batch: 2 },
      prior: null,
      noiseLevels: { kind: 'continuous' },
      subbands: { kind: 'mdct', equalisation: 1, deviation: 0.5 },
    })
  // Noise through a low pass: full equalisation undoes it, band by band.
  const noise = gaussian(1, 0, 0, 64_000)
  const samples = Int16Array.from(noise, (z, i) => 2000 * (z + (noise[i - 1] ?? 0)))
  const recording = { name: 'a.wav', label: '', samples }
  const subbands = measureSubbands([recording], 16, { equalisation: 1, deviation: 0.5, kind: 'mdct' })
  const { model } = generator()
  const measured = { ...model, diffusion: { ...model.diffusion, subbands } }
  const cropper = new Cropper(measured, domainOf(measured))
  const whole = cropper.crop(recording, 0, 64_000).audio
  for (const band of [0, 4, 12]) {
    let power = 0
    for (let i = band; i < whole.length; i += 16) power += whole[i]! ** 2
    assert.ok(Math.abs(Math.sqrt(power / 4000) - 0.5) < 0.06, `band ${band}: ${Math.sqrt(power / 4000)}`)
  }
  assert.deepEqual(cropper.crop(recording, 160, 64).audio, whole.slice(160, 224))
  assert.deepEqual(
    cropper.crop(recording, -32, 64, 2).audio.slice(32),
    whole.slice(0, 32).map(x => 2 * x),
  )
  // What the trainer writes is a model.
  const out = join(scratch, 'subbands')
  await train({
    config: generator(),
    data: { ...data, training: [recording], validation: [] },
    out,
    createEngine: async (model, weights) => learningEngine(model.network, weights),
    maxSteps: 1,
    clock: () => 0,
  })
  const written = await readModelFolder(join(out, 'model'))
  assert.deepEqual(written.config.diffusion.subbands, subbands)
  assert.throws(
    () => generator({ network: { channels: 4, layers: 2, dilationCycle: 2, patch: 12 } }),
    code('BAD_CONFIG'),
  )
})

test('in subbands, bands 40 dB below the loudest and softer ones have the same gain', () => {
  const tone = Int16Array.from({ length: 8192 }, (_, i) => 8000 * Math.sin(i / 20))
  const recording = { name: 'tone.wav', label: '', samples: tone }
  const { gains } = measureSubbands([recording], 64, { equalisation: 1, deviation: 0.5, kind: 'mdct' })
  assert.ok(Math.abs(Math.max(...gains) / Math.min(...gains) - 100) < 0.01)
  assert.equal(new Set(gains.slice(32)).size, 1)
})

test('has a label that is spelt in composed or decomposed characters', () => {
  const indices = ['caf\u00e9', 'cafe\u0301', 'cafe'].map(label => labelIndex(['tea', 'caf\u00e9'], label))
  assert.deepEqual(indices, [1, 1, -1])
})

test('has the label at its middle, and labelShares counts labels of crops', async () => {
  const generator = (fields: Record<string, unknown> = {}) =>
    config({
      model: {
        kind: 'generator',
        sampleRate: 8000,
        network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4, labels: ['calm', 'busy', 'unheard'] },
        diffusion: { training: { kind: 'cosine', steps: 10 } },
      },
      data: { cropSamples: 800, batch: 16, labelDropout: 0 },
      noiseLevels: { kind: 'discrete' },
      prior: null,
      labelShares: 'measured',
      ...fields,
    })
  const parts = [
    { from: 0, label: 'calm' },
    { from: 0.25, label: 'busy' },
  ]
  const recording = { name: 'a.wav', label: parts, samples: new Int16Array(4000).fill(8192) }
  const { model } = generator()
  const cropper = new Cropper(model, domainOf(model))
  // 0.25 s is sample 2000, the middle of the crop that starts at 1600.
  assert.deepEqual(
    [0, 1596, 1600, 3200].map(start => cropper.crop(recording, start, 800).label),
    [0, 0, 1, 1],
  )
  const out = join(scratch, 'shares')
  const run = {
    config: generator(),
    data: { ...data, training: [recording, { ...recording, label: 'busy' }], validation: [] },
    out,
    createEngine: async (model: ModelConfig, weights: Tensors) => learningEngine(model.network, weights),
    maxSteps: 1,
    clock: () => 0,
  }
  await train(run)
  const shares = (await readModelFolder(join(out, 'model'))).config.labelShares!
  // Of 2 × 801 places, 400 have calm in their middle.
  for (const [i, share] of [400 / 1602, 1202 / 1602, 0].entries()) assert.ok(Math.abs(shares[i]! - share) < 1e-4)
  const maker = new BatchMaker(run.config, model, run.data.training)
  const drawn = Array.from({ length: 40 }, (_, draw) => maker.batch(draw).labels!).flat()
  assert.ok(Math.abs(drawn.filter(label => label === 0).length / drawn.length - 400 / 1602) < 0.05)
  const unknown = { ...recording, label: [...parts, { from: 0.4, label: 'mad' }] }
  assert.throws(() => new BatchMaker(run.config, model, [unknown]), code('BAD_DATA'))
  assert.throws(
    () => generator({ model: { ...model, network: { ...model.network, labels: null } } }),
    code('BAD_CONFIG'),
  )
})
