/** The work queue. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WorkQueue } from '#src/server/queue'
import { Refusal } from '#src/server/refusal'
import { code } from '../support/errors.js'

const never = new AbortController().signal
const refusal = (expected: string) => (error: unknown) => error instanceof Refusal && error.code === expected
const turns = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** A queue whose work ends when the test says so. */
function gated(limits = { parallel: 1, queue: 10, perClient: 10 }) {
  let now = 0
  const queue = new WorkQueue(limits, () => now)
  const log: string[] = []
  const gates = new Map<string, () => void>()
  const add = (name: string, client = name, signal = never) =>
    queue.run(client, signal, async () => {
      log.push(name)
      await new Promise<void>(resolve => gates.set(name, resolve))
      return name
    })
  const end = async (name: string, seconds = 1) => {
    now += seconds
    gates.get(name)!()
    await turns()
  }
  return { queue, log, add, end }
}

describe('the work queue', () => {
  test('runs at most the given number at a time, in order', async () => {
    const { queue, log, add, end } = gated({ parallel: 2, queue: 10, perClient: 10 })
    const all = Promise.all(['a', 'b', 'c', 'd'].map(name => add(name)))
    assert.deepEqual(log, ['a', 'b'])
    assert.deepEqual(queue.state, { running: 2, waiting: 2 })
    await end('b')
    assert.deepEqual(log, ['a', 'b', 'c'])
    for (const name of ['a', 'c', 'd']) await end(name)
    assert.deepEqual(await all, ['a', 'b', 'c', 'd'])
    assert.deepEqual(queue.state, { running: 0, waiting: 0 })
  })

  test('alternates between clients', async () => {
    const { log, add, end } = gated({ parallel: 2, queue: 10, perClient: 10 })
    const all = [add('a1', 'a'), add('a2', 'a'), add('a3', 'a'), add('b1', 'b')]
    await end('a1')
    assert.deepEqual(log, ['a1', 'a2', 'b1'])
    for (const name of ['a2', 'b1', 'a3']) await end(name)
    await Promise.all(all)
  })

  test('refuses work when it is full', async () => {
    const { queue, add, end } = gated({ parallel: 1, queue: 1, perClient: 10 })
    const all = [add('a'), add('b')]
    await assert.rejects(add('c'), refusal('QUEUE_FULL'))
    assert.throws(() => queue.admit('c'), refusal('QUEUE_FULL'))
    await end('a')
    await end('b')
    await Promise.all(all)
    queue.admit('c')
  })

  test('refuses a client with too much work, and no other', async () => {
    const { queue, add, end } = gated({ parallel: 1, queue: 10, perClient: 2 })
    const all = [add('a1', 'a'), add('a2', 'a')]
    await assert.rejects(add('a3', 'a'), refusal('TOO_MANY_REQUESTS'))
    queue.admit('b')
    await end('a1')
    await end('a2')
    await Promise.all(all)
  })

  test('states a retry time that follows the duration of work', async () => {
    for (const [seconds, expected] of [
      [10, 15],
      // Two minutes at most.
      [1000, 120],
    ] as const) {
      const { queue, add, end } = gated({ parallel: 2, queue: 1, perClient: 10 })
      for (let i = 0; i < 30; i++) {
        const done = add(`${i}`)
        await end(`${i}`, seconds)
        await done
      }
      const all = ['a', 'b', 'c'].map(name => add(name))
      assert.throws(
        () => queue.admit('d'),
        (error: unknown) => {
          assert.ok(error instanceof Refusal)
          assert.equal(error.retryAfter, expected)
          return true
        },
      )
      for (const name of ['a', 'b', 'c']) await end(name)
      await Promise.all(all)
    }
  })

  test('removes waiting work when its signal fires', async () => {
    const { queue, log, add, end } = gated()
    const stop = new AbortController()
    const first = add('a')
    const second = add('b', 'b', stop.signal)
    const third = add('c')
    stop.abort()
    await assert.rejects(second, code('ABORTED'))
    assert.deepEqual(queue.state, { running: 1, waiting: 1 })
    await end('a')
    await end('c')
    assert.deepEqual([await first, await third], ['a', 'c'])
    assert.deepEqual(log, ['a', 'c'])
  })

  test('removes no other work when the signal of work that no longer waits fires', async () => {
    const { queue, add, end } = gated()
    const stop = new AbortController()
    const all = Promise.all([add('a'), add('b', 'b', stop.signal), add('c')])
    await end('a')
    stop.abort()
    assert.deepEqual(queue.state, { running: 1, waiting: 1 })
    for (const name of ['b', 'c']) await end(name)
    assert.deepEqual(await all, ['a', 'b', 'c'])
  })

  test('frees the place of work that fails', async () => {
    const { queue, add, end } = gated()
    await assert.rejects(
      queue.run('a', never, () => Promise.reject(new Error('broken'))),
      /broken/,
    )
    const done = add('b')
    await end('b')
    assert.equal(await done, 'b')
  })

  test('refuses new work on closing, and waits for the rest', async () => {
    const { queue, add, end } = gated()
    const all = [add('a'), add('b')]
    let closed = false
    const closing = queue.close().then(() => {
      closed = true
    })
    await assert.rejects(add('c'), refusal('SHUTTING_DOWN'))
    await end('a')
    assert.equal(closed, false)
    await end('b')
    await Promise.all([...all, closing])
    assert.equal(closed, true)
  })
})
