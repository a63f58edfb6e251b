/** `diffwave/browser` in a real browser makes the same bytes as Node.js, and reports what a page lacks. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { sha256 } from '#src/core/integrity'
import { encodeNpy } from '#src/formats/npy'
import { Generator } from '#src/generator'
import { Vocoder } from '#src/vocoder'
import { noBrowser, openPage, sharedPage } from '../support/chromium.js'
import { golden, inRepository } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'
import { serveFolders } from '../support/web-server.js'

const bands = 80
const frames = 12
const mel = { bands, frames, data: Float32Array.from({ length: bands * frames }, (_, i) => Math.sin(i / 7) - 4) }

const site = scratchFolder('browser-site')
mkdirSync(join(site, 'model'))
for (const name of ['config.json', 'weights.safetensors']) {
  copyFileSync(golden(`pytorch-windows/${name}`), join(site, 'model', name))
}
writeFileSync(join(site, 'index.html'), '<!doctype html><title>test</title><link rel="icon" href="data:,">')
writeFileSync(join(site, 'mel.npy'), encodeNpy({ shape: [bands, frames], data: mel.data }))
writeFileSync(join(site, 'broken.json'), '{')
const folders = {
  '/': site,
  // The same model at a path whose cache is still empty.
  '/cached': join(site, 'model'),
  '/diffwave': inRepository('dist/browser'),
  '/digits': inRepository('models/digits'),
}
const plain = await serveFolders({ folders })
const plainPage = sharedPage(`${plain.url}/index.html`)

/** Runs a function body in the page, with the module as `d`. @returns its value; of a DiffWaveError, what it says */
function inPage<Value>(page: Page, body: string): Promise<Value> {
  return page.evaluate(`(async () => {
    const d = await import('/diffwave/diffwave.js')
    const hash = async samples => Array.from(
      new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(samples.buffer).slice())),
      byte => byte.toString(16).padStart(2, '0')).join('')
    const whole = async stream => {
      const pieces = []
      for await (const piece of stream) pieces.push(...piece)
      return Float32Array.from(pieces)
    }
    try { ${body} } catch (error) {
      if (!(error instanceof d.DiffWaveError)) throw error
      return { code: error.code, message: error.message, hint: error.hint ?? null }
    }
  })()`) as Promise<Value>
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

const hashOf = (samples: Float32Array) => sha256(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))

const isolatedSite = await serveFolders({ folders, isolated: true })

