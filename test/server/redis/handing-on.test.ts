/** The delay of a job that was refused, and the turns that the refusing worker skips. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HandingOn } from '#src/server/redis/handing-on'

/** Milliseconds that something takes. */
async function timeOf(work: Promise<void>): Promise<number> {
  const start = performance.now()
  await work
  return performance.now() - start
}

describe('a worker that hands jobs on', () => {
  test('delays a job more each time, up to a share of its lock', () => {
    const handingOn = new HandingOn(10, new AbortController().signal)
    assert.deepEqual(
      [0, 1, 2, 3, 2000].map(passes => handingOn.seconds(passes)),
      [0.5, 1, 2, 2, 2],
    )
  })

  test('skips one turn when it is offered a job again, once for all jobs', async () => {
    const handingOn = new HandingOn(1, new AbortController().signal)
    for (const id of ['a', 'b', 'c']) assert.ok((await timeOf(handingOn.sitOut(id, 0))) < 100, id)
    assert.ok((await timeOf(handingOn.sitOut('b', 1))) >= 235)
    for (const id of ['a', 'b', 'c']) assert.ok((await timeOf(handingOn.sitOut(id, 1))) < 100, id)
    assert.ok((await timeOf(handingOn.sitOut('a', 2))) >= 235)
  })

  test('does not skip a turn while it stops', async () => {
    const stopping = new AbortController()
    const handingOn = new HandingOn(3600, stopping.signal)
    await handingOn.sitOut('a', 0)
    const sitting = timeOf(handingOn.sitOut('a', 0))
    stopping.abort()
    assert.ok((await sitting) < 5000)
  })
})
