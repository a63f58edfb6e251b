/** Access to a service: the token, origins and hosts. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, test } from 'node:test'
import { isLoopback } from '#src/server/http/loopback'
import { problem, type Service, testService } from '../support/service.js'

/** A request with any headers, which `fetch` would not send. */
function get({ url }: Service, path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return new Promise((resolve, reject) => {
    request(url + path, { headers }, response => {
      const parts: Buffer[] = []
      response.on('data', part => parts.push(part))
      response.on('end', () => {
        const own = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)])
        resolve(new Response(Buffer.concat(parts), { status: response.statusCode!, headers: own }))
      })
    })
      .on('error', reject)
      .end()
  })
}

describe('the token of a service', () => {
  test('is required for every request except health checks and documentation', async () => {
    const service = await testService({ token: 'correct-horse' })
    for (const path of ['/healthz', '/readyz', '/docs', '/docs/openapi.json']) {
      assert.equal((await fetch(service.url + path)).status, 200, path)
    }
    for (const path of ['/v1/models', '/v1/jobs/x', '/metrics', '/v1/runs']) {
      const refused = await fetch(service.url + path)
      await problem(refused, 401, 'UNAUTHORIZED')
      assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
    }
    for (const wrong of ['Bearer wrong', 'Bearer ', 'Basic correct-horse', 'Bearer correct-horse2', 'correct-horse']) {
      const refused = await fetch(`${service.url}/v1/models`, { headers: { authorization: wrong } })
      await problem(refused, 401, 'UNAUTHORIZED')
    }
    const headers = { authorization: 'Bearer correct-horse' }
    assert.equal((await fetch(`${service.url}/v1/models`, { headers })).status, 200)
  })

  test('is not shown in the documentation or the log', async () => {
    const lines: string[] = []
    const service = await testService({ token: 'correct-horse', log: { write: line => void lines.push(line) } })
    await fetch(`${service.url}/v1/models`, { headers: { authorization: 'Bearer correct-horse' } })
    const documents = await (await fetch(`${service.url}/docs/openapi.json`)).text()
    assert.match(documents, /bearer/)
    const log = lines.join('')
    assert.doesNotMatch(documents + log, /correct-horse/)
    assert.match(log, /"url":"\/v1\/models"/)
  })
})

describe('a web page', () => {
  test('of another origin is refused unless it is allowed', async () => {
    const closed = await testService()
    await problem(await get(closed, '/v1/models', { origin: 'http://other.example' }), 403, 'FORBIDDEN')
    await problem(await get(closed, '/v1/models', { origin: 'null' }), 403, 'FORBIDDEN')
    const own = await get(closed, '/v1/models', { origin: closed.url })
    assert.equal(own.status, 200)
    assert.equal(own.headers.get('access-control-allow-origin'), null)

    const open = await testService({ cors: ['http://other.example'] })
    const allowed = await get(open, '/v1/models', { origin: 'http://other.example' })
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'http://other.example')
    assert.match(allowed.headers.get('access-control-expose-headers')!, /diffwave-seed/)
    await problem(await get(open, '/v1/models', { origin: 'http://third.example' }), 403, 'FORBIDDEN')
  })

  test('of any origin, and under any host name, is allowed by *', async () => {
    const service = await testService({ cors: ['*'] })
    const answer = await get(service, '/v1/models', { origin: 'http://other.example', host: 'any.example' })
    assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [200, '*'])
  })

  test('of an allowed origin may also stop jobs', async () => {
    const service = await testService({ cors: ['http://other.example'], token: 'correct-horse' })
    const headers = {
      origin: 'http://other.example',
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization',
    }
    const answer = await fetch(`${service.url}/v1/jobs/x`, { method: 'OPTIONS', headers })
    assert.equal(answer.status, 204)
    assert.match(answer.headers.get('access-control-allow-methods')!, /DELETE/)
    assert.match(answer.headers.get('access-control-allow-headers')!, /authorization/)
    // Else browsers would ask before almost every request.
    assert.equal(answer.headers.get('access-control-max-age'), '600')
  })

  test('reaches a loopback service through a proxy under the host name of its origin', async () => {
    const service = await testService({ cors: ['https://voice.example'] })
    assert.equal((await get(service, '/v1/models', { host: 'voice.example' })).status, 200)
    assert.equal((await get(service, '/v1/models', { host: 'voice.example:443' })).status, 200)
    await problem(await get(service, '/v1/models', { host: 'other.example' }), 403, 'FORBIDDEN')
  })

  test('is allowed only by an origin in the spelling of browsers', async () => {
    for (const origin of ['https://other.example/', 'other.example', 'HTTPS://other.example', 'null', '']) {
      await assert.rejects(testService({ cors: [origin] }), { code: 'BAD_OPTION' }, origin)
    }
    await assert.rejects(testService({ cors: new Uint8Array(1) as unknown as string[] }), { code: 'BAD_OPTION' })
    await testService({ cors: ['http://localhost:3000', 'tauri://localhost', '*'] })
  })

  test('that reaches the service by a foreign host name is refused (DNS rebinding)', async () => {
    const service = await testService()
    await problem(await get(service, '/v1/models', { host: 'rebound.example' }), 403, 'FORBIDDEN')
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1', '[::1]:80', 'LOCALHOST']) {
      assert.equal((await get(service, '/v1/models', { host })).status, 200, host)
    }
    // All of 127.0.0.0/8 is this machine.
    const other = await testService({ host: '127.0.0.2' })
    assert.equal((await get(other, '/v1/models', {})).status, 200)
    await problem(await get(other, '/v1/models', { host: 'rebound.example' }), 403, 'FORBIDDEN')
    for (const [address, loopback] of Object.entries({ LOCALHOST: true, '::1': true, '0.0.0.0': false, '::': false })) {
      assert.equal(isLoopback(address), loopback, address)
    }
  })
})
