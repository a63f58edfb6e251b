/** The trainer on a fake engine: the same bytes after a resume, what is refused, what survives. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, mock, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decodeAudio } from '#src/audio/codecs/decode'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { DiffWaveError, type ErrorCode } from '#src/core/errors'
import { writeFileBytes } from '#src/core/files'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import { domainOf } from '#src/data-domain/domain-of'
import { noiseSchedule } from '#src/diffusion/schedule'
import { encodeNpy } from '#src/formats/npy'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import type { ModelConfig } from '#src/model/config'
import { readModelFolder } from '#src/model/folder'
import { checkTrainingConfig, learningRate, type TrainingConfig } from '#src/training/config'
import { BatchMaker } from '#src/training/data/batch'
import { Cropper } from '#src/training/data/crop'
import { type Dataset, isValidation, loadDataset } from '#src/training/data/dataset'
import { measureSubbands } from '#src/training/data/measure'
import { levelWeight, stepDrawer } from '#src/training/objective/noise-levels'
import { clipGradients, globalNorm } from '#src/training/optimiser/gradients'
import { type TrainOptions, train } from '#src/training/trainer'
import { learningEngine } from '../support/learning-engine.js'

const scratch = mkdtempSync(join(tmpdir(), 'diffwave-training-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const code = (expected: ErrorCode) => (error: unknown) => error instanceof DiffWaveError && error.code === expected

function config(fields: Record<string, unknown> = {}): TrainingConfig {
  return checkTrainingConfig(
    {
      model: {
        kind: 'vocoder',
        sampleRate: 22050,
        network: {
          channels: 4,
          layers: 2,
          dilationCycle: 2,
          patch: 4,
          mel: { kind: 'frame-rate', bands: 80, hop: 256, encoder: [4] },
        },
        mel: 'tacotron2',
        diffusion: { training: { kind: 'linear', steps: 50, betaStart: 1e-3, betaEnd: 0.3 }, defaultSteps: 6 },
      },
      data: { cropSamples: 1024, batch: 2, accumulation: 2, gain: [-6, 0] },
      optimiser: { learningRate: 1e-2, warmupSteps: 3, totalSteps: 40 },
      noiseLevels: { kind: 'focused' },
      prior: { kind: 'mel-energy' },
      every: { log: 1, validation: 4, checkpoint: 3 },
      seed: 5,
      ...fields,
    },
    'test',
  )
}

const clip = (seed: number, length = 6000) => ({
  name: `${seed}.wav`,
  samples: Int16Array.from(gaussian(seed, 0, 0, length), x => x * 3000),
  label: '',
})
const data: Dataset = {
  sampleRate: 22050,
  training: [clip(1), clip(2, 3000), clip(3, 9000)],
  validation: [clip(4)],
  report: { clips: 4, hours: 0, validationClips: 1, givenMels: 0, rates: new Map(), leftOut: [], notes: [] },
  fingerprint: 'data',
}
let folders = 0
function options(fields: Partial<TrainOptions> = {}): TrainOptions {
  return {
    config: config(),
    data,
    out: join(scratch, `run-${folders++}`),
    createEngine: async (model, weights) => learningEngine(model.network, weights),
    clock: () => 0,
    ...fields,
  }
}
const bytes = (folder: string) => readFileSync(join(folder, 'checkpoint.safetensors'))

test('a config is refused by the name of its field', () => {
  for (const [fields, field] of [
    [{ data: { cropSamples: 1000 } }, 'data.cropSamples'],
    [{ loss: 'huber' }, 'loss'],
    [{ optimiser: { totalSteps: 5, warmupSteps: 9 } }, 'optimiser.warmupSteps'],
    [{ data: { crop: 3 } }, 'data.crop'],
    [{ noiseLevels: { kind: 'focused', share: 2 } }, 'noiseLevels.share'],
  ] as const) {
    assert.throws(
      () => config(fields),
      error => code('BAD_CONFIG')(error) && (error as Error).message.includes(field),
      field,
    )
  }
})

test('the config kept beside the speech model is one', () => {
  const path = fileURLToPath(new URL('../../../models/speech/train.json', import.meta.url))
  const { model } = checkTrainingConfig(JSON.parse(readFileSync(path, 'utf8')), path)
  const { alphaBar } = noiseSchedule(model.diffusion.training)
  assert.ok(alphaBar.at(-1)! <= 1e-3)
})

test('the config kept beside the music model is one, with every class of a score as a label', async () => {
  const at = (name: string) => new URL(`../../../models/music/${name}`, import.meta.url)
  const { model } = checkTrainingConfig(JSON.parse(readFileSync(at('train.json'), 'utf8')), 'train.json')
  const { scoreClasses }: { scoreClasses: () => string[] } = await import(at('score-labels.mjs').href)
  assert.deepEqual(model.network.labels, scoreClasses())
})

test('the rate warms up, then follows half a cosine', () => {
  const { optimiser } = config({
    optimiser: { learningRate: 1, warmupSteps: 4, totalSteps: 104, finalFactor: 0.1 },
  })
  assert.equal(learningRate(optimiser, 0), 0.25)
  assert.equal(learningRate(optimiser, 4), 1)
  assert.ok(Math.abs(learningRate(optimiser, 54) - 0.55) < 1e-12)
  assert.ok(Math.abs(learningRate(optimiser, 500) - 0.1) < 1e-12)
})

test('gradients are clipped by the norm over all of them', () => {
  const gradients = new Map([
    ['a', Float32Array.of(3, 0)],
    ['b', Float32Array.of(0, 4)],
  ])
  assert.equal(clipGradients(gradients, 10), 5)
  assert.equal(globalNorm(gradients), 5)
  assert.equal(clipGradients(gradients, 1), 5)
  assert.ok(Math.abs(globalNorm(gradients) - 1) < 1e-6)
})

test('steps stay in range, are repeatable, and crowd around the sampled levels where focused', () => {
  const focused = config()
  const schedule = noiseSchedule(focused.model.diffusion.training)
  const draw = stepDrawer(focused, schedule)
  assert.deepEqual(draw(7, 3, 16), draw(7, 3, 16))
  const steps = Array.from({ length: 200 }, (_, i) => [...draw(7, i, 16)]).flat()
  assert.ok(steps.every(step => step >= 0 && step <= 49))
  const whole = stepDrawer(config({ noiseLevels: { kind: 'discrete' } }), schedule)
  const counts = new Array<number>(50).fill(0)
  for (let i = 0; i < 500; i++) for (const step of whole(1, i, 16)) counts[step]!++
  assert.ok(counts.every(count => Math.abs(count - 160) < 60))
  assert.equal(levelWeight({ kind: 'min-snr', gamma: 5 }, 'epsilon', 0.5), 1)
  assert.ok(Math.abs(levelWeight({ kind: 'min-snr', gamma: 5 }, 'epsilon', 0.9) - 5 / 9) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'min-snr', gamma: 5 }, 'v', 0.9) - 0.5) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'min-snr', gamma: 5 }, 'x0', 0.9) - 5) < 1e-12)
  // The loss of v, whatever is predicted, up to ten times that of x_0.
  assert.ok(Math.abs(levelWeight({ kind: 'truncated-v', most: 10 }, 'v', 0.5) - 1) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'truncated-v', most: 10 }, 'x0', 0.5) - 2) < 1e-12)
  assert.ok(Math.abs(levelWeight({ kind: 'truncated-v', most: 10 }, 'x0', 0.99) - 10) < 1e-12)
})

test('a crop has the mel of the whole clip', () => {
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

test('a generator’s crop may begin in silence, is as loud as asked, and is lifted by the signal scale', () => {
  const { model } = config({
    model: {
      kind: 'generator',
      sampleRate: 8000,
      network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
      diffusion: { training: { kind: 'cosine', steps: 10 }, signalScale: 4, clamp: false },
    },
    prior: null,
  })
  const { audio } = new Cropper(model, domainOf(model)).crop(
    { name: 'a.wav', label: '', samples: Int16Array.of(4096, -8192) },
    -2,
    6,
    0.5,
  )
  assert.deepEqual([...audio], [0, 0, 0.25, -0.5, 0, 0])
  assert.throws(() => config({ data: { leadIn: 0.1 } }), code('BAD_CONFIG'))
})

test('subbands get their gains from the recordings, and a crop has the very coefficients that its clip has there', async () => {
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

test('a recording of several classes: a crop has that of its middle, and the model draws each as often as crops have it', async () => {
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

test('silence is drawn before short clips only as far as they fit whole', () => {
  const generator = config({
    model: {
      kind: 'generator',
      sampleRate: 8000,
      network: { channels: 4, layers: 2, dilationCycle: 2, patch: 4 },
      diffusion: { training: { kind: 'cosine', steps: 10 } },
    },
    data: { cropSamples: 1024, batch: 16, leadIn: 10 },
    noiseLevels: { kind: 'discrete' },
    prior: null,
  })
  const maker = new BatchMaker(generator, generator.model, [
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

test('a resumed run ends on the bytes of an uninterrupted one, and learns', async () => {
  const losses: number[] = []
  const whole = options({ maxSteps: 14, onStep: ({ loss }) => losses.push(loss) })
  await train(whole)
  const parted = options({ maxSteps: 7 })
  await train(parted)
  const summary = await train({ ...parted, maxSteps: 14, resume: true })
  assert.equal(summary.step, 14)
  assert.deepEqual(bytes(parted.out), bytes(whole.out))
  const log = (folder: string) =>
    readFileSync(join(folder, 'metrics.jsonl'), 'utf8').replace(/"samplesPerSecond":[^,]*,/g, '')
  assert.equal(log(parted.out), log(whole.out))
  assert.ok(existsSync(join(whole.out, 'model', 'config.json')) && existsSync(join(whole.out, 'best', 'config.json')))
  assert.ok(losses.at(-1)! < losses[0]!)
})

test('a second start, other recordings and another config are refused', async () => {
  const first = options({ maxSteps: 1 })
  await train(first)
  await assert.rejects(train(first), code('BAD_OPTION'))
  const resumed = { ...first, resume: true }
  await assert.rejects(train({ ...resumed, data: { ...data, fingerprint: 'other' } }), code('BAD_DATA'))
  await assert.rejects(train({ ...resumed, config: config({ loss: 'l2' }) }), code('BAD_CONFIG'))
})

test('a run that began before a field of the model existed goes on', async () => {
  const run = options({ maxSteps: 2 })
  await train(run)
  const path = join(run.out, 'checkpoint.safetensors')
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
  const older = metadata.get('position')!.replaceAll(/,\\*"refinement\\*":null/g, '')
  assert.equal(older.length, metadata.get('position')!.length - ',"refinement":null,\\"refinement\\":null'.length)
  await writeFileBytes(path, encodeSafetensors(tensors, new Map([['position', older]])))
  assert.equal((await train({ ...run, resume: true, maxSteps: 3 })).step, 3)
})

test('what is not finite never reaches the weights; too much of it stops the run', async () => {
  const spoilt = (spoil: (call: number) => boolean) =>
    options({ maxSteps: 12, createEngine: async (model, weights) => learningEngine(model.network, weights, { spoil }) })
  const once = spoilt(call => call === 5)
  const { step } = await train(once)
  assert.equal(step, 12)
  const never = spoilt(call => call > 0)
  await assert.rejects(train(never), code('DIVERGED'))
  assert.ok(!existsSync(join(never.out, 'checkpoint.safetensors')) && !existsSync(join(never.out, 'model')))
})

test('a run that diverges is rolled back to its last good checkpoint, and says to which', async () => {
  const until3 = options({ maxSteps: 3 })
  await train(until3)
  // Updates 5 to 9 have no finite gradient; the checkpoint due at step 6, amid them, is not written.
  const diverging = options({
    createEngine: async (model, weights) => learningEngine(model.network, weights, { spoil: call => call > 8 }),
  })
  await assert.rejects(train(diverging), error => {
    assert.ok(code('DIVERGED')(error))
    assert.match((error as Error).message, /rolled back to the checkpoint of step 3 \(step 8\)$/)
    return true
  })
  assert.deepEqual(bytes(diverging.out), bytes(until3.out))
  const model = (folder: string, file: string) => readFileSync(join(folder, 'model', file))
  for (const file of ['config.json', 'weights.safetensors']) {
    assert.deepEqual(model(diverging.out, file), model(until3.out, file))
  }
  assert.equal((await train({ ...diverging, maxSteps: 6, resume: true })).step, 6)
})

test('a full disk leaves the checkpoint before, and the error says so', async () => {
  const run = options({ maxSteps: 3 })
  await train(run)
  const [before, files] = [bytes(run.out), readdirSync(run.out)]
  const handle = await open(join(run.out, 'probe'), 'w')
  const prototype = Object.getPrototypeOf(handle)
  await handle.close()
  rmSync(join(run.out, 'probe'))
  // Half of the bytes go through, then the disk is full.
  const full = mock.method(prototype, 'writeFile', async function (this: FileHandle, data: Uint8Array) {
    await this.write(data, 0, Math.floor(data.length / 2))
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  })
  try {
    await assert.rejects(
      writeFileBytes(join(run.out, 'checkpoint.safetensors'), new Uint8Array(1000)),
      code('DISK_FULL'),
    )
  } finally {
    full.mock.restore()
  }
  assert.deepEqual(bytes(run.out), before)
  assert.deepEqual(readdirSync(run.out), files)
  assert.equal((await train({ ...run, maxSteps: 6, resume: true })).step, 6)
})

/** A name space of mounts of our own, where the system grants one. */
const unshare = ['-rm', 'sh', '-c']
const mayMount = spawnSync('unshare', [...unshare, `mount -t tmpfs -o size=1m none ${tmpdir()}`]).status === 0

