/** Parts of a worker without a Redis server: the output of a job, and the list of running workers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Claim } from '#src/server/redis/claim'
import { Presence } from '#src/server/redis/presence'
import { RemoteOutput } from '#src/server/redis/remote-output'
import { LEAVE, PRESENT, SHOW } from '#src/server/redis/scripts'

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
