/** Malformed requests, which no client library would send. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { npyMel } from '../support/cli-inputs.js'
import { quickVocoder } from '../support/quick-vocoder.js'
import { post, problem, testService } from '../support/service.js'
import { idle } from '../support/service-work.js'

const service = await testService({ models: new Map([['quick', await quickVocoder()]]) })
const port = Number(new URL(service.url).port)

/** Sends text and returns what comes back until the connection ends. */
function raw(text: string, end = true): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(text)
      if (end) socket.end()
    })
    let answer = ''
    socket.on('data', data => {
      answer += data
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

async function refusal(text: string, status: number, code: string, end = true): Promise<string> {
  const answer = await raw(text, end)
  assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), answer)
  const document = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>
  assert.deepEqual([document['status'], document['code']], [status, code])
  assert.ok(['title', 'detail', 'problem'].every(name => typeof document[name] === 'string'))
  return answer
}

async function refused(text: string, status: number, code: string, end = true): Promise<void> {
  await refusal(text, status, code, end)
}

const head = 'host: localhost\r\nconnection: close\r\n'

describe('the service refuses', () => {
  test('text that is not HTTP', () => refused('hello\r\n\r\n', 400, 'BAD_REQUEST'))

  test('headers that are too large', () =>
    refused(`GET / HTTP/1.1\r\n${head}x: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'))

  test('an address that is too long', () =>
    refused(`GET /v1/models?${'a'.repeat(9000)} HTTP/1.1\r\n${head}\r\n`, 414, 'URI_TOO_LONG'))

  test('an address that cannot be decoded', () =>
    refused(`GET /v1/jobs/%zz HTTP/1.1\r\n${head}\r\n`, 400, 'BAD_REQUEST'))

  test('a path out of the service', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/docs/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/..%5c..%5cboot.ini',
    ]) {
      await refused(`GET ${path} HTTP/1.1\r\n${head}\r\n`, 404, 'NOT_FOUND')
    }
  })

  test('a method that the path does not support, and lists the supported ones', async () => {
    const answer = await refusal(`DELETE /v1/models HTTP/1.1\r\n${head}\r\n`, 405, 'METHOD_NOT_ALLOWED')
    assert.match(answer, /^allow: GET, HEAD\r$/m)
    await refused(`DELETE /v1/vocode HTTP/1.1\r\n${head}\r\n`, 405, 'METHOD_NOT_ALLOWED')
  })

  test('a request without a host', () =>
    refused('GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'BAD_REQUEST', false))

  test('a body whose declared length is too large, before it is sent', () =>
    refused(`POST /v1/vocode HTTP/1.1\r\n${head}content-length: 99999999\r\n\r\n`, 413, 'TOO_LARGE', false))

  test('JSON options that are nested too deeply or too large', async () => {
    const send = (json: string) => post(service, '/v1/generate', json)
    const depth = 30_000
    await problem(await send(`{"seconds":${'['.repeat(depth)}${']'.repeat(depth)}}`), 400, 'BAD_OPTION')
    await problem(await send(`{"seconds":${' '.repeat(1e5)}1}`), 413, 'TOO_LARGE')
  })

  test('a job id of the maximum length of a path', () =>
    refused(`GET /v1/jobs/${'a'.repeat(5000)} HTTP/1.1\r\n${head}\r\n`, 404, 'UNKNOWN_JOB'))

  test('a form, and a compressed body', async () => {
    for (const header of ['content-type: multipart/form-data; boundary=x', 'content-encoding: gzip']) {
      const text = `POST /v1/vocode HTTP/1.1\r\n${head}${header}\r\ncontent-length: 3\r\n\r\nabc`
      await refused(text, 415, 'UNSUPPORTED_MEDIA_TYPE')
    }
  })

  test('a request that is smuggled behind another', () =>
    refused(
      `POST /v1/vocode HTTP/1.1\r\n${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'BAD_REQUEST',
    ))

  test('only the request whose body ends early, and answers the next one', async () => {
    await raw(`POST /v1/vocode HTTP/1.1\r\n${head}content-length: 100000\r\n\r\nabc`)
    assert.equal((await fetch(`${service.url}/healthz`)).status, 200)
  })
})

describe('a connection', () => {
  test('is closed after an error, even if the client keeps its side open', async () => {
    const { app } = await testService()
    const { port } = app.server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write('hello\r\n\r\n'))
    socket.resume()
    await once(socket, 'end')
    const open = () => new Promise(resolve => app.server.getConnections((_, count) => resolve(count)))
    for (let i = 0; (await open()) !== 0; i++) {
      assert.ok(i < 100, 'the connection stays open')
      await setTimeout(50)
    }
    socket.destroy()
  })

  test('is closed without a second answer if a broken request arrives during an answer', async () => {
    const body = npyMel(16_000)
    const socket = connect(port, '127.0.0.1')
    socket.write(`POST /v1/vocode?steps=1&format=32f HTTP/1.1\r\n${head}content-length: ${body.length}\r\n\r\n`)
    socket.write(body)
    let answer = ''
    socket.on('error', () => {})
    socket.on('data', data => {
      if (answer === '') socket.write('hello\r\n\r\n')
      answer += data.toString('latin1')
    })
    await once(socket, 'close')
    assert.ok(answer.startsWith('HTTP/1.1 200 '), answer.slice(0, 100))
    assert.ok(!answer.includes('BAD_REQUEST'))
    await idle(service)
  })
})
