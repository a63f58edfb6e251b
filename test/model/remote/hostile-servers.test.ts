/** Downloads from servers that break off, lie or never end, and concurrent calls. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { readModel } from '#src/model/read-model'
import { remoteAddress } from '#src/model/remote/address'
import { remoteModel } from '#src/model/remote/remote-model'
import { etagOf } from '../../support/file-server.js'
import { cache, checkpoint, server } from '../../support/model-server.js'
import { distUrl } from '../../support/paths.js'
import { configBytes, sha256, weightBytes } from '../../support/served-model.js'

const load = (path = '/m', options = {}) => remoteModel(server.url + path, { folder: cache, ...options })
const weightsIn = (folder: string) => readFileSync(join(folder, 'weights.safetensors'))
const requestsFor = (end: string) => server.requests.filter(({ path }) => path.endsWith(end))

/** Sends the beginning of a body and breaks off, a moment later so that what was sent arrives. */
function breakOff(response: ServerResponse, bytes: Buffer): void {
  response.write(bytes, () => setTimeout(() => response.socket?.end(), 200))
}

describe('concurrent calls', () => {
  test('for one model download it once', async () => {
    const folders = await Promise.all([load(), load(), load(), load()])
    assert.equal(new Set(folders).size, 1)
    assert.deepEqual(weightsIn(folders[0]!), weightBytes)
    assert.equal(requestsFor('weights.safetensors').length, 1)
    const left = readdirSync(folders[0]!).sort()
    assert.deepEqual(left, ['config.json', 'source.json', 'weights.safetensors'])
  })

  test('continue if another one fails or is aborted', async () => {
    let refusals = 0
    server.misbehave = (request, response) => {
      if (!request.url!.endsWith('config.json') || refusals++ > 0) return false
      response.writeHead(403).end()
      return true
    }
    const [first, second] = await Promise.allSettled([load(), load()])
    assert.deepEqual([first.status, second.status], ['rejected', 'fulfilled'])
  })

  test('can be aborted while they wait for another one', async () => {
    const stop = new AbortController()
    const first = load()
    const second = load('/m', { signal: stop.signal })
    stop.abort()
    await assert.rejects(second, { code: 'ABORTED' })
    assert.deepEqual(weightsIn(await first), weightBytes)
  })

  test('with one signal do not make Node.js warn of many listeners', async () => {
    const warnings: Error[] = []
    const hear = (warning: Error) => void warnings.push(warning)
    process.on('warning', hear)
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 14 }, () => load('/m', { signal })))
    await setImmediate()
    process.off('warning', hear)
    assert.deepEqual(warnings, [])
  })
})

describe('a download that breaks off', () => {
  test('starts again if the server compresses its responses', async () => {
    let sent = 0
    server.misbehave = (request, response, bytes) => {
      if (!request.url!.endsWith('weights.safetensors')) return false
      const packed = gzipSync(bytes!)
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
      const headers = { 'content-encoding': 'gzip', etag: '"packed"' }
      if (range !== undefined) {
        // As a server that cuts the compressed body has it, or worse.
        const part = { 'content-range': `bytes ${range}-${packed.length - 1}/${packed.length}` }
        response.writeHead(206, { ...headers, ...part }).end(packed.subarray(Number(range)))
      } else if (sent++ === 0) {
        response.writeHead(200, { ...headers, 'content-length': packed.length })
        breakOff(response, packed.subarray(0, packed.length >> 1))
      } else response.writeHead(200, headers).end(packed)
      return true
    }
    assert.deepEqual(weightsIn(await load()), weightBytes)
  })

  test('is refused by its hash if the rest comes from another file', async () => {
    const files = { 'weights.safetensors': { bytes: weightBytes.length, sha256: sha256(weightBytes) } }
    let sent = 0
    server.misbehave = (request, response, bytes) => {
      if (!request.url!.endsWith('weights.safetensors')) return false
      const headers = { etag: etagOf(bytes!) }
      if (sent++ === 0) {
        response.writeHead(200, { ...headers, 'content-length': bytes!.length })
        breakOff(response, bytes!.subarray(0, 500))
      } else if (sent === 2) {
        const part = { 'content-range': `bytes 500-${bytes!.length - 1}/${bytes!.length}` }
        response.writeHead(206, { ...headers, ...part }).end(Buffer.alloc(bytes!.length - 500))
      } else return false
      return true
    }
    await assert.rejects(load('/m', { files }), { code: 'CORRUPTED' })
    assert.deepEqual(weightsIn(await load('/m', { files })), weightBytes)
  })

  test('leaves nothing of a checkpoint of unknown length', async () => {
    let sent = 0
    server.misbehave = (_, response, bytes) => {
      if (bytes === undefined || sent++ > 0) return false
      response.socket!.end(`HTTP/1.1 200 OK\r\n\r\n${bytes.subarray(0, 9000).toString('latin1')}`, 'latin1')
      return true
    }
    await assert.rejects(load('/c/weights.pt'), { code: 'BAD_ZIP', message: /127\.0\.0\.1.*weights\.pt/ })
    assert.deepEqual(readFileSync(await load('/c/weights.pt')), checkpoint)
  })
})

