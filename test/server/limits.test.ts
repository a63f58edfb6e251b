/** The limits of a service: requests that are too large, too long or too frequent. */
import assert from 'node:assert/strict'
import dns, { type LookupAddress, type LookupAllOptions } from 'node:dns'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { checkServiceOptions } from '#src/server/options'
import type { Service } from '#src/server/service'
import { noiseWav, npyMel } from '../support/cli-inputs.js'
import { quickVocoder } from '../support/quick-vocoder.js'
import { finishedJob, post, problem, smallModels, testService } from '../support/service.js'

type One = (error: null, address: string, family: number) => void
type All = (error: null, addresses: readonly LookupAddress[]) => void

// More than the service and the sockets hold for a reader: not read, it keeps its place until it is cancelled.
const LONG = npyMel(16_000)
const SLOW = '/v1/vocode?model=quick&seed=1&steps=1&format=32f'
const models = new Map([...smallModels, ['quick', await quickVocoder()]])

describe('the limits of the queue', () => {
  test('refuse a second request of one client, and any when it is full, with Retry-After', async () => {
    const service = await testService({ models, trustProxy: true, limits: { parallel: 1, queue: 0, perClient: 1 } })
    const [one, other] = ['192.0.2.1', '192.0.2.2'].map(client => ({ 'x-forwarded-for': client }))
    const first = await post(service, SLOW, LONG, one)
    await problem(await post(service, '/v1/vocode', npyMel(4), one), 429, 'TOO_MANY_REQUESTS')
    const refused = await post(service, '/v1/vocode', npyMel(4), other)
    const { retryAfter } = await problem(refused, 429, 'QUEUE_FULL')
    assert.equal(refused.headers.get('retry-after'), String(retryAfter))
    assert.ok(Number(retryAfter) >= 1)
    const job = await post(service, '/v1/vocode', npyMel(4), { ...other, prefer: 'respond-async' })
    await problem(job, 429, 'QUEUE_FULL')
    await first.body!.cancel()
  })

  test('restrict the requests of a client per minute', async () => {
    const service = await testService({ limits: { requestsPerMinute: 3 } })
    for (let i = 0; i < 3; i++) assert.equal((await fetch(`${service.url}/v1/models`)).status, 200)
    const refused = await fetch(`${service.url}/v1/models`)
    await problem(refused, 429, 'TOO_MANY_REQUESTS')
    assert.match(refused.headers.get('retry-after')!, /^\d+$/)
    assert.equal((await fetch(`${service.url}/healthz`)).status, 200)
  })

  test('count refused requests, too, in the requests per minute', async () => {
    const refusals: readonly (readonly [path: string, status: number, token: string])[] = [
      ['/v1/models', 401, 'wrong'],
      ['/metrics', 401, 'wrong'],
      ['/nowhere', 404, 'correct-horse'],
      ['/v1/vocode', 405, 'correct-horse'],
    ]
    for (const [path, status, token] of refusals) {
      const service = await testService({ token: 'correct-horse', limits: { requestsPerMinute: 1 } })
      const headers = { authorization: `Bearer ${token}` }
      assert.equal((await fetch(service.url + path, { headers })).status, status, path)
      await problem(await fetch(service.url + path, { headers }), 429, 'TOO_MANY_REQUESTS')
    }
  })

  test('use the last forwarded address, which a client behind a proxy cannot choose', async () => {
    const service = await testService({ trustProxy: true, limits: { requestsPerMinute: 1 } })
    const from = (addresses: string) => fetch(`${service.url}/v1/models`, { headers: { 'x-forwarded-for': addresses } })
    assert.equal((await from('192.0.2.1, 198.51.100.7')).status, 200)
    assert.equal((await from('192.0.2.2, 198.51.100.8')).status, 200)
    await problem(await from('192.0.2.3, 198.51.100.7'), 429, 'TOO_MANY_REQUESTS')
  })
})