describe('audio in a page', { skip: noBrowser }, () => {
  const isolatedPage = sharedPage(`${isolatedSite.url}/index.html`)
  const engine = { engine: 'wasm', instructionSet: 'simd128', threads: 1 } as const
  let vocoded: string | null
  before(async () => {
    await using vocoder = await Vocoder.load(join(site, 'model'), engine)
    vocoded = await hashOf((await vocoder.synthesize(mel, { seed: 3 })).samples)
  })

  for (const isolated of [false, true]) {
    const kind = isolated ? 'cross-origin isolated, two threads' : 'not cross-origin isolated, one thread'
    test(`of a vocoder has the bytes of Node.js: ${kind}`, async () => {
      const { page, errors } = await (isolated ? isolatedPage : plainPage)()
      const result = await inPage<Record<string, unknown>>(
        page,
        `const { mel } = await d.readMel('/mel.npy')
         const vocoder = await d.Vocoder.load('/model', { instructionSet: 'simd128', threads: 2 })
         const made = await vocoder.synthesize(mel, { seed: 3 })
         const { samples } = made
         const streamed = await whole(vocoder.stream(mel, { seed: 3, chunkFrames: 5 }))
         const wav = await d.readWav(new Blob([made.toWav({ format: '32f' })]))
         return { whole: await hash(samples), streamed: await hash(streamed), wav: await hash(wav.samples),
           device: vocoder.model.engine.device,
           peak: samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0) > 0.001 }`,
      )
      assert.deepEqual(result, {
        whole: vocoded,
        streamed: vocoded,
        wav: vocoded,
        device: `CPU, WebAssembly simd128, ${isolated ? '2 threads' : '1 thread'}`,
        peak: true,
      })
      assert.deepEqual(
        errors.filter(error => !/404/.test(error)),
        [],
      )
    })
  }

  test('of a generator has the bytes of Node.js', async () => {
    const { page } = await plainPage()
    const options = { seed: 5, seconds: 0.1, steps: 2, label: 'seven' }
    const made = inPage(
      page,
      `const generator = await d.Generator.load('/digits', { instructionSet: 'simd128' })
       const [clip] = await generator.generate(${JSON.stringify(options)})
       return hash(clip.samples)`,
    )
    await using generator = await Generator.load('models/digits', engine)
    const [clip] = await generator.generate(options)
    assert.equal(await made, await hashOf(clip!.samples))
  })

  test('is heard while the stream is still being made', async () => {
    const { page } = await plainPage()
    const heard = await inPage<{ readonly seconds: number; readonly started: boolean }>(
      page,
      `const { mel } = await d.readMel('/mel.npy')
       const vocoder = await d.Vocoder.load('/model')
       let started = false
       const played = await d.playStream(vocoder.stream(mel), { onStart: () => { started = true } })
       return { ...played, started }`,
    )
    assert.ok(heard.started)
    assert.ok(Math.abs(heard.seconds - (frames * 256) / 22_050) < 0.01, String(heard.seconds))
  })

  test('starts even if a minute of it must be buffered first', async () => {
    const { page } = await plainPage()
    const started = await inPage<boolean>(
      page,
      `const audio = {
         sampleRate: 8000,
         async *[Symbol.asyncIterator]() { for (let i = 0; i < 70; i++) yield new Float32Array(8000) },
       }
       const stop = new AbortController()
       const started = await new Promise(resolve => {
         const options = { buffer: 60, signal: stop.signal, onStart: () => resolve(true) }
         d.playStream(audio, options).catch(() => {})
         setTimeout(() => resolve(false), 10_000)
       })
       stop.abort()
       return started`,
    )
    assert.ok(started)
  })

  test('fails with the error that onStart throws or rejects with', async () => {
    const { page } = await plainPage()
    const messages = await inPage<readonly string[]>(
      page,
      `const audio = {
         sampleRate: 8000,
         async *[Symbol.asyncIterator]() { for (let i = 0; i < 4; i++) yield new Float32Array(8000) },
       }
       const thrown = () => { throw new RangeError('thrown') }
       const rejected = async () => { throw new RangeError('rejected') }
       const ends = [thrown, rejected].map(onStart => d.playStream(audio, { onStart }).catch(error => error.message))
       return Promise.all(ends)`,
    )
    assert.deepEqual(messages, ['thrown', 'rejected'])
  })

  test('stops on a signal while the next piece is pending, and closes its source', async () => {
    const { page } = await plainPage()
    const seen = await inPage<readonly [code: string, left: boolean]>(
      page,
      `let left = false
       const pieces = [new Float32Array(8000)]
       const next = () => pieces.length > 0
         ? Promise.resolve({ done: false, value: pieces.pop() })
         : new Promise(() => {})
       const source = { next, return: async () => { left = true; return { done: true } } }
       const audio = { sampleRate: 8000, [Symbol.asyncIterator]: () => source }
       const stop = new AbortController()
       setTimeout(() => stop.abort(), 300)
       const ended = d.playStream(audio, { signal: stop.signal }).catch(error => error.code)
       const late = new Promise(resolve => setTimeout(() => resolve('late'), 10_000))
       return [await Promise.race([ended, late]), left]`,
    )
    assert.deepEqual(seen, ['ABORTED', true])
  })

  test('fails if its context is closed, before or in the midst, or a piece is no audio', async () => {
    const { page } = await plainPage()
    const codes = await inPage<readonly string[]>(
      page,
      `const audio = piece => ({
         sampleRate: 8000,
         async *[Symbol.asyncIterator]() { for (let i = 0; i < 4; i++) yield piece },
       })
       const context = new AudioContext({ sampleRate: 8000 })
       const play = (piece, onStart) =>
         d.playStream(audio(piece), { destination: context.destination, onStart }).catch(error => error.code)
       const late = new Promise(resolve => setTimeout(() => resolve('late'), 10_000))
       const seconds = new Float32Array(8000)
       const ends = [
         await play([0, 1]),
         await Promise.race([play(seconds, () => { context.close() }), late]),
         await play(seconds),
       ]
       return ends`,
    )
    assert.deepEqual(codes, ['BAD_OPTION', 'PLAYBACK_FAILED', 'PLAYBACK_FAILED'])
  })
})

