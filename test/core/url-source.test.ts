/** A folder behind a URL as a source of files. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type DownloadCache, urlSource } from '#src/core/url-source'
import { code } from '../support/errors.js'
import { type FileServer, fileServer } from '../support/file-server.js'

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

describe('a read from a server', () => {
  let server: FileServer
  before(async () => {
    server = await fileServer()
    server.files.set('/m/a', Buffer.from('abcdef'))
  })
  after(() => server.close())
  const source = () => urlSource(new URL(`${server.url}/m/`))

  test('cuts the range out of the whole file if the server ignores ranges', async () => {
    const part = await source().read('a', { range: { start: 1, end: 3 } })
    assert.equal(Buffer.from(part).toString(), 'bc')
  })

  test('takes the answer as it is if the server keeps to the range', async () => {
    server.misbehave = (request, response) => {
      if (request.headers.range !== 'bytes=1-2') return false
      response.writeHead(206, { 'content-range': 'bytes 1-2/6' }).end('bc')
      return true
    }
    const part = await source().read('a', { range: { start: 1, end: 3 } })
    assert.equal(Buffer.from(part).toString(), 'bc')
  })

  test('stops at the most bytes allowed, also if the server announces no size or never ends', async () => {
    server.misbehave = () => false
    await assert.rejects(source().read('a', { maxBytes: 5 }), code('TOO_LARGE', /6/))
    assert.equal((await source().read('a', { maxBytes: 6 })).length, 6)
    const closed = new Promise<void>(resolve => {
      server.misbehave = (request, response) => {
        if (request.url !== '/m/a') return false
        response.on('close', resolve)
        response.writeHead(200).write('more than five')
        return true
      }
    })
    await assert.rejects(source().read('a', { maxBytes: 5 }), code('TOO_LARGE', /more than 5/))
    await closed
  })

  test('refuses a file that ends before its announced size', async () => {
    server.misbehave = (request, response) => {
      if (request.url !== '/m/a') return false
      response.writeHead(200, { 'content-length': 6 })
      response.write('abc', () => response.destroy())
      return true
    }
    await assert.rejects(source().read('a'), code('DOWNLOAD_FAILED'))
  })
})

test('a kept file is downloaded again if the server states no version', async () => {
  const server = await fileServer()
  try {
    let body = 'damaged'
    server.misbehave = (request, response) => {
      if (request.url !== '/m/a') return false
      response.writeHead(200).end(request.method === 'HEAD' ? undefined : body)
      return true
    }
    const kept = new Map<string, NonNullable<Awaited<ReturnType<DownloadCache['get']>>>>()
    const cache: DownloadCache = {
      get: async url => kept.get(url.href) ?? null,
      put: async (url, bytes, validators) => kept.set(url.href, { bytes, validators }).size > 0,
    }
    const read = async () => Buffer.from(await urlSource(new URL(`${server.url}/m`), { cache }).read('a')).toString()
    assert.equal(await read(), 'damaged')
    body = 'mended'
    assert.equal(await read(), 'mended')
  } finally {
    await server.close()
  }
})
