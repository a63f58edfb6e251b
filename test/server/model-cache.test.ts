/** The cache of loaded models in a service. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { ModelCache } from '#src/server/model-cache'
import { Refusal } from '#src/server/refusal'
import { smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { code } from '../support/errors.js'
import { scratchFolder } from '../support/scratch.js'

function cache(maxBytes: number) {
  const events: string[] = []
  const sources = new Map([
    ['a', smallVocoder],
    ['b', smallGenerator],
  ])
  const options = { sources, engine: { engine: 'auto' as const }, maxBytes }
  return { events, models: new ModelCache({ ...options, onEvent: (event, name) => events.push(`${event} ${name}`) }) }
}

describe('the model cache', () => {
  test('loads a model once for concurrent requests', async () => {
    const { models, events } = cache(2 ** 30)
    const [first, second] = await Promise.all([models.lease('a'), models.lease('a')])
    assert.equal(first.model, second.model)
    assert.deepEqual(events, ['loaded a'])
    await models.close()
  })

  test('drops the least recently used model once nobody uses it', async () => {
    const { models, events } = cache(1)
    const a = await models.lease('a')
    const b = await models.lease('b')
    assert.deepEqual(events, ['loaded a', 'loaded b'])
    b.release()
    assert.deepEqual(events, ['loaded a', 'loaded b', 'dropped b'])
    const [made] = await a.model.predict({
      audio: [new Float32Array(256)],
      steps: [3],
      mel: [{ data: new Float32Array(80).fill(0.5), bands: 80, frames: 1 }],
    })
    assert.equal(made!.length, 256)
    a.release()
    assert.equal(models.bytes, 0)
    await models.close()
  })

  test('drops the one of three models that was used least recently, if two fit', async () => {
    const large = cache(2 ** 30).models
    await large.lease('a')
    const one = large.bytes
    await large.lease('b')
    const both = large.bytes
    await large.close()
    const { models, events } = cache(both + one - 1)
    for (const name of ['a', 'b', 'a']) (await models.lease(name)).release()
    ;(await models.lease('a', { zeroOutput: true })).release()
    assert.deepEqual(events, ['loaded a', 'loaded b', 'loaded a without its last layer', 'dropped b'])
    await models.close()
  })

  test('counts a repeated release once', async () => {
    const { models, events } = cache(1)
    const [first, second] = [await models.lease('a'), await models.lease('a')]
    first.release()
    first.release()
    assert.deepEqual(events, ['loaded a'])
    second.release()
    assert.deepEqual(events, ['loaded a', 'dropped a'])
    await models.close()
  })

  test('keeps a model with its last layer zeroed as a separate model', async () => {
    const { models } = cache(2 ** 30)
    const [whole, zeroed] = [await models.lease('a'), await models.lease('a', { zeroOutput: true })]
    const request = {
      audio: [new Float32Array(256).fill(0.1)],
      steps: [3],
      mel: [{ data: new Float32Array(80).fill(0.5), bands: 80, frames: 1 }],
    }
    const [made] = await zeroed.model.predict(request)
    assert.ok(made!.every(x => x === 0))
    const [other] = await whole.model.predict(request)
    assert.ok(other!.some(x => x !== 0))
    await models.close()
  })

  test('finds models only by name', async () => {
    const { models } = cache(2 ** 30)
    await assert.rejects(models.lease(smallVocoder), code('UNKNOWN_MODEL'))
    await assert.rejects(models.config('speeech'), code('UNKNOWN_MODEL'))
    assert.equal(await models.firstOf('generator'), 'b')
  })

  test('skips a model whose config cannot be read when it looks for a kind', async () => {
    const sources = new Map([
      ['gone', '/nowhere/model.pt'],
      ['a', smallVocoder],
    ])
    const models = new ModelCache({ sources, engine: { engine: 'auto' }, maxBytes: 1 })
    assert.equal(await models.firstOf('vocoder'), 'a')
    await assert.rejects(models.firstOf('generator'), { code: 'MODEL_UNAVAILABLE' })
  })

  test('reports a model that cannot be read without its path, and tries again', async () => {
    const path = join(scratchFolder('model-cache'), 'later')
    const sources = new Map([['later', path]])
    const models = new ModelCache({ sources, engine: { engine: 'auto' }, maxBytes: 1 })
    for (const read of [() => models.config('later'), () => models.lease('later')]) {
      await assert.rejects(read, (error: unknown) => {
        assert.ok(error instanceof Refusal && error.code === 'MODEL_UNAVAILABLE')
        return !JSON.stringify([error.message, error]).includes(dirname(path))
      })
    }
    cpSync(smallVocoder, path, { recursive: true })
    assert.equal((await models.config('later')).kind, 'vocoder')
    ;(await models.lease('later')).release()
  })
})