test('a response that is refused by its size is not left open', { timeout: 20_000 }, async () => {
  const closed = new Promise<void>(resolve => {
    server.misbehave = (request, response) => {
      if (!request.url!.endsWith('weights.pt')) return false
      response.on('close', resolve)
      response.writeHead(200, { 'content-length': 2 ** 40 }).write('a')
      return true
    }
  })
  await assert.rejects(load('/c/weights.pt'), { code: 'TOO_LARGE' })
  await closed
})

test('a web page in place of a checkpoint is not kept', async () => {
  server.files.set('/c/weights.pt', Buffer.from('<!doctype html><title>Please log in</title>'))
  await assert.rejects(load('/c/weights.pt'), { code: 'UNSUPPORTED_FORMAT', hint: /web page/ })
  server.files.set('/c/weights.pt', checkpoint)
  assert.equal((await readModel(await load('/c/weights.pt'))).source, 'lmnt')
})

describe('an invalid files.json', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['a list', [1, 2]],
    ['invalid sizes', { 'weights.safetensors': { bytes: -1 }, 'config.json': { bytes: 1.5 } }],
    ['invalid hashes', { 'weights.safetensors': { sha256: 'abc' }, __proto__: { bytes: 1 } }],
    ['a hash in capitals', { 'weights.safetensors': { sha256: sha256(weightBytes).toUpperCase() } }],
  ]
  for (const [title, list] of cases) {
    test(`does not prevent loading the model: ${title}`, async () => {
      server.files.set('/m/files.json', Buffer.from(JSON.stringify(list)))
      assert.deepEqual(weightsIn(await load()), weightBytes)
    })
  }

  test('with one bad entry still checks the other files', async () => {
    const list = { other: { bytes: 'many' }, 'weights.safetensors': { sha256: '0'.repeat(64) } }
    server.files.set('/m/files.json', Buffer.from(JSON.stringify(list)))
    await assert.rejects(load(), { code: 'CORRUPTED' })
  })
})

describe('the cache', () => {
  for (const [title, path] of [
    ['folders in the name', '/c/..%2F..%2Fweights.pt'],
    ['a colon, which Windows takes for a stream', '/c/a%3Ab.pt'],
    ['240 characters', `/c/${'a'.repeat(240)}.pt`],
  ] as const) {
    test(`accepts a checkpoint’s name with ${title}`, async () => {
      server.misbehave = (_, response) => {
        response.writeHead(200, { etag: `"${'e'.repeat(78)}"`, 'content-length': checkpoint.length }).end(checkpoint)
        return true
      }
      const file = await load(path)
      assert.ok(file.startsWith(join(cache, 'web')))
      assert.match(file, /[\\/][\w. -]{1,100}\.pt$/)
      assert.deepEqual(readFileSync(file), checkpoint)
    })
  }

  test('accepts a percent sign that encodes nothing', () => {
    const address = remoteAddress('https://example.org/50%.pt')
    assert.equal(address.file, '50_.pt')
  })

  test('that is a file is an error with its path', async () => {
    writeFileSync(cache, '')
    await assert.rejects(load(), { code: /^NOT_/, message: /cache-/, hint: /DIFFWAVE_CACHE/ })
  })

  test('in a place where no folder can be made is an error', { skip: process.platform !== 'linux' }, () => {
    const script = `
      import { remoteModel } from ${JSON.stringify(distUrl('model/remote/remote-model.js'))}
      await remoteModel('http://localhost:9/m', { folder: '/proc/none' }).catch(error => console.log(error.code))`
    const args = ['--input-type=module', '-e', script]
    // In a process of its own, because a recursive `mkdir` of Node.js goes on there for ever.
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL' })
    assert.equal(stdout, 'NOT_WRITABLE\n')
  })

  test('with a folder in place of a file is an error', async () => {
    const folder = await load()
    rmSync(join(folder, 'weights.safetensors'))
    mkdirSync(join(folder, 'weights.safetensors'))
    await assert.rejects(load(), { code: 'NOT_A_FILE' })
    rmSync(join(folder, 'source.json'), { force: true })
    mkdirSync(join(folder, 'source.json'))
    await assert.rejects(load(), { code: 'NOT_A_FILE' })
  })

  test('ignores a record that lists other files', async () => {
    const folder = await load()
    writeFileSync(join(folder, 'source.json'), JSON.stringify({ url: '', files: {} }))
    rmSync(join(folder, 'weights.safetensors'))
    assert.deepEqual(weightsIn(await load()), weightBytes)
  })
})

