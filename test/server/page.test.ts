/** The files of a page: their caching and compression. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from '#src/server/page'
import { testService } from '../support/service.js'

const script = 'console.log("a page")\n'.repeat(200)
const file = (text: string, type: string) => ({ bytes: new TextEncoder().encode(text), type, etag: `"${text.length}"` })
const page: Page = new Map([
  ['/', file('<!doctype html>', 'text/html; charset=utf-8')],
  ['/assets/app-Qz1rZpWs.js', file(script, 'text/javascript; charset=utf-8')],
  ['/assets/sample.wav', file(script, 'audio/wav')],
])
const origin = 'https://pages.example'
const service = await testService({ page, cors: [origin, 'https://other.example'] })
const SCRIPT = '/assets/app-Qz1rZpWs.js'

const get = (path: string, headers: Readonly<Record<string, string>> = {}) => fetch(service.url + path, { headers })
const encodingOf = async (path: string, accepted: string) =>
  (await get(path, { 'accept-encoding': accepted })).headers.get('content-encoding')

describe('a file of a page', () => {
  test('is compressed for clients that accept gzip, if that makes it smaller', async () => {
    const response = await get(SCRIPT, { 'accept-encoding': 'br;q=1, gzip;q=0.5' })
    assert.equal(response.headers.get('content-encoding'), 'gzip')
    assert.ok(Number(response.headers.get('content-length')) < script.length / 10)
    assert.equal(await response.text(), script)
    const refused = await Promise.all(
      ['identity', 'br', 'gzip;q=0', 'gzip; q=0.0'].map(text => encodingOf(SCRIPT, text)),
    )
    assert.deepEqual(refused, [null, null, null, null])
    assert.deepEqual([await encodingOf('/', 'gzip'), await encodingOf('/assets/sample.wav', 'gzip')], [null, null])
  })

  test('is not sent again to a client that has it, whatever a proxy did to its tag', async () => {
    const first = await get(SCRIPT)
    const tag = first.headers.get('etag')!
    assert.equal(await first.text(), script)
    for (const known of [tag, tag.replace('W/', ''), `"other", ${tag}`, '*']) {
      const again = await get(SCRIPT, { 'if-none-match': known })
      assert.deepEqual([again.status, await again.text()], [304, ''], known)
    }
    assert.equal((await get(SCRIPT, { 'if-none-match': '"other"' })).status, 200)
  })

  test('says what its answer depends on', async () => {
    const { headers } = await get(SCRIPT, { origin })
    assert.deepEqual(headers.get('vary')!.toLowerCase().split(/, */).sort(), ['accept-encoding', 'origin'])
  })

  test('is kept by browsers for a year only if its name has a hash', async () => {
    const [hashed, other] = await Promise.all([SCRIPT, '/'].map(async path => (await get(path)).headers))
    assert.match(hashed!.get('cache-control')!, /max-age=31536000, immutable/)
    assert.equal(other!.get('cache-control'), 'no-cache')
  })

  test('answers HEAD with the headers of GET', async () => {
    const { status, headers } = await fetch(service.url + SCRIPT, { method: 'HEAD' })
    assert.deepEqual([status, headers.get('content-encoding')], [200, 'gzip'])
  })
})