test('a disk that fills up while a run goes on', {
  skip: mayMount ? false : 'no file system can be mounted here',
}, () => {
  const helper = fileURLToPath(new URL('../support/train-until-full.js', import.meta.url))
  const folder = join(scratch, 'small-disk')
  mkdirSync(folder)
  const command = `mount -t tmpfs -o size=32m none ${folder} && exec ${process.execPath} ${helper} ${folder}`
  const { status, stdout, stderr } = spawnSync('unshare', [...unshare, command], {
    input: JSON.stringify(config()),
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { code: 'DISK_FULL', intact: true, resumedTo: 9 })
})

test('a signal finishes the step, saves and returns', async () => {
  const stop = new AbortController()
  const run = options({ signal: stop.signal, onStep: ({ step }) => step === 5 && stop.abort() })
  assert.deepEqual((await train(run)).stoppedBy, 'signal')
  assert.equal((await train({ ...options({ out: run.out, resume: true }), maxSteps: 5 })).step, 5)
})

test('a data set names what it leaves out, and why', async () => {
  const folder = join(scratch, 'recordings', 'kick')
  mkdirSync(folder, { recursive: true })
  const write = (name: string, samples: Float32Array, sampleRate = 22050) =>
    writeFileSync(join(folder, name), encodeWav({ samples, sampleRate }))
  write(
    'good.wav',
    gaussian(1, 0, 0, 5000).map(x => x * 0.1),
  )
  write(
    'slow.wav',
    gaussian(2, 0, 0, 5000).map(x => x * 0.1),
    11025,
  )
  write(
    'short.wav',
    gaussian(1, 0, 0, 500).map(x => x * 0.1),
  )
  write('silent.wav', new Float32Array(5000))
  write(
    'clipped.wav',
    gaussian(1, 0, 0, 5000).map(x => Math.max(-1, Math.min(1, x))),
  )
  writeFileSync(join(folder, 'broken.flac'), 'fLaC and then nothing')
  const load = (share: number, speeds: readonly number[] = [1]) =>
    loadDataset({
      folders: [join(scratch, 'recordings')],
      speeds,
      sampleRate: 22050,
      minSamples: 1000,
      validationShare: share,
      decode: decodeAudio,
      cache: join(scratch, 'cache'),
    })
  const { training, report, fingerprint } = await load(0)
  assert.deepEqual(
    training.map(({ name, label, samples }) => [name, label, samples.length]),
    [
      ['kick/good.wav', 'kick', 5000],
      ['kick/slow.wav', 'kick', 10_000],
    ],
  )
  assert.deepEqual(
    report.leftOut.map(({ reason }) => reason),
    ['unreadable', 'clipped', 'too short', 'silent'].sort((a, b) => order(a) - order(b)),
  )
  const metadata = join(scratch, 'recordings', 'metadata.csv')
  writeFileSync(metadata, 'slow,tom,0\nslow,rim,0.2\n')
  const parted = await load(0)
  assert.deepEqual(parted.training[1]!.label, [
    { from: 0, label: 'tom' },
    { from: 0.2, label: 'rim' },
  ])
  assert.notEqual(parted.fingerprint, fingerprint)
  const twice = (await load(0, [2])).training[1]!.label
  assert.deepEqual(twice, [
    { from: 0, label: 'tom' },
    { from: 0.1, label: 'rim' },
  ])
  rmSync(metadata)
  write(
    'good.wav',
    gaussian(3, 0, 0, 5000).map(x => x * 0.1),
  )
  assert.notEqual((await load(0)).fingerprint, fingerprint)
  const kept = Array.from({ length: 2000 }, (_, i) => isValidation(`${i}.wav`, 0.1)).filter(Boolean).length
  assert.ok(Math.abs(kept - 200) < 50)
})

test('a mel beside a recording, or in a folder of mels, takes the place of its own; one that does not fit is named', async () => {
  const folder = join(scratch, 'pairs')
  const mels = join(scratch, 'predicted')
  for (const path of [join(folder, 'wavs'), mels]) mkdirSync(path, { recursive: true })
  const { model } = config()
  const convention = model.mel!
  const write = (path: string, bands: number, frames: number) =>
    writeFileSync(
      path,
      encodeNpy({
        shape: [bands, frames],
        data: Float32Array.from({ length: bands * frames }, (_, i) => -(i % frames) / 5),
      }),
    )
  for (const [i, name] of ['plain', 'paired', 'narrow', 'long', 'spoilt'].entries()) {
    const samples = gaussian(i, 0, 0, 5000).map(x => x * 0.1)
    writeFileSync(join(folder, 'wavs', `${name}.wav`), encodeWav({ samples, sampleRate: 22050 }))
  }
  // 5000 samples have 20 frames; predicted mels lack the last one.
  write(join(folder, 'wavs', 'paired.npy'), 80, 19)
  write(join(folder, 'wavs', 'narrow.npy'), 40, 20)
  write(join(folder, 'wavs', 'long.npy'), 80, 25)
  writeFileSync(join(folder, 'wavs', 'spoilt.npy'), 'no mel')
  const load = (fields: Partial<Parameters<typeof loadDataset>[0]> = {}) =>
    loadDataset({
      folders: [folder],
      sampleRate: 22050,
      minSamples: 1024,
      validationShare: 0,
      speeds: [0.9, 1],
      decode: decodeAudio,
      mels: { convention },
      ...fields,
    })
  const beside = await load()
  assert.deepEqual(
    beside.training.map(({ name, mel }) => [name, mel?.frames]),
    [
      ['wavs/paired.wav', 20],
      ['wavs/plain.wav at 0.9', undefined],
      ['wavs/plain.wav', undefined],
    ],
  )
  assert.equal(beside.report.givenMels, 1)
  assert.deepEqual(
    beside.report.leftOut.map(({ file, reason }) => [file.slice(folder.length + 6), reason]),
    ['long.wav', 'narrow.wav', 'spoilt.wav'].map(name => [name, 'bad mel']),
  )
  const crop = new Cropper(model, domainOf(model)).crop(beside.training[0]!, 1024, 1024)
  const expected = Array.from({ length: crop.mel!.frames }, (_, f) => Math.fround(-(4 + f) / 5))
  for (const band of [0, 79]) {
    assert.deepEqual([...crop.mel!.data.subarray(band * crop.mel!.frames, (band + 1) * crop.mel!.frames)], expected)
  }

  write(join(mels, 'plain.npy'), 80, 20)
  const given = await load({ mels: { convention, folder: mels } })
  assert.deepEqual([given.training.length, given.report.givenMels], [1, 1])
  assert.ok(given.report.leftOut.every(({ reason }) => reason === 'no mel'))
  write(join(mels, 'plain.npy'), 80, 19)
  assert.notEqual((await load({ mels: { convention, folder: mels } })).fingerprint, given.fingerprint)

  const first = options({ maxSteps: 2 })
  await train(first)
  const from = await readModelFolder(join(first.out, 'model'))
  const tuned = options({ data: given, from, maxSteps: 3 })
  assert.equal((await train(tuned)).step, 3)
  const { config: kept } = await readModelFolder(join(tuned.out, 'model'))
  assert.deepEqual(kept.diffusion.prior, from.config.diffusion.prior)
})

const order = (reason: string) => ['unreadable', 'clipped', 'too short', 'silent'].indexOf(reason)

test('kill -9 at any moment leaves a run that goes on to the same bytes', async () => {
  const whole = options({ maxSteps: 20 })
  await train(whole)
  const out = join(scratch, 'killed')
  const helper = fileURLToPath(new URL('../support/train-slowly.js', import.meta.url))
  const started = (): ChildProcess => spawn(process.execPath, [helper, out], { stdio: ['pipe', 'ignore', 'inherit'] })
  for (const delay of [500, 700]) {
    const child = started()
    child.stdin!.end(JSON.stringify(whole.config))
    await new Promise(resolve => setTimeout(resolve, delay))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
  }
  await train({ ...options({ out, resume: true }), maxSteps: 20 })
  assert.deepEqual(bytes(out), bytes(whole.out))
})

test('a run that reached its end can be made longer, and its rate comes down by the new end', async () => {
  const run = options()
  const ended = { ...run.config, optimiser: { ...run.config.optimiser, totalSteps: 4 } }
  assert.equal((await train({ ...run, config: ended })).stoppedBy, 'total-steps')
  const rates: number[] = []
  const longer = { ...run.config, optimiser: { ...run.config.optimiser, totalSteps: 8 } }
  const onStep = ({ learningRate }: { readonly learningRate: number }) => rates.push(learningRate)
  assert.equal((await train({ ...run, config: longer, resume: true, onStep })).step, 8)
  assert.deepEqual(
    rates,
    [4, 5, 6, 7].map(step => learningRate(longer.optimiser, step)),
  )
})

test('how the model is sampled and named may change between two parts of a run', async () => {
  const run = options({ maxSteps: 2 })
  await train(run)
  const { model } = run.config
  const diffusion = { ...model.diffusion, defaultSteps: 3, defaultSampler: 'ddim' as const }
  const renamed = { ...run.config, model: { ...model, name: 'renamed', diffusion } }
  await train({ ...run, config: renamed, resume: true, maxSteps: 3 })
  const exported = JSON.parse(readFileSync(join(run.out, 'model', 'config.json'), 'utf8'))
  assert.equal(exported.name, 'renamed')
  assert.equal(exported.diffusion.defaultSteps, 3)
  const other = { ...model, diffusion: { ...model.diffusion, prediction: 'v' as const } }
  await assert.rejects(train({ ...run, config: { ...run.config, model: other }, resume: true }), code('BAD_CONFIG'))
})
