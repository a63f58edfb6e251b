/** The page's client of the worker in which the engine runs. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { EngineClient } from '#studio/engine/engine-client'
import type { FromWorker, ToWorker } from '#studio/engine/protocol'

/** The worker of the client made last. */
let worker: FakeWorker

class FakeWorker extends EventTarget {
  readonly received: ToWorker[] = []

  constructor() {
    super()
    worker = this
  }

  postMessage(message: ToWorker): void {
    this.received.push(message)
  }

  answer(data: FromWorker): void {
    this.dispatchEvent(new MessageEvent('message', { data }))
  }
}

describe('the engine client', () => {
  const { Worker: real } = globalThis as { Worker?: unknown }
  before(() => Object.assign(globalThis, { Worker: FakeWorker }))
  after(() => Object.assign(globalThis, { Worker: real }))
  const watch = () => ({ signal: new AbortController().signal })

  test('forwards progress and events, and returns the result', async () => {
    const client = new EngineClient([])
    const seen: unknown[] = []
    const onProgress = (share: number) => seen.push(share)
    const asked = client.ask('vocode', null, { ...watch(), onProgress }, (name, value) => seen.push([name, value]))
    worker.answer({ kind: 'event', id: 1, name: 'progress', value: 0.5 })
    worker.answer({ kind: 'event', id: 1, name: 'step', value: 3 })
    worker.answer({ kind: 'result', id: 1, value: 'sound' })
    assert.equal(await asked, 'sound')
    assert.deepEqual(seen, [0.5, ['step', 3]])
  })

  test('stops the work when its signal fires', async () => {
    const client = new EngineClient([])
    const stop = new AbortController()
    const asked = client.ask('vocode', null, { signal: stop.signal })
    stop.abort()
    await assert.rejects(asked, { name: 'AbortError' })
    assert.deepEqual(worker.received.at(-1), { kind: 'stop', id: 1 })
  })

  test('refuses all work if the worker did not start', async () => {
    const client = new EngineClient([])
    const asked = client.ask('models', null, watch())
    worker.dispatchEvent(new Event('error'))
    const refusal = { code: 'ENGINE_UNAVAILABLE', title: 'The engine of the page does not start.' }
    await assert.rejects(asked, refusal)
    await assert.rejects(client.ask('models', null, watch()), refusal)
  })

  test('continues after a fault of a worker that has answered before', async () => {
    const client = new EngineClient([])
    const first = client.ask('models', null, watch())
    worker.answer({ kind: 'result', id: 1, value: [] })
    await first
    const second = client.ask('vocode', null, watch())
    worker.dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' }))
    await assert.rejects(second, { code: 'ENGINE_UNAVAILABLE', title: /out of memory/ })
    const third = client.ask('vocode', null, watch())
    worker.answer({ kind: 'result', id: 3, value: 'sound' })
    assert.equal(await third, 'sound')
  })
})
