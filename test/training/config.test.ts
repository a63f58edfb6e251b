/** The config of training, and its learning rate. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { noiseSchedule } from '#src/diffusion/schedule'
import { checkTrainingConfig, learningRate } from '#src/training/config'
import { code } from '../support/errors.js'
import { config } from '../support/training.js'

test('a training config is refused by the name of the wrong field', () => {
  for (const [fields, field] of [
    [{ data: { cropSamples: 1000 } }, 'data.cropSamples'],
    [{ loss: 'huber' }, 'loss'],
    [{ optimiser: { totalSteps: 5, warmupSteps: 9 } }, 'optimiser.warmupSteps'],
    [{ data: { crop: 3 } }, 'data.crop'],
    [{ noiseLevels: { kind: 'focused', share: 2 } }, 'noiseLevels.share'],
    [{ noiseLevels: { kind: 'own' } }, 'noiseLevels.kind: own needs'],
    [{ pulses: 'recorded' }, 'pulses: recorded and mixed need model.diffusion.prior.harmonics'],
    [{ pulses: 'aligned' }, 'pulses'],
    [{ loss: 'time-frequency' }, 'loss: time-frequency needs a model that predicts x0'],
    [{ optimiser: { totalSteps: 9, warmupSteps: 5, decaySteps: 5 } }, 'optimiser.decaySteps'],
  ] as const) {
    assert.throws(
      () => config(fields),
      error => code('BAD_CONFIG')(error) && (error as Error).message.includes(field),
      field,
    )
  }
})

test('docs/training.md lists every field of a training config', () => {
  const guide = readFileSync(fileURLToPath(new URL('../../../docs/training.md', import.meta.url)), 'utf8')
  const table = [...guide.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, names]) => {
    const [first, ...rest] = [...names!.matchAll(/`(.*?)`/g)].map(([, name]) => name!)
    const section = first!.split('.')[0]
    return [first!, ...rest.map(name => (name.startsWith('.') ? section + name : name))]
  })
  const { model: _, ...fields } = config({})
  const names = Object.entries(fields).flatMap(([name, value]) =>
    ['data', 'optimiser', 'every'].includes(name) ? Object.keys(value as object).map(key => `${name}.${key}`) : [name],
  )
  assert.deepEqual(
    names.filter(name => !table.includes(name)),
    [],
  )
})

test('the speech model’s training noise reaches ᾱ 1e-3', () => {
  const path = fileURLToPath(new URL('../../../models/speech/train.json', import.meta.url))
  const { model } = checkTrainingConfig(JSON.parse(readFileSync(path, 'utf8')), path)
  const { alphaBar } = noiseSchedule(model.diffusion.training)
  assert.ok(alphaBar.at(-1)! <= 1e-3)
})

test('the music model’s training config has every class of a score as a label', async () => {
  const at = (name: string) => new URL(`../../../models/music/${name}`, import.meta.url)
  const { model } = checkTrainingConfig(JSON.parse(readFileSync(at('train.json'), 'utf8')), 'train.json')
  const { scoreClasses }: { scoreClasses: () => string[] } = await import(at('score-labels.mjs').href)
  assert.deepEqual(model.network.labels, scoreClasses())
})

test('the learning rate warms up and then follows half a cosine', () => {
  const { optimiser } = config({
    optimiser: { learningRate: 1, warmupSteps: 4, totalSteps: 104, finalFactor: 0.1 },
  })
  assert.equal(learningRate(optimiser, 0), 0.25)
  assert.equal(learningRate(optimiser, 4), 1)
  assert.ok(Math.abs(learningRate(optimiser, 54) - 0.55) < 1e-12)
  assert.ok(Math.abs(learningRate(optimiser, 500) - 0.1) < 1e-12)
})

test('with decaySteps the learning rate is constant until the decay begins', () => {
  const { optimiser } = config({
    optimiser: { learningRate: 1, warmupSteps: 4, totalSteps: 104, decaySteps: 20, finalFactor: 0.1 },
  })
  assert.deepEqual(
    [0, 4, 50, 84].map(n => learningRate(optimiser, n)),
    [0.25, 1, 1, 1],
  )
  assert.ok(Math.abs(learningRate(optimiser, 94) - 0.55) < 1e-12)
  assert.ok(Math.abs(learningRate(optimiser, 104) - 0.1) < 1e-12)
})

test('the training configs of the speech model are valid', () => {
  for (const [name, kind] of [
    ['models/speech/train.json', 'continuous'],
    ['models/speech/train-own-steps.json', 'own'],
    ['models/speech/fine-tune.json', 'own'],
    ['models/speech/train-gpu.json', 'continuous'],
    ['models/speech/train-gpu-own-steps.json', 'own'],
    ['models/speech/train-adversarial.json', 'own'],
  ] as const) {
    const path = fileURLToPath(new URL(`../../../${name}`, import.meta.url))
    const { loss, noiseLevels } = checkTrainingConfig(JSON.parse(readFileSync(path, 'utf8')), path)
    assert.deepEqual([loss, noiseLevels.kind], ['time-frequency', kind])
  }
})