describe('a model in a page', { skip: noBrowser }, () => {
  test('is loaded from the cache the second time, and again if a file has changed', async () => {
    const { page } = await plainPage()
    const load = `const progress = []
      const model = await d.loadModel('/cached', { onProgress: ({ done, total }) => progress.push([done, total]) })
      await model.dispose()
      return progress.at(-1)`
    const size = readFileSync(join(site, 'model/weights.safetensors')).length
    assert.deepEqual(await inPage(page, load), [size, size])
    assert.deepEqual(await inPage(page, load), [size, size])
    const downloads = () => plain.requests.filter(request => request === 'GET /cached/weights.safetensors').length
    assert.equal(downloads(), 1)
    utimesSync(join(site, 'model/weights.safetensors'), 1e9, 1e9)
    assert.deepEqual(await inPage(page, load), [size, size])
    assert.equal(downloads(), 2)
  })

  test('can be loaded from files that a user chose', async () => {
    const { page } = await plainPage()
    const name = await inPage<string>(
      page,
      `const files = await Promise.all(['config.json', 'weights.safetensors'].map(async name =>
         new File([await (await fetch('/model/' + name)).blob()], name)))
       const model = await d.loadModel(files)
       const folder = await navigator.storage.getDirectory()
       for (const file of files) {
         const writable = await (await folder.getFileHandle(file.name, { create: true })).createWritable()
         await writable.write(file)
         await writable.close()
       }
       const other = await d.loadModel(folder)
       await folder.removeEntry('config.json')
       const missing = await d.loadModel(folder).catch(error => error.where)
       return [model.config.kind, other.config.kind, missing].join(', ')`,
    )
    assert.equal(name, 'vocoder, vocoder, the chosen folder')
  })
})

/** As a careful site has it: scripts and workers from its own server alone. */
const STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"

/** A site under a policy; its script is the test's. */
const strictSite = (policy: string) =>
  serveFolders({
    folders,
    answer(_, response) {
      response.setHeader('content-security-policy', policy)
      return false
    },
  })
const strict = await strictSite(STRICT)
const stricter = await strictSite("default-src 'self'")