describe('the limit of connections', () => {
  /** Opens connections that send nothing. */
  async function openConnections(service: Service, count: number) {
    const port = Number(new URL(service.url).port)
    const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'))
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
    // All of them are accepted in this order.
    await setTimeout(100)
    return sockets
  }

  test('refuses those that a client has beyond it, until it closes one', async () => {
    const service = await testService({ limits: { connectionsPerClient: 3 } })
    const sockets = await openConnections(service, 3)
    const refused = connect(Number(new URL(service.url).port), '127.0.0.1')
    const answer = await text(refused)
    assert.match(answer, /^HTTP\/1\.1 429 Too Many Requests\r\n/)
    assert.match(answer, /"code":"TOO_MANY_REQUESTS".*at most 3 open connections from one client/)
    sockets[0]!.destroy()
    await setTimeout(100)
    assert.match(await (await fetch(`${service.url}/metrics`)).text(), /^diffwave_refused_connections_total 1$/m)
    for (const socket of sockets) socket.destroy()
  })

  test('holds at localhost, too, where it has two addresses', async context => {
    const addresses = ['127.0.0.1', '127.0.0.2']
    // Node looks for one address, Fastify for all.
    context.mock.method(dns, 'lookup', (host: string, ...[options, found]: [LookupAllOptions, All] | [One]) => {
      if (found === undefined) (options as One)(null, host === 'localhost' ? addresses[0]! : host, 4)
      else
        found(
          null,
          addresses.map(address => ({ address, family: 4 })),
        )
    })
    const service = await testService({ host: 'localhost' })
    assert.equal(service.app.addresses().length, 1)
  })

  test('does not count those of a trusted proxy, which are of many clients', async () => {
    const service = await testService({ trustProxy: true, limits: { connectionsPerClient: 3 } })
    const sockets = await openConnections(service, 10)
    assert.equal((await fetch(`${service.url}/healthz`)).status, 200)
    for (const socket of sockets) socket.destroy()
  })
})

describe('the limits of sizes', () => {
  test('refuse a body that is too large, before it is read if its length is known', { timeout: 20_000 }, async () => {
    const mel = npyMel(4)
    const service = await testService({ limits: { bodyBytes: mel.length } })
    assert.equal((await post(service, '/v1/vocode?steps=1', mel)).status, 200)
    await problem(await post(service, '/v1/vocode', Buffer.concat([mel, Buffer.alloc(1)])), 413, 'TOO_LARGE')
    const pieces = [new Uint8Array(1), new Uint8Array(mel.length)]
    const body = new ReadableStream({
      // It never ends.
      pull: controller => (pieces.length > 0 ? controller.enqueue(pieces.pop()) : new Promise(() => {})),
    })
    const response = await fetch(`${service.url}/v1/vocode`, { method: 'POST', body, duplex: 'half' } as RequestInit)
    await problem(response, 413, 'TOO_LARGE')
  })

  test('leave room for one body of the largest size', () => {
    const uploadBytes = (limits: object) => checkServiceOptions({ models: smallModels, limits }).limits.uploadBytes
    assert.deepEqual([{}, { bodyBytes: 2 ** 30 }].map(uploadBytes), [2 ** 29, 2 ** 30])
    assert.equal(uploadBytes({ bodyBytes: 2 ** 30, uploadBytes: 10 }), 10)
  })

  test('bound the total of all bodies, each until its response is complete or its job ends', async () => {
    const service = await testService({ drainSeconds: 0, limits: { parallel: 1, uploadBytes: 10_000 } })
    await problem(await post(service, '/v1/vocode', npyMel(100)), 429, 'QUEUE_FULL')
    // Two of them would be too much at a time.
    for (let i = 0; i < 3; i++) {
      const response = await post(service, '/v1/vocode?steps=1', npyMel(20))
      assert.equal(response.status, 200)
      await response.arrayBuffer()
    }
    const submit = (path: string, body: Uint8Array | string) => post(service, path, body, { prefer: 'respond-async' })
    await submit('/v1/generate', '{"seconds": 60, "steps": 500}')
    const waits = await submit('/v1/vocode', npyMel(20))
    assert.equal(waits.status, 202)
    await problem(await submit('/v1/vocode', npyMel(20)), 429, 'QUEUE_FULL')
    await fetch(service.url + waits.headers.get('location'), { method: 'DELETE' })
    assert.equal((await submit('/v1/vocode', npyMel(20))).status, 202)
  })

  test('refuse audio that is too long, as input or output', async () => {
    const service = await testService({ limits: { seconds: 0.5 } })
    const cases: readonly (readonly [path: string, body: Uint8Array | string])[] = [
      ['/v1/vocode', npyMel(100)],
      ['/v1/vocode', noiseWav(0, 22_050)],
      ['/v1/mel', noiseWav(0, 22_050)],
      ['/v1/denoise', noiseWav(0, 22_050)],
      ['/v1/inpaint?gaps=0.1-0.2', noiseWav(0, 22_050)],
      ['/v1/generate', '{"seconds": 0.6}'],
      // A clip of the model's own length.
      ['/v1/generate', ''],
    ]
    for (const [path, body] of cases) await problem(await post(service, path, body), 413, 'TOO_LARGE')
    for (const path of ['/v1/process?model=noise&steps=1', '/v1/generate?count=3&seconds=0.2&steps=1']) {
      assert.equal((await finishedJob(service, path)).problem?.code, 'TOO_LARGE', path)
    }
  })
})
