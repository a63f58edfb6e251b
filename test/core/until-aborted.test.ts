/** Reading an iterable that may stall is like `for await`, but for its end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilAborted } from '#src/core/until-aborted'

/** An iterator of `next`, whose `return()` throws. */
function source(next: () => Promise<IteratorResult<number>>, closed: string[] = []) {
  const iterator = {
    next,
    return(): Promise<IteratorResult<number>> {
      closed.push('closed')
      throw new RangeError('no end')
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

const one = async () => ({ done: false, value: 1 }) as const

test('an error of the source’s return() replaces neither an abort nor an error of the source', async () => {
  const stop = new AbortController()
  const closed: string[] = []
  const stalled = untilAborted(
    source(() => new Promise(() => {}), closed),
    stop.signal,
  )
  const pending = stalled.next()
  stop.abort('enough')
  await assert.rejects(pending, { code: 'ABORTED', cause: 'enough' })
  assert.deepEqual(closed, ['closed'])
  // A source that has failed is not closed, whether or not it gave an item before.
  const items = [one()]
  const failing = untilAborted(
    source(async () => items.pop() ?? Promise.reject(new TypeError('broken')), closed),
    undefined,
  )
  assert.deepEqual(await failing.next(), await one())
  await assert.rejects(failing.next(), TypeError)
  assert.deepEqual(closed, ['closed'])
})

test('a source that is left in the middle is closed before return() resolves', async () => {
  const closed: string[] = []
  const left = untilAborted(source(one, closed), undefined)
  await left.next()
  await assert.rejects(left.return(), RangeError)
  assert.deepEqual(closed, ['closed'])
})