describe('a strict Content-Security-Policy', { skip: noBrowser }, () => {
  const opened = sharedPage(`${strict.url}/index.html`)
  const strictPage = async () => (await opened()).page

  test('without workerUrl gives ENGINE_UNAVAILABLE, with the directive to allow', async () => {
    const error = await inPage<Failure>(await strictPage(), `await d.loadModel('/model')`)
    assert.equal(error.code, 'ENGINE_UNAVAILABLE')
    assert.match(error.hint ?? '', /worker-src blob:.*workerUrl/)
  })

  test('allows a stream to be made and heard with workerUrl and workletUrl', async () => {
    const heard = await inPage<{ readonly seconds: number }>(
      await strictPage(),
      `const { mel } = await d.readMel('/mel.npy')
       const vocoder = await d.Vocoder.load('/model', { workerUrl: '/diffwave/diffwave-worker.js' })
       const stream = vocoder.stream(mel, { seed: 3 })
       return d.playStream(stream, { workletUrl: new URL('/diffwave/diffwave-player-worklet.js', location.href) })`,
    )
    assert.equal(Math.round(heard.seconds * 22050), frames * 256)
  })

  test('without wasm-unsafe-eval gives ENGINE_UNAVAILABLE, with the directive to allow', async () => {
    const { page } = await openPage(`${stricter.url}/index.html`)
    const error = await inPage<Failure>(
      page,
      `await d.loadModel('/model', { workerUrl: '/diffwave/diffwave-worker.js' })`,
    )
    assert.equal(error.code, 'ENGINE_UNAVAILABLE', error.message)
    assert.match(error.hint ?? '', /wasm-unsafe-eval/)
  })

  test('gives ENGINE_UNAVAILABLE if workerUrl is not the worker’s program', async () => {
    const error = await inPage<Failure>(await strictPage(), `await d.loadModel('/model', { workerUrl: '/none.js' })`)
    assert.equal(error.code, 'ENGINE_UNAVAILABLE', error.message)
    assert.match(error.hint ?? '', /'wasm-unsafe-eval'.*diffwave\/browser\/worker/)
  })

  test('gives ENGINE_UNAVAILABLE if workerUrl is a program that never answers', async () => {
    const { page } = await plainPage()
    const error = await inPage<Failure>(
      page,
      `const { setTimeout } = globalThis
       globalThis.setTimeout = (call, milliseconds) => setTimeout(call, milliseconds / 100)
       const workerUrl = URL.createObjectURL(new Blob(['']))
       await d.loadModel('/model', { workerUrl }).finally(() => { globalThis.setTimeout = setTimeout })`,
    )
    assert.equal(error.code, 'ENGINE_UNAVAILABLE', error.message)
    assert.match(error.hint ?? '', /diffwave\/browser\/worker/)
  })

  test('gives PLAYBACK_FAILED if workletUrl is another program', async () => {
    const error = await inPage<Failure>(
      await strictPage(),
      `const audio = { sampleRate: 8000, async *[Symbol.asyncIterator]() {} }
       await d.playStream(audio, { workletUrl: '/diffwave/diffwave-worker.js' })`,
    )
    assert.equal(error.code, 'PLAYBACK_FAILED', error.message)
    assert.match(error.hint ?? '', /player-worklet/)
  })

  test('without workletUrl gives PLAYBACK_FAILED', async () => {
    const error = await inPage<Failure>(
      await strictPage(),
      `const { mel } = await d.readMel('/mel.npy')
       const vocoder = await d.Vocoder.load('/model', { workerUrl: '/diffwave/diffwave-worker.js' })
       await d.playStream(vocoder.stream(mel, { seed: 3 }))`,
    )
    assert.equal(error.code, 'PLAYBACK_FAILED')
    assert.match(error.hint ?? '', /workletUrl/)
  })
})

/** A server that answers with faults. */
const faulty = await serveFolders({
  folders,
  answer(request, response, path) {
    if (path === '/refused/config.json') response.writeHead(503).end()
    else if (path === '/page/config.json') response.writeHead(200).end('<!doctype html><title>app</title>')
    else if (path === '/short/weights.safetensors' && request.method === 'GET') {
      response.writeHead(200, { 'content-length': 100_000 })
      response.write(Buffer.alloc(1000), () => response.destroy())
    } else if (path === '/slow/weights.safetensors') {
      response.writeHead(200, { 'content-length': 100_000 })
      response.write(Buffer.alloc(1000))
    } else if (/^\/(short|slow)\/config\.json$/.test(path)) {
      response.end(readFileSync(join(site, 'model/config.json')))
    } else return false
    return true
  },
})

test('a page reads mels from blob: and data: URLs', { skip: noBrowser }, async () => {
  const { page } = await plainPage()
  const sizes = await inPage(
    page,
    `const bytes = await (await fetch('/mel.npy')).blob()
     const object = URL.createObjectURL(bytes)
     const data = await new Promise(resolve => {
       const reader = new FileReader()
       reader.onload = () => resolve(reader.result)
       reader.readAsDataURL(bytes)
     })
     const read = await Promise.all([object, new URL(object), data].map(url => d.readMel(url)))
     return read.map(({ mel }) => [mel.bands, mel.frames])`,
  )
  assert.deepEqual(sizes, Array(3).fill([bands, frames]))
})

