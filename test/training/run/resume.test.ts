/** Resumed runs end with the bytes of an uninterrupted run, and only some settings may change. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeFileBytes } from '#src/core/write-file'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import type { ModelConfig } from '#src/model/config'
import { checkTrainingConfig, learningRate } from '#src/training/config'
import { Adam } from '#src/training/optimiser/adam'
import { readCheckpoint, readProgress } from '#src/training/run/checkpoint'
import { safetensors } from '../../support/bytes.js'
import { code } from '../../support/errors.js'
import { config, data, train } from '../../support/training.js'
import { bytes, options } from '../../support/training-scratch.js'

test('a resumed run ends with the bytes of an uninterrupted one, and learns', async () => {
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

test('refuses a second start, other recordings and another config', async () => {
  const first = options({ maxSteps: 1 })
  await train(first)
  await assert.rejects(train(first), code('BAD_OPTION'))
  const resumed = { ...first, resume: true }
  await assert.rejects(train({ ...resumed, data: { ...data, fingerprint: 'other' } }), code('BAD_DATA'))
  const refusal = code('BAD_CONFIG', /loss is not what this run was started with, expected "l1", got "l2"/)
  await assert.rejects(train({ ...resumed, config: config({ loss: 'l2' }) }), refusal)
})

test('allows other intervals, with the same bytes of the weights', async () => {
  const whole = options({ maxSteps: 9 })
  await train(whole)
  const parted = options({ maxSteps: 4 })
  await train({ ...parted, config: { ...parted.config, every: { log: 2, validation: 3, checkpoint: 1 } } })
  await train({ ...parted, maxSteps: 9, resume: true })
  const weights = (out: string) => readFileSync(join(out, 'model', 'weights.safetensors')).toString('base64')
  assert.equal(weights(parted.out), weights(whole.out))
})

test('allows another refinement and high band, and writes them into the model', async () => {
  const run = options({ maxSteps: 1 })
  await train(run)
  const added = { refinement: { iterations: 3 }, highBand: { from: 5000, gain: -3 } }
  const { model } = run.config
  const changed = { ...model, diffusion: { ...model.diffusion, ...added } }
  await train({
    ...run,
    config: checkTrainingConfig({ ...run.config, model: changed }, 'test'),
    maxSteps: 2,
    resume: true,
  })
  const { diffusion } = JSON.parse(readFileSync(join(run.out, 'model', 'config.json'), 'utf8')) as ModelConfig
  assert.equal(diffusion.refinement?.iterations, 3)
  assert.deepEqual(diffusion.highBand, { from: 5000, gain: -3, slope: 0 })
})

test('continues a run that began before a field of the config existed', async () => {
  const run = options({ maxSteps: 2 })
  await train(run)
  const path = join(run.out, 'checkpoint.safetensors')
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
  const older = metadata.get('position')!.replaceAll(/,\\*"refinement\\*":null/g, '')
  assert.equal(older.length, metadata.get('position')!.length - ',"refinement":null,\\"refinement\\":null'.length)
  await writeFileBytes(path, encodeSafetensors(tensors, new Map([['position', older]])))
  assert.equal((await train({ ...run, resume: true, maxSteps: 3 })).step, 3)
})

test('restores the second moments of a narrow checkpoint of interop/pytorch', async () => {
  const run = options({ maxSteps: 1 })
  await train(run)
  const path = join(run.out, 'checkpoint.safetensors')
  const before = decodeSafetensors(readFileSync(path), path)
  const roots = [...before.tensors].map(([name, { shape, data }]) => {
    return [name, { shape, data: name.startsWith('second/') ? data.map(x => 1000 * Math.sqrt(x)) : data }] as const
  })
  await writeFileBytes(path, encodeSafetensors(new Map(roots), new Map([...before.metadata, ['narrow', 'float16']])))
  const adam = new Adam()
  await readCheckpoint(run.out, adam)
  assert.ok(adam.moments.size > 0)
  for (const [name, { second }] of adam.moments) {
    second.forEach((moment, i) => {
      const expected = before.tensors.get(`second/${name}`)!.data[i]!
      assert.ok(Math.abs(moment - expected) <= 1e-5 * expected, name)
    })
  }
})

test('continues a run of the second stage of interop/pytorch', async () => {
  const run = options({ maxSteps: 1 })
  await train(run)
  const path = join(run.out, 'checkpoint.safetensors')
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
  const position = JSON.stringify({ ...JSON.parse(metadata.get('position')!), discriminatorLoss: 1.9 })
  await writeFileBytes(path, encodeSafetensors(tensors, new Map([['position', position]])))
  assert.equal((await train({ ...run, resume: true, maxSteps: 2 })).step, 2)
})

test('finds how far a run has come without reading the numbers of its checkpoint', async () => {
  const run = options({ maxSteps: 1 })
  await train(run)
  const { progress } = await readCheckpoint(run.out, new Adam())
  assert.deepEqual(await readProgress(run.out), progress)

  const path = join(run.out, 'checkpoint.safetensors')
  const metadata = { position: JSON.stringify(progress), long: ' '.repeat(2 ** 17) }
  const entry = { dtype: 'F32', shape: [2 ** 30], data_offsets: [0, 2 ** 32] }
  const header = JSON.stringify({ __metadata__: metadata, 'weights/a': entry })
  writeFileSync(path, safetensors(header, new Uint8Array(0)))
  await assert.rejects(readProgress(run.out), code('TRUNCATED'))
  // Four gibibytes that take no space, more than can be read at once.
  truncateSync(path, 8 + header.length + 2 ** 32)
  assert.deepEqual(await readProgress(run.out), progress)
})

test('refuses a checkpoint whose config is damaged', async () => {
  const run = options({ maxSteps: 1 })
  await train(run)
  const path = join(run.out, 'checkpoint.safetensors')
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
  const position = { ...JSON.parse(metadata.get('position')!), config: '{"model":NaN}' }
  await writeFileBytes(path, encodeSafetensors(tensors, new Map([['position', JSON.stringify(position)]])))
  await assert.rejects(train({ ...run, resume: true }), code('BAD_CHECKPOINT'))
})

test('a signal ends the run after the current step, with a checkpoint', async () => {
  const stop = new AbortController()
  const run = options({ signal: stop.signal, onStep: ({ step }) => step === 5 && stop.abort() })
  assert.deepEqual((await train(run)).stoppedBy, 'signal')
  assert.equal((await train({ ...options({ out: run.out, resume: true }), maxSteps: 5 })).step, 5)
})

test('a finished run can be extended, and its learning rate follows the new end', async () => {
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

test('finishing lowers the learning rate from the checkpoint on, also after an interruption', async () => {
  const endless = config({ optimiser: { learningRate: 1e-2, totalSteps: 1000, decaySteps: 4 } })
  const run = options({ config: endless, maxSteps: 3 })
  await assert.rejects(train({ ...run, finish: true }), code('BAD_OPTION', /there is no run to finish/))
  await train(run)
  const whole = options({ config: endless, finish: true })
  cpSync(run.out, whole.out, { recursive: true })
  const rates: number[] = []
  const onStep = ({ learningRate }: { readonly learningRate: number }) => rates.push(learningRate)
  assert.equal((await train({ ...run, finish: true, maxSteps: 5, onStep })).stoppedBy, 'max-steps')
  assert.equal((await train({ ...run, finish: true, maxSteps: undefined, onStep })).stoppedBy, 'total-steps')
  const ended = { ...endless.optimiser, totalSteps: 7 }
  assert.deepEqual(
    rates,
    [3, 4, 5, 6].map(step => learningRate(ended, step)),
  )
  await train(whole)
  assert.deepEqual(bytes(run.out), bytes(whole.out))
})

test('refuses other sampling defaults if training follows them', async () => {
  const changed = async (fields: Record<string, unknown>, diffusion: Partial<ModelConfig['diffusion']>) => {
    const run = options({ maxSteps: 1, config: config(fields) })
    await train(run)
    const { model } = run.config
    const other = { ...run.config, model: { ...model, diffusion: { ...model.diffusion, ...diffusion } } }
    return train({ ...run, config: other, resume: true, maxSteps: 2 })
  }
  await assert.rejects(changed({}, { defaultSteps: 3 }), code('BAD_CONFIG', /model\.diffusion\.defaultSteps is not/))
  const { model } = config()
  const ownSteps = {
    noiseLevels: { kind: 'own' },
    loss: 'time-frequency',
    spectral: { windows: [256] },
    prior: null,
    model: { ...model, diffusion: { ...model.diffusion, prediction: 'x0', clamp: false } },
  }
  await assert.rejects(
    changed(ownSteps, { noiseScale: 0.9 }),
    code('BAD_CONFIG', /model\.diffusion\.noiseScale is not/),
  )
  assert.equal((await changed(ownSteps, { defaultSteps: 3 })).step, 2)
})

test('allows changes of settings on which the weights do not depend', async () => {
  const run = options({ maxSteps: 2, config: config({ noiseLevels: { kind: 'continuous' } }) })
  await train(run)
  const { model } = run.config
  const diffusion = { ...model.diffusion, defaultSteps: 3, defaultSampler: 'ddim' as const }
  const texts = { name: 'renamed', description: 'a voice', clipSeconds: 2, provenance: { by: 'us' } }
  const renamed = { ...run.config, adversarial: { weight: 1 }, model: { ...model, ...texts, diffusion } }
  await train({ ...run, config: renamed, resume: true, maxSteps: 3 })
  const exported = JSON.parse(readFileSync(join(run.out, 'model', 'config.json'), 'utf8'))
  assert.deepEqual([exported.name, exported.clipSeconds, exported.provenance.by], ['renamed', 2, 'us'])
  assert.equal(exported.diffusion.defaultSteps, 3)
  const other = { ...model, diffusion: { ...model.diffusion, prediction: 'v' as const } }
  await assert.rejects(train({ ...run, config: { ...run.config, model: other }, resume: true }), code('BAD_CONFIG'))
})