describe('a model hub', () => {
  const COMMIT = '1'.repeat(40)
  const gitDigest = (bytes: Buffer) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
  const large = { oid: sha256(weightBytes), size: weightBytes.length, pointerSize: 130 }
  const tree = [
    { type: 'file', path: 'config.json', size: configBytes.length, oid: gitDigest(configBytes) },
    { type: 'file', path: 'weights.safetensors', size: 130, oid: '2'.repeat(40), lfs: large },
  ]
  const loadHub = (options = {}) => remoteModel('hf:owner/name', { folder: cache, hub: server.url, ...options })
  beforeEach(() => {
    const model = { _id: 'x', id: 'owner/name', private: false, downloads: 0, likes: 0, gated: false, sha: COMMIT }
    server.files.set('/api/models/owner/name/revision/main', Buffer.from(JSON.stringify(model)))
    serveTree(tree)
    server.files.set(`/owner/name/resolve/${COMMIT}/config.json`, configBytes)
    server.files.set(`/owner/name/resolve/${COMMIT}/weights.safetensors`, weightBytes)
  })
  const serveTree = (tree: unknown) =>
    server.files.set(`/api/models/owner/name/tree/${COMMIT}`, Buffer.from(JSON.stringify(tree)))
  const isTree = (url: string | undefined) => url!.includes('/tree/')

  test('continues a download that breaks off, and reports all bytes', async () => {
    let sent = 0
    server.misbehave = (request, response, bytes) => {
      if (!request.url!.endsWith('weights.safetensors') || sent++ > 0) return false
      response.writeHead(200, { 'content-length': bytes!.length, etag: etagOf(bytes!) })
      breakOff(response, bytes!.subarray(0, 500))
      return true
    }
    const reports: { done: number; total: number | null }[] = []
    const folder = await loadHub({ onProgress: (progress: (typeof reports)[number]) => reports.push(progress) })
    assert.deepEqual(weightsIn(folder), weightBytes)
    assert.equal(requestsFor('weights.safetensors').at(-1)!.range, 'bytes=500-')
    const all = configBytes.length + weightBytes.length
    assert.deepEqual(reports.at(-1), { done: all, total: all })
  })

  test('is asked once by concurrent calls', async () => {
    await Promise.all([loadHub(), loadHub(), loadHub()])
    assert.equal(requestsFor('weights.safetensors').length, 1)
  })

  const lies: readonly (readonly [string, () => void, object, { code: string; message?: RegExp }])[] = [
    [
      'a size that is too small',
      () => serveTree([tree[0], { ...tree[1], lfs: { ...large, size: 900 } }]),
      {},
      { code: 'CORRUPTED', message: /900 bytes/ },
    ],
    [
      'a size that is too large',
      () => serveTree([tree[0], { ...tree[1], lfs: { ...large, size: 1e6 } }]),
      {},
      { code: 'CORRUPTED', message: /1000000 bytes/ },
    ],
    ['a size beyond the limit', () => {}, { maxBytes: 1000 }, { code: 'TOO_LARGE' }],
    [
      'a digest that is none',
      () => serveTree([tree[0], { ...tree[1], lfs: { oid: ['a'] } }]),
      {},
      { code: 'FILE_NOT_FOUND' },
    ],
    [
      'a path that climbs',
      () => serveTree([{ ...tree[0], path: '../../config.json' }]),
      {},
      { code: 'FILE_NOT_FOUND' },
    ],
    ['a list that is none', () => serveTree({ error: 'no' }), {}, { code: 'DOWNLOAD_FAILED' }],
    ['a list of nothing', () => serveTree([null]), {}, { code: 'DOWNLOAD_FAILED' }],
  ]
  for (const [title, prepare, options, expected] of lies) {
    test(`with ${title} is refused`, async () => {
      prepare()
      await assert.rejects(loadHub(options), expected)
      assert.ok(!existsSync(join(cache, 'hub', 'models--owner--name', 'snapshots', COMMIT, 'weights.safetensors')))
    })
  }

  for (const [title, isMeant] of [
    ['the commit', (url: string | undefined) => !isTree(url)],
    ['the files', isTree],
  ] as const) {
    test(`that never answers a request for ${title} gives DOWNLOAD_FAILED`, async () => {
      server.misbehave = request => isMeant(request.url)
      await assert.rejects(loadHub({ stallMs: 500 }), { code: 'DOWNLOAD_FAILED', message: /no answer for 0\.5 s/ })
    })
  }

  test('with an endless list of files gives DOWNLOAD_FAILED', async () => {
    server.misbehave = (request, response) => {
      if (!isTree(request.url)) return false
      response.writeHead(200, { link: `<${server.url}${request.url}>; rel="next"` }).end('[]')
      return true
    }
    await assert.rejects(loadHub(), { code: 'DOWNLOAD_FAILED', message: /100 pages/ })
  })

  test('with an endless answer gives DOWNLOAD_FAILED', async () => {
    server.misbehave = (request, response) => {
      if (!isTree(request.url)) return false
      const blanks = Buffer.alloc(1 << 20, 32)
      const more = () => {
        if (!response.destroyed) response.write(blanks, more)
      }
      more()
      return true
    }
    await assert.rejects(loadHub(), { code: 'DOWNLOAD_FAILED', message: /16000000 bytes/ })
  })

  test('needs a cache that is a folder', async () => {
    writeFileSync(cache, '')
    await assert.rejects(loadHub(), { code: /^NOT_/ })
  })
})
