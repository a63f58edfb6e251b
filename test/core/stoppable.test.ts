/** A stoppable generator is an ordinary one, except that nothing pending holds up its end. */
import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { throwIfAborted } from '#src/core/errors'
import { Stoppable, type StoppableOptions } from '#src/core/stoppable'

/** Yields 1 and 2, then waits for its signal. */
function stalling(options: StoppableOptions = {}, ends: string[] = []) {
  return new Stoppable(async function* (signal) {
    try {
      yield 1
      yield 2
      await once(signal, 'abort')
      throwIfAborted(signal)
    } finally {
      ends.push('closed')
    }
  }, options)
}

/** Reads to where it stalls, and asks for more. */
async function stalled(options: StoppableOptions = {}, ends: string[] = []) {
  const stream = stalling(options, ends)
  await stream.next()
  await stream.next()
  return { stream, pending: stream.next() }
}

test('return() and throw() end a pending next()', { timeout: 5000 }, async () => {
  const over = { done: true, value: undefined }
  const first = await stalled()
  const second = first.stream.next()
  assert.deepEqual(await first.stream.return(), over)
  assert.deepEqual([await first.pending, await second, await first.stream.next()], [over, over, over])
  const other = await stalled()
  await assert.rejects(other.stream.throw(new RangeError('enough')), RangeError)
  assert.deepEqual(await other.pending, over)
})

test('return() waits for the end of work that waits for its reader, and starts none', async () => {
  const ends: string[] = []
  const stream = stalling({}, ends)
  await stream.next()
  await stream.return()
  assert.deepEqual(ends, ['closed'])
  await stalling({}, ends).return()
  assert.deepEqual(ends, ['closed'])
})

test('return() inside a callback that the work waits for does not wait for itself', { timeout: 5000 }, async () => {
  const stream: Stoppable<number> = new Stoppable(async function* () {
    await stream.return()
    yield 1
  })
  assert.deepEqual(await stream.next(), { done: true, value: undefined })
})

test('a signal reaches the work with its reason, and a loss rejects at once', { timeout: 5000 }, async () => {
  const stop = new AbortController()
  const { pending } = await stalled({ signal: stop.signal })
  stop.abort('enough')
  await assert.rejects(pending, { code: 'ABORTED', cause: 'enough' })
  const loss = new AbortController()
  const { stream, pending: lost } = await stalled({ lost: loss.signal })
  const second = stream.next()
  loss.abort(new RangeError('gone'))
  // As in any generator that fails: the calls after the first find its end.
  assert.deepEqual(await second, { done: true, value: undefined })
  await assert.rejects(lost, RangeError)
  await assert.rejects(stream.next(), RangeError)
})

test('many streams share one listener on a signal, and leave none', async () => {
  const { signal } = new AbortController()
  const streams = await Promise.all(Array.from({ length: 12 }, () => stalled({ signal })))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  await Promise.all(streams.map(({ stream }) => stream.return()))
  await Promise.all(streams.map(({ pending }) => pending))
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('a Readable that is destroyed ends it', { timeout: 5000 }, async () => {
  const ends: string[] = []
  const body = Readable.from(stalling({}, ends))
  body.once('data', () => body.destroy())
  await once(body, 'close')
  assert.deepEqual(ends, ['closed'])
})
