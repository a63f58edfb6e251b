/** Parts of jobs on workers without a Redis server: their store, their output, and the list of running workers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { defaultLimits, MAX_POLLED_EVENTS, READ_BYTES } from '#src/server/limits'
import type { ModelCache } from '#src/server/model-cache'
import { operations } from '#src/server/operations/operations'
import type { Claim } from '#src/server/redis/claim'
import { JobStore } from '#src/server/redis/job-store'
import { readOrder, settled, writeOrder } from '#src/server/redis/order'
import { Presence } from '#src/server/redis/presence'
import { RemoteOutput } from '#src/server/redis/remote-output'
import { LEAVE, PRESENT, SHOW } from '#src/server/redis/scripts'

describe('the store of jobs', () => {
  const id = '00000000-0000-4000-8000-000000000000'
  const file = (name: string, bytes: number) => JSON.stringify({ name, type: 'audio/wav', bytes, facts: {} })
  const content = Buffer.from(Uint8Array.from({ length: 2.5 * READ_BYTES }, (_, i) => i % 251))
  /** The store of one job that is done. */
  function store(entries: readonly unknown[] = []) {
    const client = {
      hgetall: async () => ({
        kind: 'vocode',
        state: 'done',
        created: '0',
        started: '1',
        finished: '2',
        progress: '1',
      }),
      hget: async () => 'done',
      lrange: async () => [file('lost.wav', 4), file('result.wav', content.length)],
      xrange: async () => entries,
      getrangeBuffer: async (key: string, from: number, last: number) =>
        key.endsWith(':file:1') ? content.subarray(from, last + 1) : Buffer.alloc(0),
      eval: async () => 1,
    }
    return new JobStore(client as unknown as Redis, defaultLimits, () => 5)
  }

  test('reads a file in pieces, and refuses one that is gone', async () => {
    const { pieces } = await store().file(id, 'result.wav')
    const read: Uint8Array[] = []
    for await (const piece of pieces) read.push(piece)
    assert.deepEqual(
      read.map(({ length }) => length),
      [READ_BYTES, READ_BYTES, READ_BYTES / 2],
    )
    assert.ok(Buffer.concat(read).equals(content))
    await assert.rejects(store().file(id, 'lost.wav'), { code: 'UNKNOWN_JOB' })
    await assert.rejects(store().file(id, 'other.wav'), { code: 'NOT_FOUND' })
  })

  test('knows that more events may follow as many as it asks for', async () => {
    const events = (count: number) =>
      Array.from({ length: count }, (_, i) => [`${i + 1}-0`, ['name', 'step', 'data', `{"i":${i}}`]])
    const few = await store(events(MAX_POLLED_EVENTS - 1)).poll(id, 0)
    assert.deepEqual([few.over, few.events[1]], [true, { id: 2, name: 'step', data: { i: 1 } }])
    assert.equal((await store(events(MAX_POLLED_EVENTS)).poll(id, 0)).over, false)
  })

  test('removes the files of a job that is done, and not that it was done', async () => {
    const { state, finished, files } = await store().remove(id)
    assert.deepEqual([state, finished, files], ['done', new Date(2).toISOString(), []])
  })
})

describe('an order', () => {
  const sampling = { model: 'voice', steps: 6, sampler: 'ddim', eta: 0.5, seed: 2 ** 53 - 1, label: 'a' }
  const orders: Readonly<Record<string, object>> = {
    vocode: { ...sampling, steps: 'fast', refine: 0, key: 'mel', index: 3, system: 'griffin-lim', format: '24' },
    generate: { ...sampling, seconds: 0.5, guidance: 2, count: 3 },
    inpaint: { ...sampling, gaps: [{ start: 0, end: 0.1 }], rounds: 2, fade: 0.01 },
    denoise: { ...sampling, snr: 12 },
    mel: { convention: 'lmnt', as: 'safetensors' },
    forward: { t: 1.5, seed: 0 },
    process: { ...sampling, index: 1, refine: 2 },
    compare: { ...sampling, refine: 1 },
  }
  const body = new Uint8Array(1)

  test('of any operation arrives as it was sent, with the limits that all workers keep', () => {
    assert.deepEqual(operations.map(({ name }) => name).sort(), Object.keys(orders).sort())
    const { seconds, workSeconds, resultBytes, resultSeconds } = defaultLimits
    for (const operation of operations) {
      const options = operation.options.parse(orders[operation.name])
      const read = readOrder(writeOrder({ operation, options, body }, defaultLimits))
      assert.deepEqual(read, { operation, options, limits: { seconds, workSeconds, resultBytes, resultSeconds } })
    }
  })

  test('that this version does not know is null', () => {
    const order = JSON.parse(writeOrder({ operation: operations[0]!, options: {}, body }, defaultLimits)) as object
    assert.notEqual(readOrder(JSON.stringify(order)), null)
    for (const change of [{ format: 1 }, { format: 3 }, { operation: 'sing' }, { options: { x: 1 } }, { limits: {} }]) {
      assert.equal(readOrder(JSON.stringify({ ...order, ...change })), null)
    }
    assert.equal(readOrder('{'), null)
  })

  test('gets a model and a seed that it does not name, and keeps its own', async () => {
    const asked: string[] = []
    const models = {
      firstOf: async (kind: string) => `first ${kind}`,
      config: async (name: string) => void asked.push(name),
    } as unknown as ModelCache
    const settle = async (name: string, given: object) => {
      const operation = operations.find(operation => operation.name === name)!
      return (await settled({ operation, options: { ...given }, body }, models)).options
    }
    const { seed, ...filled } = await settle('generate', { count: 2 })
    assert.ok(Number.isSafeInteger(seed))
    assert.deepEqual(filled, { count: 2, model: 'first generator' })
    assert.deepEqual(await settle('generate', { model: 'own', seed: 0 }), { model: 'own', seed: 0 })
    assert.deepEqual(await settle('mel', { convention: 'lmnt' }), { convention: 'lmnt' })
    assert.deepEqual(asked, ['own'])
  })
})

