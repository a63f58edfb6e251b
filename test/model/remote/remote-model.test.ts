/** Models by address: resumed downloads, the cache, and servers that drop, lie, stall and redirect. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { namedConventions } from '#src/audio/mel/convention'
import { exportOnnx } from '#src/export/onnx/export-onnx'
import { exportSafetensors } from '#src/export/safetensors'
import { encodeSafetensors } from '#src/formats/safetensors'
import { Generator } from '#src/generator'
import { convert } from '#src/model/convert'
import { readModelFolder } from '#src/model/folder'
import { readModel } from '#src/model/read-model'
import { remoteModel } from '#src/model/remote/remote-model'
import { etagOf, fileServer } from '../../support/file-server.js'
import { cache, server } from '../../support/model-server.js'
import { randomParameters } from '../../support/parameters.js'
import { inRepository } from '../../support/paths.js'
import { called, scratch } from '../../support/process.js'
import { config, configBytes, parameters, sha256, weightBytes } from '../../support/served-model.js'

const scratched = scratch()
const load = (options = {}, path = '/m') => remoteModel(server.url + path, { folder: cache, ...options })
const weightRequests = () => server.requests.filter(({ path }) => path.endsWith('weights.safetensors'))
const isWeights = (url: string | undefined) => url!.endsWith('weights.safetensors')

test('a model on a hub names the package that it needs if it is not installed', () => {
  const url = (program: string) => `data:text/javascript,${encodeURIComponent(program)}`
  const missing = "Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' })"
  const hooks = `export async function resolve(name, context, next) {
    if (name === '@huggingface/hub') throw ${missing}
    return next(name, context)
  }`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hooks))})`
  const module = pathToFileURL(inRepository('dist/model/remote/remote-model.js'))
  const program = `
    const { remoteModel } = await import(${JSON.stringify(module)})
    const { code, message, hint } = await remoteModel('hf:owner/name').catch(error => error)
    console.log(JSON.stringify({ code, message, hint }))`
  const args = ['--import', url(register), '--input-type=module', '--eval', program]
  assert.deepEqual(JSON.parse(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout), {
    code: 'MISSING_PACKAGE',
    message:
      'a model on a hub cannot be read: the package @huggingface/hub is not installed, ' +
      'expected @huggingface/hub beside diffwave (hf:owner/name@main)',
    hint: 'npm install @huggingface/hub',
  })
})

describe('a model on a web server', () => {
  test('is downloaded once, with progress and the server’s bytes', async () => {
    const reports: { done: number; total: number | null }[] = []
    const folder = await load({ onProgress: (progress: (typeof reports)[number]) => reports.push(progress) })
    assert.deepEqual(readFileSync(join(folder, 'weights.safetensors')), weightBytes)
    const all = configBytes.length + weightBytes.length
    assert.deepEqual(reports.at(-1), { done: all, total: all })
    const { length } = server.requests
    assert.equal(await load({}, '/m/'), folder)
    assert.equal(server.requests.length, length)
  })

  test('can be loaded by Generator.load', async () => {
    const generator = await Generator.load(`${server.url}/m`, { download: { folder: cache }, threads: 1 })
    assert.equal(generator.config.sampleRate, config.sampleRate)
    await generator.dispose()
  })

  test('can be used on the command line, offline too once it is in DIFFWAVE_CACHE', async () => {
    // The server lives in this process, which a synchronous child would stop: the cache is filled first.
    await load()
    await server.close()
    const env = { DIFFWAVE_CACHE: cache, DIFFWAVE_OFFLINE: '1' }
    const { status, stdout, stderr } = called(['inspect', `${server.url}/m`, '--json'], { env })
    assert.equal(status, 0, stderr)
    assert.equal(JSON.parse(stdout).kind, 'generator')
  })

  test('is not downloaded if DIFFWAVE_OFFLINE is true, or neither yes nor no', async () => {
    try {
      process.env['DIFFWAVE_OFFLINE'] = 'true'
      await assert.rejects(load(), { code: 'FILE_NOT_FOUND', message: /offline/ })
      process.env['DIFFWAVE_OFFLINE'] = 'sure'
      await assert.rejects(load(), { code: 'BAD_OPTION', message: /DIFFWAVE_OFFLINE/ })
    } finally {
      delete process.env['DIFFWAVE_OFFLINE']
    }
  })

  test('may be the URL of a checkpoint file', async () => {
    const path = await load({}, '/m/weights.safetensors')
    assert.deepEqual(readFileSync(path), weightBytes)
  })

  test('can be converted from the URL of a checkpoint', async () => {
    const folder = scratched.at('converted')
    const url = `${server.url}/c/weights.pt`
    const { source } = await convert(url, folder, { convention: 'tacotron2', download: { folder: cache } })
    assert.equal(source, 'lmnt')
    assert.equal((await readModelFolder(folder)).config.mel?.hop, namedConventions.tacotron2.hop)
    await assert.rejects(convert(url, folder, { download: { folder: cache } }), {
      code: 'BAD_OPTION',
      hint: /force/,
    })
  })

  test('can be exported by its address, with cache, progress and signal', async () => {
    const output = scratched.at('exported.safetensors')
    const reports: number[] = []
    const options = { download: { folder: cache }, onProgress: ({ done }: { done: number }) => reports.push(done) }
    await exportSafetensors(new URL(`${server.url}/m`), output, options)
    assert.equal(reports.at(-1), configBytes.length + weightBytes.length)
    assert.equal(weightRequests().length, 1)
    assert.deepEqual((await readModel(output)).parameters, parameters)
    const signal = AbortSignal.abort()
    await assert.rejects(exportOnnx(`${server.url}/n`, output, { ...options, signal }), { code: 'ABORTED' })
    assert.equal(weightRequests().length, 1)
  })

  test('can be converted and exported on the command line', async () => {
    await load()
    await load({}, '/c/weights.pt')
    await server.close()
    const env = { DIFFWAVE_CACHE: cache, DIFFWAVE_OFFLINE: '1' }
    const converted = called(['convert', `${server.url}/c/weights.pt`, '-o', scratched.at('cli'), '--json'], { env })
    assert.equal(converted.status, 0, converted.stderr)
    assert.equal(JSON.parse(converted.stdout).input, `${server.url}/c/weights.pt`)
    const exported = called(['export', `${server.url}/m`, '-o', scratched.at('cli.safetensors')], { env })
    assert.equal(exported.status, 0, exported.stderr)
    const missing = called(['convert', `${server.url}/m/none.pt`, '-o', scratched.at('none')], { env })
    assert.match(missing.stderr, /none\.pt/)
    assert.deepEqual([missing.status, existsSync(scratched.at('none'))], [1, false])
  })

  test('is requested again with `refresh`', async () => {
    await load()
    const other = Buffer.from(encodeSafetensors(randomParameters(config.network, 2)))
    server.files.set('/m/weights.safetensors', other)
    assert.deepEqual(readFileSync(join(await load(), 'weights.safetensors')), weightBytes)
    assert.deepEqual(readFileSync(join(await load({ refresh: true }), 'weights.safetensors')), other)
  })

  test('stays usable if the server cannot be reached for a `refresh`', async () => {
    const folder = await load()
    server.misbehave = (_, response) => {
      response.writeHead(400).end()
      return true
    }
    await assert.rejects(load({ refresh: true }), { code: 'DOWNLOAD_FAILED' })
    assert.equal(await load({ offline: true }), folder)
  })

  test('is downloaded again if a byte in the cache has changed', async () => {
    const path = join(await load(), 'weights.safetensors')
    const changed = Buffer.from(weightBytes)
    changed[changed.length - 1]! ^= 1
    writeFileSync(path, changed)
    await load()
    assert.deepEqual(readFileSync(path), weightBytes)
  })
})

describe('offline mode', () => {
  test('uses what is in the cache, and requests nothing', async () => {
    await assert.rejects(load({ offline: true }), { code: 'FILE_NOT_FOUND', message: /offline/ })
    const folder = await load()
    await server.close()
    assert.equal(await load({ offline: true }), folder)
  })
})

describe('a download continues', () => {
  test('after a dropped connection, from the byte where it ended', async () => {
    let drops = 0
    server.misbehave = (request, response, bytes) => {
      if (!isWeights(request.url) || drops++ > 0) return false
      response.writeHead(200, { 'content-length': bytes!.length, etag: etagOf(bytes!) })
      // A moment later: bytes that arrive together with the end of a connection are lost with it.
      response.write(bytes!.subarray(0, 500), () => setTimeout(() => response.socket!.end(), 200))
      return true
    }
    const folder = await load()
    assert.deepEqual(readFileSync(join(folder, 'weights.safetensors')), weightBytes)
    assert.deepEqual(
      weightRequests().map(({ range }) => range),
      [undefined, 'bytes=500-'],
    )
    assert.deepEqual(
      readdirSync(folder).filter(name => name.endsWith('.part')),
      [],
    )
  })

  test('from the start if the server’s file has changed in between', async () => {
    let drops = 0
    server.misbehave = (request, response, bytes) => {
      if (!isWeights(request.url) || drops++ > 0) return false
      response.writeHead(200, { 'content-length': bytes!.length, etag: '"an earlier version"' })
      response.write(Buffer.alloc(500, 7), () => setTimeout(() => response.socket!.end(), 200))
      return true
    }
    assert.deepEqual(readFileSync(join(await load(), 'weights.safetensors')), weightBytes)
  })

  test('in a later call after an abort', async () => {
    const stop = new AbortController()
    let stops = true
    server.misbehave = (request, response, bytes) => {
      if (!isWeights(request.url) || !stops) return false
      response.writeHead(200, { 'content-length': bytes!.length, etag: etagOf(bytes!) })
      response.write(bytes!.subarray(0, 500))
      return true
    }
    const onProgress = ({ done }: { done: number }) => {
      if (done >= configBytes.length + 500) stop.abort()
    }
    await assert.rejects(load({ signal: stop.signal, onProgress }), { code: 'ABORTED' })
    stops = false
    assert.deepEqual(readFileSync(join(await load(), 'weights.safetensors')), weightBytes)
    assert.equal(weightRequests().at(-1)!.range, 'bytes=500-')
  })

  test('after a stalled connection', async () => {
    let stalls = 0
    server.misbehave = (request, response, bytes) => {
      if (!isWeights(request.url) || stalls++ > 0) return false
      response.writeHead(200, { 'content-length': bytes!.length, etag: etagOf(bytes!) })
      response.write(bytes!.subarray(0, 100))
      return true
    }
    assert.deepEqual(readFileSync(join(await load({ stallMs: 500 }), 'weights.safetensors')), weightBytes)
  })

  test('after the server was overloaded', async () => {
    let busy = 0
    server.misbehave = (_, response) => {
      if (busy++ > 0) return false
      response.writeHead(503).end()
      return true
    }
    assert.ok(existsSync(await load()))
  })
})

describe('a download is refused, and leaves no wrong file in the cache', () => {
  const cases: readonly (readonly [string, () => void, object, { code: string; message?: RegExp }])[] = [
    [
      'a model that is not there',
      () => server.files.delete('/m/config.json'),
      {},
      { code: 'FILE_NOT_FOUND', message: /no such file/ },
    ],
    [
      'a page in the place of the config',
      () => server.files.set('/m/config.json', Buffer.from('<!doctype html>')),
      {},
      { code: 'BAD_CONFIG', message: /127\.0\.0\.1.*config\.json/ },
    ],
    [
      'weights that are cut off, without a word of it',
      () => server.files.set('/m/weights.safetensors', weightBytes.subarray(0, 900)),
      {},
      { code: 'TRUNCATED' },
    ],
    [
      'bytes that are not those of files.json',
      () => {
        const files = { 'weights.safetensors': { sha256: '0'.repeat(64) } }
        server.files.set('/m/files.json', Buffer.from(JSON.stringify(files)))
      },
      {},
      { code: 'CORRUPTED', message: new RegExp(sha256(weightBytes)) },
    ],
    ['a file beyond the limit, by its length', () => {}, { maxBytes: 100 }, { code: 'TOO_LARGE', message: /100/ }],
    [
      'a file beyond the limit, whose length is not told',
      () => {
        server.misbehave = (request, response) => {
          if (!isWeights(request.url)) return false
          response.writeHead(200)
          response.write(Buffer.alloc(50_000))
          return true
        }
      },
      { maxBytes: 10_000 },
      { code: 'TOO_LARGE' },
    ],
    [
      'a length that is too large',
      () => {
        server.misbehave = (request, response, bytes) => {
          if (!isWeights(request.url)) return false
          response.writeHead(200, { 'content-length': bytes!.length + 10, etag: etagOf(bytes!) })
          response.write(bytes!, () => response.socket!.end())
          return true
        }
      },
      {},
      { code: 'DOWNLOAD_FAILED', message: /failed 5 times/ },
    ],
    [
      'a length that is too small',
      () => {
        server.misbehave = (request, response, bytes) => {
          if (!isWeights(request.url)) return false
          response.socket!.end(`HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n${bytes!.toString('latin1')}`, 'latin1')
          return true
        }
      },
      {},
      { code: 'TRUNCATED' },
    ],
    [
      'a server that sends a different part than was asked for',
      () => {
        server.misbehave = (request, response, bytes) => {
          if (!isWeights(request.url)) return false
          response.writeHead(206, { 'content-range': `bytes 10-20/${bytes!.length}` }).end(Buffer.alloc(11))
          return true
        }
      },
      {},
      { code: 'DOWNLOAD_FAILED', message: /different part/ },
    ],
    [
      'redirects without end',
      () => {
        server.misbehave = (request, response) => {
          response.writeHead(302, { location: `${request.url}x` }).end()
          return true
        }
      },
      {},
      { code: 'DOWNLOAD_FAILED', message: /redirects/ },
    ],
    [
      'a redirect to a file of this machine',
      () => {
        server.misbehave = (_, response) => {
          response.writeHead(302, { location: 'file:///etc/passwd' }).end()
          return true
        }
      },
      {},
      { code: 'DOWNLOAD_FAILED', message: /file:/ },
    ],
    [
      'a server that always drops',
      () => {
        server.misbehave = (_, response) => {
          response.destroy()
          return true
        }
      },
      {},
      { code: 'DOWNLOAD_FAILED' },
    ],
    [
      'a server that wants a password',
      () => {
        server.misbehave = (_, response) => {
          response.writeHead(403).end()
          return true
        }
      },
      {},
      { code: 'NOT_READABLE' },
    ],
  ]
  for (const [title, prepare, options, expected] of cases) {
    test(`for ${title}`, async () => {
      prepare()
      await assert.rejects(load(options), expected)
      server.misbehave = () => false
      await assert.rejects(load({ offline: true }), { code: 'FILE_NOT_FOUND' })
    })
  }

  for (const source of ['https://name:word@example.org/m', 'hf:owner', 'hf:owner/../name', 'hf:owner/name@../x']) {
    test(`for the address ${source}`, () =>
      assert.rejects(remoteModel(source, { folder: cache }), { code: 'BAD_OPTION' }))
  }
})

test('a redirect within the web is followed', async () => {
  server.misbehave = (request, response) => {
    if (!request.url!.startsWith('/m/')) return false
    response.writeHead(302, { location: request.url!.replace('/m/', '/there/') }).end()
    return true
  }
  server.files.set('/there/config.json', configBytes)
  server.files.set('/there/weights.safetensors', weightBytes)
  assert.ok(existsSync(join(await load(), 'config.json')))
})

describe('a model on a hub', () => {
  const COMMIT = '1'.repeat(40)
  const gitDigest = (bytes: Buffer) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

  /** The hub's routes for `owner/name`, with the model in its folder `small`. */
  function serveHub(weights = weightBytes): void {
    const model = { _id: 'x', id: 'owner/name', private: false, downloads: 0, likes: 0, gated: false, sha: COMMIT }
    for (const revision of ['main', 'v1', COMMIT]) {
      server.files.set(`/api/models/owner/name/revision/${revision}`, Buffer.from(JSON.stringify(model)))
    }
    const tree = [
      { type: 'file', path: 'small/config.json', size: configBytes.length, oid: gitDigest(configBytes) },
      {
        type: 'file',
        path: 'small/weights.safetensors',
        size: weightBytes.length,
        oid: '2'.repeat(40),
        lfs: { oid: sha256(weightBytes), size: weightBytes.length, pointerSize: 130 },
      },
    ]
    server.files.set(`/api/models/owner/name/tree/${COMMIT}/small`, Buffer.from(JSON.stringify(tree)))
    server.files.set(`/owner/name/resolve/${COMMIT}/small/config.json`, configBytes)
    server.files.set(`/owner/name/resolve/${COMMIT}/small/weights.safetensors`, weights)
  }
  const loadHub = (address = 'hf:owner/name/small', options = {}) =>
    remoteModel(address, { folder: cache, hub: server.url, ...options })

  test('is cached in the layout of other Hugging Face programs', async () => {
    serveHub()
    const folder = await loadHub()
    const root = join(cache, 'hub', 'models--owner--name')
    assert.equal(folder, join(root, 'snapshots', COMMIT, 'small'))
    assert.equal(readFileSync(join(root, 'refs', 'main'), 'utf8'), COMMIT)
    assert.deepEqual(readFileSync(join(root, 'blobs', sha256(weightBytes))), weightBytes)
    assert.deepEqual((await readModelFolder(folder)).config, config)
  })

  test('is used from a cache that cannot be written: what has not changed is not written again', async () => {
    serveHub()
    const folder = await loadHub()
    const ref = join(cache, 'hub', 'models--owner--name', 'refs', 'main')
    const before = statSync(ref).ino
    assert.equal(await loadHub(), folder)
    assert.equal(statSync(ref).ino, before)
  })

  test('can be chosen by revision or by commit, which needs only one request', async () => {
    serveHub()
    const folder = await loadHub('hf:owner/name/small@v1')
    const { length } = server.requests
    assert.equal(await loadHub(`hf:owner/name/small@${COMMIT}`), folder)
    assert.equal(server.requests.length, length)
  })

  test('is used from the cache if the hub is unreachable, and offline', async () => {
    serveHub()
    const folder = await loadHub()
    await server.close()
    assert.equal(await loadHub('hf:owner/name/small', { offline: true }), folder)
    assert.equal(await loadHub(), folder)
    rmSync(cache, { recursive: true })
    await assert.rejects(loadHub(), { code: 'DOWNLOAD_FAILED' })
    await assert.rejects(loadHub('hf:owner/name/small', { offline: true }), { code: 'FILE_NOT_FOUND' })
  })

  test('with wrong bytes of the right length is refused', async () => {
    serveHub(Buffer.alloc(weightBytes.length, 1))
    await assert.rejects(loadHub(), { code: 'CORRUPTED' })
    server.files.set(`/owner/name/resolve/${COMMIT}/small/config.json`, Buffer.alloc(configBytes.length, 32))
    rmSync(cache, { recursive: true })
    await assert.rejects(loadHub(), { code: 'CORRUPTED' })
  })

  test('is requested with the access token, which redirects do not receive', async () => {
    serveHub()
    const store = await fileServer()
    store.files.set('/weights', weightBytes)
    const tokens: (string | undefined)[] = []
    store.misbehave = request => {
      tokens.push(request.headers.authorization)
      return false
    }
    server.misbehave = (request, response) => {
      if (request.headers.authorization !== 'Bearer hf_secret') {
        response.writeHead(401).end()
        return true
      }
      if (!isWeights(request.url)) return false
      response.writeHead(302, { location: `${store.url}/weights` }).end()
      return true
    }
    await loadHub('hf:owner/name/small', { token: 'hf_secret' })
    await store.close()
    assert.deepEqual(tokens, [undefined])
    await assert.rejects(loadHub(), { code: 'NOT_READABLE', message: /401/ })
  })

  test('that does not exist is FILE_NOT_FOUND', async () => {
    await assert.rejects(loadHub(), { code: 'FILE_NOT_FOUND' })
    serveHub()
    await assert.rejects(loadHub('hf:owner/name/small/weights.pt'), { code: 'FILE_NOT_FOUND', message: /weights\.pt/ })
  })
})
