/** A folder behind a URL as a source of files. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { urlSource } from '#src/core/url-source'
import { fileServer } from '../support/file-server.js'

test('a stopped read does not stop the others, which still check the stated hashes', async () => {
  const server = await fileServer()
  try {
    server.files.set('/m/files.json', Buffer.from(JSON.stringify({ a: { bytes: 3 }, b: { bytes: 4 } })))
    server.files.set('/m/a', Buffer.from('one'))
    server.files.set('/m/b', Buffer.from('two'))
    const stop = new AbortController()
    server.misbehave = request => {
      if (request.url !== '/m/files.json' || stop.signal.aborted) return false
      stop.abort()
      return true
    }
    const source = urlSource(new URL(`${server.url}/m`))
    const [stopped, other] = await Promise.allSettled([source.read('a', { signal: stop.signal }), source.read('a')])
    assert.equal(stopped.status === 'rejected' && stopped.reason.code, 'ABORTED')
    assert.equal(other.status === 'fulfilled' && Buffer.from(other.value).toString(), 'one')
    await assert.rejects(source.read('b'), { code: 'CORRUPTED' })
  } finally {
    await server.close()
  }
})