describe('the output of a job on a worker', () => {
  const limits = { seconds: 1, workSeconds: 1, resultBytes: 1, resultSeconds: 1 }
  const file = (name: string) => ({ name, type: 'audio/wav', bytes: null, facts: {} })

  /** An output, and what it writes. Each write waits for `gate`. */
  function noting(gate: () => Promise<void> = async () => {}) {
    const calls: unknown[] = []
    const lost: unknown[] = []
    const note = async (...call: unknown[]) => {
      calls.push(call)
      await gate()
    }
    const claim: Partial<Claim> = {
      write: (number, offset, { length }) => note('write', number, offset, length),
      complete: ({ name, bytes }) => note('complete', name, bytes),
      tell: name => note('tell', name),
      progress: share => note('progress', share),
    }
    return { output: new RemoteOutput(claim as Claim, limits, error => lost.push(error)), calls, lost }
  }

  test('is sent in large pieces and in order', async () => {
    const { output, calls } = noting()
    output.open(file('a'))
    for (let i = 0; i < 3; i++) await output.write(new Uint8Array(100_000))
    await output.write(new Uint8Array(1))
    output.event('step', {})
    output.open(file('empty'))
    output.open(file('b'))
    await output.write(new Uint8Array(2))
    await output.finished()
    assert.deepEqual(calls, [
      ['write', 0, 0, 300_000],
      ['tell', 'step'],
      ['write', 0, 300_000, 1],
      ['complete', 'a', 300_001],
      ['complete', 'empty', 0],
      ['write', 2, 0, 2],
      ['complete', 'b', 2],
    ])
  })

  test('has no file that was cut off', async () => {
    for (const [size, written] of [
      [null, 2],
      [3, 2],
      [2, 2],
    ] as const) {
      const { output, calls } = noting()
      output.open(file('a'))
      output.open({ ...file('b'), bytes: size })
      await output.write(new Uint8Array(written))
      await output.cutOff()
      const complete = calls.filter(call => (call as string[])[0] === 'complete')
      assert.equal(complete.length, size === written ? 2 : 1)
    }
  })

  test('has the latest progress, at most ten times a second', async context => {
    let now = 0
    context.mock.method(performance, 'now', () => now)
    const { output, calls } = noting()
    output.event('first', {})
    for (const share of [0.1, 0.2]) output.setProgress(share)
    await output.finished()
    now = 99
    output.setProgress(0.3)
    await output.finished()
    now = 100
    output.setProgress(0.4)
    await output.finished()
    assert.deepEqual(calls.slice(1), [
      ['progress', 0.2],
      ['progress', 0.4],
    ])
  })

  test('ends with the first write that fails, and says so', async () => {
    const error = new Error('lost')
    const { output, calls, lost } = noting(() => Promise.reject(error))
    output.open(file('a'))
    await assert.rejects(output.write(new Uint8Array(300_000)), error)
    output.event('step', {})
    await assert.rejects(output.finished(), error)
    assert.equal(calls.length, 1)
    assert.ok(lost.length > 0 && lost.every(one => one === error))
  })
})

test('a worker renews its entry twice in its time, and looks for a model among the others', async context => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const calls: unknown[][] = []
  const errors: unknown[] = []
  const present = ['own', '["a","b"]', 'other', '["b","c"]']
  let answer: Promise<unknown> = Promise.resolve(1)
  const client = {
    eval: (script: string, _keys: number, _index: string, _job: string, ...args: unknown[]) => {
      calls.push([script, ...args])
      return script === PRESENT ? Promise.resolve(present) : answer
    },
  }
  const presence = new Presence(client as unknown as Redis, {
    id: 'own',
    models: ['a', 'b'],
    seconds: 4,
    onError: error => errors.push(error),
  })
  const shown = () => calls.filter(([script]) => script === SHOW).length
  await presence.start()
  assert.deepEqual(calls, [[SHOW, 'own', 4000, '["a","b"]']])
  context.mock.timers.tick(1999)
  assert.equal(shown(), 1)
  context.mock.timers.tick(1)
  assert.equal(shown(), 2)
  await setImmediate()
  // While the server does not answer, no more is asked.
  const error = new Error('no answer')
  let fail = () => {}
  answer = new Promise((_, reject) => {
    fail = () => reject(error)
  })
  context.mock.timers.tick(4000)
  assert.equal(shown(), 3)
  fail()
  await setImmediate()
  assert.deepEqual(errors, [error])
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(model => presence.isElsewhere(model))), [false, true, true])
  answer = Promise.resolve(1)
  await presence.leave()
  context.mock.timers.tick(60_000)
  assert.deepEqual(calls.at(-1), [LEAVE, 'own'])
})
