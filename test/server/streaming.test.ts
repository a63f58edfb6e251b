/** Streamed results: audio is sent while it is made, waits for its reader, and stops when the reader leaves. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { StreamOutput } from '#src/server/http/stream-output'
import { MAX_UNREAD_BYTES } from '#src/server/limits'
import type { Refusal } from '#src/server/refusal'
import { npyMel } from '../support/cli-inputs.js'
import { quickVocoder } from '../support/quick-vocoder.js'
import { post, problem, smallModels, testService } from '../support/service.js'
import { idle, running, waiting } from '../support/service-work.js'

const models = new Map([...smallModels, ['quick', await quickVocoder()]])

/** A result of 16 MB: more than the service and the sockets hold for a reader. */
const LONG = npyMel(16_000)
const QUERY = '/v1/vocode?model=quick&seed=1&steps=1&format=32f'

const single = await testService({ models, limits: { parallel: 1 } })

describe('a streamed result', () => {
  test('begins before its last is made, and stops when its reader leaves, or before its turn', async () => {
    const request = () => {
      const leave = new AbortController()
      const response = fetch(single.url + QUERY, { method: 'POST', body: LONG, signal: leave.signal })
      response.catch(() => {})
      return { response, leave }
    }
    const first = request()
    const { value } = await (await first.response).body!.getReader().read()
    assert.equal(Buffer.from(value!.subarray(0, 4)).toString(), 'RIFF')
    assert.equal(await running(single), 1)
    const second = request()
    await waiting(single, 1)
    second.leave.abort()
    await assert.rejects(second.response)
    await waiting(single, 0)
    assert.equal(await running(single), 1)
    first.leave.abort()
    await idle(single)
  })

  test('is cut off if nobody reads it, and queued requests are then answered', { timeout: 30_000 }, async () => {
    single.app.server.timeout = 300
    const unread = await post(single, QUERY, LONG)
    const second = await post(single, '/v1/vocode?model=quick&steps=1', npyMel(4))
    assert.equal(second.status, 200)
    await assert.rejects(unread.arrayBuffer())
  })

  test('is cut off without a proper end when its time is over', async () => {
    const service = await testService({ models, limits: { workSeconds: 0.5 } })
    const response = await post(service, QUERY.replace('steps=1', 'steps=6'), LONG)
    // The machine may be so busy that not even the first audio is there in time.
    if (response.status === 503) return void (await problem(response, 503, 'WORK_TIMEOUT'))
    await assert.rejects(response.arrayBuffer())
    await idle(service)
  })

  test('can be read to its end, slowly, while the service stops', async () => {
    const service = await testService({ models, drainSeconds: 20 })
    // As much as the service holds for a reader, so that the work ends before it is read.
    const response = await post(service, QUERY, npyMel(8000))
    await idle(service)
    const stopped = service.stop()
    await setTimeout(2000)
    assert.equal((await response.arrayBuffer()).byteLength, 8_192_044)
    assert.equal(response.headers.get('content-length'), '8192044')
    await stopped
  })

  test('is a problem document if it fails before its first audio', async () => {
    const service = await testService({ models, limits: { workSeconds: 0.001 } })
    await problem(await post(service, '/v1/vocode?model=voice', npyMel(100)), 503, 'WORK_TIMEOUT')
  })
})

test('the output of a stream ends work whose reader takes nothing for a minute, and no other', async context => {
  let pending: (() => void) | null = null
  context.mock.method(globalThis, 'setTimeout', (callback: () => void, milliseconds: number) => {
    assert.equal(milliseconds, 60_000)
    pending = callback
  })
  context.mock.method(globalThis, 'clearTimeout', () => {
    pending = null
  })
  const stalls: Error[] = []
  const output = new StreamOutput(error => void stalls.push(error))
  output.open({ name: 'result.wav', type: 'audio/wav', bytes: null, facts: {} })
  const full = new Uint8Array(MAX_UNREAD_BYTES)
  const first = output.write(full)
  assert.ok(pending)
  output.body.read()
  await first
  assert.equal(pending, null)
  const second = output.write(full)
  ;(pending as unknown as () => void)()
  assert.deepEqual(
    stalls.map(error => (error as Refusal).code),
    ['REQUEST_TIMEOUT'],
  )
  await second
  await assert.rejects(output.write(full), { code: 'ABORTED' })
})
