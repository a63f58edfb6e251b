/** The queue of one engine: one piece of work at a time, and free memory given back once there is none. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { NativeQueue } from '#src/engines/native/queue'

const IDLE_MS = 10_000

describe('the queue of an engine', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  /** Lets the queue notice that its work has ended. */
  const settle = () => new Promise(resolve => setImmediate(resolve))

  /** A queue that counts how often it was idle, and how much of that ran while other work did. */
  function countIdleness(release: () => Promise<unknown> = async () => 0) {
    const counts = { idle: 0 }
    const whenIdle = () => {
      counts.idle++
      return release()
    }
    return { counts, queue: new NativeQueue({ name: 'native', whenIdle }) }
  }

  test('tells once that nothing was queued for ten seconds, until there is work again', async () => {
    const { counts, queue } = countIdleness()
    mock.timers.tick(IDLE_MS)
    await settle()
    assert.equal(counts.idle, 0, 'before any work')
    for (let round = 1; round <= 2; round++) {
      await queue.after(() => 1)
      await settle()
      mock.timers.tick(IDLE_MS - 1)
      await settle()
      assert.equal(counts.idle, round - 1, 'too early')
      mock.timers.tick(1)
      await settle()
      assert.equal(counts.idle, round)
      mock.timers.tick(3 * IDLE_MS)
      await settle()
      assert.equal(counts.idle, round, 'again without work')
    }
  })

  test('is not idle while work runs, however long, nor if more work came in time', async () => {
    const { counts, queue } = countIdleness()
    let finish = () => {}
    void queue.after(() => 0)
    const long = queue.after(() => new Promise<void>(resolve => (finish = resolve)))
    await settle()
    mock.timers.tick(5 * IDLE_MS)
    finish()
    await long
    await settle()
    mock.timers.tick(IDLE_MS - 1)
    await assert.rejects(
      queue.after(() => Promise.reject(new Error('failed'))),
      /failed/,
    )
    await settle()
    mock.timers.tick(IDLE_MS - 1)
    await settle()
    assert.equal(counts.idle, 0)
    mock.timers.tick(1)
    await settle()
    assert.equal(counts.idle, 1)
  })

  test('ends after the work that runs, refuses what waits, and frees the engine once', async () => {
    const { queue } = countIdleness()
    const order: string[] = []
    let finish = () => {}
    const running = queue.run(() => new Promise(resolve => (finish = () => resolve(7))))
    await settle()
    const waiting = assert.rejects(
      queue.run(async () => order.push('waiting')),
      { code: 'DISPOSED' },
    )
    const ends = ['first', 'second'].map(name =>
      queue.end(() => void order.push(`freed by the ${name}`)).then(() => order.push(name)),
    )
    await settle()
    assert.deepEqual(order, [])
    finish()
    assert.equal(await running, 7)
    await Promise.all([waiting, ...ends])
    assert.deepEqual(order, ['freed by the first', 'first', 'second'])
    await assert.rejects(
      queue.run(async () => 0),
      { code: 'DISPOSED' },
    )
  })

  test('runs work after the release of memory, even if that fails', async () => {
    let fail = (_: Error) => {}
    const { counts, queue } = countIdleness(() => new Promise((_, reject) => (fail = reject)))
    await queue.after(() => 1)
    await settle()
    mock.timers.tick(IDLE_MS)
    await settle()
    let ran = false
    const work = queue.after(() => {
      ran = true
      return 2
    })
    await settle()
    assert.deepEqual([counts.idle, ran], [1, false])
    fail(new Error('no'))
    assert.equal(await work, 2)
  })
})