describe('a page gets an error or a note', { skip: noBrowser }, () => {
  const opened = sharedPage(`${faulty.url}/index.html`)

  /** What a body throws in the page. */
  const failure = async (body: string) =>
    inPage<Failure>((await opened()).page, `${body}; return { code: 'none', message: '', hint: null }`)

  /** What a body returns or throws in the page while a property of an object there has another value. */
  const lacking = async (object: string, name: string, value: string, body: string) =>
    inPage<Failure>(
      (await opened()).page,
      `const own = Object.getOwnPropertyDescriptor(${object}, '${name}')
       Object.defineProperty(${object}, '${name}', { configurable: true, value: ${value} })
       try { ${body} } finally { Object.defineProperty(${object}, '${name}', own) }`,
    )

  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ['a missing model', `await d.loadModel('/nothing')`, 'FILE_NOT_FOUND', /config\.json/],
    ['a server that refuses', `await d.loadModel('/refused')`, 'DOWNLOAD_FAILED', /503/],
    ['a server that sends a page', `await d.loadModel('/page')`, 'DOWNLOAD_FAILED', /something other than the file/],
    ['a download that ends early', `await d.loadModel('/short')`, 'DOWNLOAD_FAILED', /weights/],
    [
      'another size than expected',
      `await d.loadModel('/model', { files: { 'weights.safetensors': { bytes: 5 } } })`,
      'CORRUPTED',
      /5 bytes/,
    ],
    [
      'an aborted download',
      `const stop = new AbortController(); setTimeout(() => stop.abort(), 100)
       await d.loadModel('/slow', { signal: stop.signal })`,
      'ABORTED',
      /stopped/,
    ],
    ['a model of the wrong kind', `await d.Generator.load('/model')`, 'BAD_CONFIG', /wrong kind, expected a generator/],
    ['a checkpoint', `await d.loadModel('/weights.pt')`, 'UNSUPPORTED_FORMAT', /model folders/],
    ['an address on a hub', `await d.loadModel('hf:owner/name')`, 'BAD_OPTION', /URL of a folder/],
    ['a revoked object URL', `await d.readWav('blob:' + location.origin + '/gone')`, 'DOWNLOAD_FAILED', /blob:/],
    ['an engine of Node.js', `await d.loadModel('/model', { engine: 'native' })`, 'ENGINE_UNAVAILABLE', /browser/],
    ['no file', `await d.readWav(5)`, 'BAD_OPTION', /not a file/],
    ['no files', `await d.loadModel([])`, 'FILE_NOT_FOUND', /config\.json|chosen/],
  ]
  for (const [what, body, code, message] of cases) {
    test(`for ${what}: ${code}`, async () => {
      const error = await failure(body)
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
    })
  }

  test('for a browser without SIMD: ENGINE_UNAVAILABLE with the versions that have it', async () => {
    const error = await lacking('WebAssembly', 'validate', '() => false', `await d.loadModel('/model')`)
    assert.equal(error.code, 'ENGINE_UNAVAILABLE')
    assert.match(error.message, /SIMD/)
    assert.match(error.hint ?? '', /Chrome 91/)
  })

  test('for a full storage: the model runs, and a note says that it was not cached', async () => {
    const full = `async () => { throw new DOMException('full', 'QuotaExceededError') }`
    // A path whose cache is still empty.
    const body = `const model = await d.loadModel('/cached')
      return { code: 'none', message: model.notes.join(), hint: null }`
    const result = await lacking('Cache.prototype', 'put', full, body)
    assert.match(result.message, /storage is full/)
  })

  test('for a missing storage: the model runs without one', async () => {
    const body = `const model = await d.loadModel('/model')
      return { code: model.config.kind, message: '', hint: null }`
    const result = await lacking('globalThis', 'caches', 'undefined', body)
    assert.equal(result.code, 'vocoder')
  })
})
