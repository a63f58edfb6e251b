/** Work that several calls wait for: each call can be stopped alone, the last one stops the work. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { throwIfAborted } from '#src/core/errors'
import { SharedWork } from '#src/core/shared-work'

/** Work that reports what it is told to, and ends when it is told to or by its signal. */
function work() {
  let finish: (result: number) => void = () => {}
  let report: (step: number) => Promise<void> = async () => {}
  let stopped = false
  const shared = new SharedWork<number, number>(async ({ signal, onProgress }) => {
    report = onProgress
    const result = await Promise.race([new Promise<number>(resolve => (finish = resolve)), once(signal, 'abort')])
    stopped = signal.aborted
    throwIfAborted(signal)
    return result as number
  })
  return { shared, report: (step: number) => report(step), finish: (n: number) => finish(n), hasStopped: () => stopped }
}

test('every call gets the result, the progress, and only its own abort', async () => {
  const { shared, report, finish } = work()
  const [first, second] = [new AbortController(), new AbortController()]
  const heard: string[] = []
  const one = shared.join({ signal: first.signal, onProgress: step => void heard.push(`one ${step}`) })
  const two = shared.join({ signal: second.signal, onProgress: step => void heard.push(`two ${step}`) })
  await report(1)
  first.abort('enough')
  await assert.rejects(one, { code: 'ABORTED', cause: 'enough' })
  await report(2)
  finish(7)
  assert.equal(await two, 7)
  second.abort()
  assert.equal(await shared.join({}), 7)
  assert.deepEqual(heard, ['one 1', 'two 1', 'two 2'])
  await assert.rejects(shared.join({ signal: first.signal }), { code: 'ABORTED' })
})

test('an error in a callback ends its call, and the last call to stop stops the work', async () => {
  const { shared, report, hasStopped } = work()
  const refuse = () => {
    throw new RangeError('enough')
  }
  const one = shared.join({ onProgress: refuse })
  const stop = new AbortController()
  const two = shared.join({ signal: stop.signal })
  const rejected = assert.rejects(one, RangeError)
  await report(1)
  await rejected
  assert.ok(shared.isOpen && !hasStopped())
  stop.abort('done')
  assert.ok(!shared.isOpen)
  await assert.rejects(two, { code: 'ABORTED', cause: 'done' })
  assert.ok(hasStopped())
})

test('a callback that never ends holds up no other call once its own was stopped', async () => {
  const { shared, report, finish } = work()
  const stop = new AbortController()
  const one = shared.join({ signal: stop.signal, onProgress: () => new Promise<void>(() => {}) })
  const heard: number[] = []
  const two = shared.join({ onProgress: step => void heard.push(step) })
  const told = report(1)
  const rejected = assert.rejects(one, { code: 'ABORTED' })
  stop.abort()
  await rejected
  await told
  finish(7)
  assert.equal(await two, 7)
  assert.deepEqual(heard, [1])
})
