/** The wasm engine: the tests of every engine, on both builds, and those of its threads and memory. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import { createEngineOn } from '#src/engines/wasm/create-engine'
import { createWasmEngine, surveyWasm } from '#src/engines/wasm/engine'
import type { HostWorker, WasmHost } from '#src/engines/wasm/host'
import type { Answer, WorkerStart } from '#src/engines/wasm/messages'
import { nodeHost } from '#src/engines/wasm/node-host'
import type { WasmMemory } from '#src/engines/wasm/webassembly'
import { networkSchema } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { randomParameters } from '../../support/parameters.js'
import { distUrl, inRepository } from '../../support/paths.js'
import { scratchFolder } from '../../support/scratch.js'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'
import { allowRelaxedSimd } from './relaxed-simd.js'
import { createInSameThread } from './same-thread.js'

allowRelaxedSimd()
const { instructionSets } = surveyWasm()

for (const instructionSet of instructionSets) {
  const create: CreateEngine = (network, parameters, convention = null) =>
    createInSameThread({ network, parameters, convention, instructionSet })
  conformance(`wasm:${instructionSet}`, create)
  agreesWithOracle(`wasm:${instructionSet}`, create, 6, false)
}

const network = networkSchema.parse({
  stepEmbedding: smallStepEmbedding,
  channels: 20,
  layers: 4,
  dilationCycle: 3,
  patch: 2,
  mel: { kind: 'frame-rate', bands: 8, hop: 64, encoder: [12] },
})
const parameters = randomParameters(network, 1)
const mel = (frames: number) => ({ data: gaussian(3, 0, 0, 8 * frames), bands: 8, frames })

describe('wasm threads', () => {
  for (const instructionSet of instructionSets) {
    test(`${instructionSet}: any number of them gives the same bytes`, async () => {
      const audio = [gaussian(2, 0, 0, 32 * 64), gaussian(2, 1, 0, 640)]
      const batch = { audio, steps: [1, 2.5], mel: audio.map(() => mel(32)) }
      const results = []
      for (const threads of [1, 4]) {
        const engine = await createWasmEngine({ network, parameters, threads, instructionSet })
        const gradients = await engine.lossGradients({ ...batch, target: audio, loss: 'l1' })
        const stream = engine.openStream({ steps: [1] })
        stream.pushMel(mel(32), true)
        const pieces = [await stream.predict(0, audio[0]!.slice(0, 300), false)]
        pieces.push(await stream.predict(0, audio[0]!.slice(300), true))
        const outputs = await engine.predict(batch)
        assert.deepEqual(concatenateAudio(pieces), outputs[0])
        results.push([outputs, gradients])
        await engine.dispose()
      }
      assert.deepEqual(results[1], results[0])
    })
  }

  // V8's baseline compiler of Node.js 20 has a fault that native/platform/wasm/threads.cc avoids. With it, every run
  // stood still within 13 calls.
  test('three and four never deadlock (scripts/stress-wasm.mjs)', () => {
    const script = inRepository('scripts/stress-wasm.mjs')
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--liftoff-only', script, '15', '3,4'], {
      cwd: inRepository('.'),
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    assert.equal(stdout.trim().split('\n').length, 2)
  })
})

/** Threads of Node.js, to whose first messages `change` is applied. */
const changed = (change: (start: WorkerStart) => WorkerStart): WasmHost => ({
  ...nodeHost,
  startWorker() {
    const worker = nodeHost.startWorker()
    let post = (message: unknown) => {
      post = worker.post
      worker.post(change(message as WorkerStart))
    }
    return { ...worker, post: message => post(message) }
  },
})

/** Threads of Node.js, and the memory that they share once an engine has started. */
function withMemory(): { readonly host: WasmHost; readonly memory: () => WasmMemory } {
  let memory: WasmMemory | undefined
  const host = changed(start => {
    if ('buffer' in start.memory) memory = start.memory
    return start
  })
  return { host, memory: () => memory! }
}

/** A worker that answers each message with the same, or with nothing. */
function fakeWorker(answer: object | null): HostWorker {
  let hear = (_: unknown) => {}
  const ends: ((reason: string) => void)[] = []
  return {
    post: () => void (answer !== null && setImmediate(() => hear(answer))),
    onMessage(handle) {
      hear = handle
    },
    onEnd: handle => void ends.push(handle),
    keepAlive() {},
    terminate: async () => {
      for (const end of ends) end('it was ended')
    },
  }
}

test('a worker that does not answer in the time of its host is given up', async () => {
  let terminated = 0
  const silent = { ...fakeWorker(null), terminate: async () => void terminated++ }
  const host: WasmHost = { ...nodeHost, startWorker: () => silent, startHint: 'Another file.', startSeconds: 0.1 }
  await assert.rejects(createEngineOn(host, 1, { network, parameters }), {
    code: 'ENGINE_UNAVAILABLE',
    message: /a worker has not answered within 0.1 s/,
    hint: 'Another file.',
  })
  assert.equal(terminated, 1)
})

describe('a wasm engine of three threads', () => {
  const place = { stack: 0, locals: 0 }
  const first = () => fakeWorker({ ready: true, helpers: [place, place], constants: {} })

  test('is not available if the third does not start, while the second still does', async () => {
    const workers = [first(), fakeWorker(null)]
    const startWorker = () => {
      const worker = workers.shift()
      if (worker === undefined) throw new Error('there are too many threads')
      return worker
    }
    const started = createEngineOn({ ...nodeHost, startWorker }, 3, { network, parameters })
    await assert.rejects(started, { code: 'ENGINE_UNAVAILABLE', message: /: there are too many threads$/ })
    // Here an unhandled rejection would be reported.
    await new Promise(resolve => setImmediate(resolve))
  })

  test('fails if the first ends while the others start', async () => {
    const own = first()
    const workers = [own, fakeWorker({ ready: true }), fakeWorker({ ready: true })]
    const startWorker = () => {
      if (workers.length === 1) void own.terminate()
      return workers.shift()!
    }
    const started = createEngineOn({ ...nodeHost, startWorker }, 3, { network, parameters })
    await assert.rejects(started, { code: 'ENGINE_FAILED', message: /it was ended/ })
  })
})

describe('a thread of the wasm engine that traps', () => {
  const batch = { audio: [gaussian(2, 0, 0, 32 * 64)], steps: [1], mel: [mel(32)] }
  const failed = { code: 'ENGINE_FAILED', message: /a thread of the wasm engine ended: .*bounds/ }

  test('ends the engine with an error if it waits for tasks', async () => {
    // At address 0 there is no room for a stack.
    const host = changed(start => (start.role === 'helper' ? { ...start, stack: 0 } : start))
    const predicted = createEngineOn(host, 2, { network, parameters }).then(engine => engine.predict(batch))
    await assert.rejects(predicted, failed)
  })

  test('ends the engine with an error if it holds the lock of the heap', async () => {
    const { host, memory } = withMemory()
    const engine = await createEngineOn(host, 1, { network, parameters })
    await engine.predict(batch)
    // The heap begins below, and so no header of its blocks is left.
    new Uint8Array(memory().buffer, 17 * 65536).fill(255)
    await assert.rejects(engine.predict(batch), failed)
    await assert.rejects(engine.predict(batch), failed)
    await engine.dispose()
  })
})

/** Threads of Node.js. What the kernels have written, also for calls that were stopped, is added to `written`. */
function overheard(written: Float32Array[]): WasmHost {
  const startWorker = () => {
    const worker = nodeHost.startWorker()
    const onMessage = (handle: (message: unknown) => void) =>
      worker.onMessage(message => {
        const { written: buffers = [] } = message as Partial<Extract<Answer, { written: unknown }>>
        written.push(...buffers.map(buffer => new Float32Array(buffer)))
        handle(message)
      })
    return { ...worker, onMessage }
  }
  return { ...nodeHost, startWorker }
}

describe('the event loop beside the wasm engine', () => {
  const long = { audio: [gaussian(1, 0, 0, 64 * 6000)], steps: [3], mel: [mel(6000)] }

  test('stays free while the engine works, and an abort or dispose() ends the work', async () => {
    const written: Float32Array[] = []
    const engine = await createEngineOn(overheard(written), 1, { network, parameters })
    try {
      const controller = new AbortController()
      let ticks = 0
      const timer = setInterval(() => {
        ticks++
        if (ticks === 5) controller.abort()
      }, 5)
      await assert.rejects(engine.predict({ ...long, signal: controller.signal }), { code: 'ABORTED' })
      clearInterval(timer)
      assert.ok(ticks >= 5)
      const [whole] = await engine.predict(long)
      assert.equal(written.length, 2)
      const [stopped, complete] = written.map(samples => samples.findIndex((x, i) => x !== whole![i]))
      assert.equal(complete, -1)
      // The kernels write ε from the start of the clip on.
      assert.notEqual(stopped, -1, 'all of ε was computed despite the abort')
      const left = assert.rejects(engine.predict(long), { code: 'DISPOSED' })
      await engine.dispose()
      await left
    } finally {
      await engine.dispose()
    }
  })

  test('does not keep a process alive that never disposes of its engine', () => {
    const module = (path: string) => JSON.stringify(distUrl(`${path}.js`))
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { createWasmEngine } from ${module('engines/wasm/engine')}
         import { networkSchema } from ${module('model/network')}
         import { parameterSpecs } from ${module('model/parameters')}
         const network = networkSchema.parse({ channels: 1, layers: 1, dilationCycle: 1 })
         const zeros = shape => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) })
         const parameters = new Map(parameterSpecs(network).map(({ name, shape }) => [name, zeros(shape)]))
         const engine = await createWasmEngine({ network, parameters, threads: 3 })
         const [epsilon] = await engine.predict({ audio: [new Float32Array(7)], steps: [0] })
         console.log(epsilon.length)`,
      ],
      { encoding: 'utf8', timeout: 30_000 },
    )
    assert.equal(status, 0, stderr)
    assert.equal(stdout, '7\n')
  })
})

/** Two threads that share the memory of one build, each with a stack of its own, and only take more and more of it. */
const takers = `
  import { readFile } from 'node:fs/promises'
  import { isMainThread, Worker, workerData } from 'node:worker_threads'
  import { instantiate } from ${JSON.stringify(distUrl('engines/wasm/instance.js'))}
  if (isMainThread) {
    const module = await WebAssembly.compile(await readFile(process.argv[2]))
    const memory = new WebAssembly.Memory({ initial: 32, maximum: 65535, shared: true })
    const { exports } = await instantiate(module, memory)
    exports._initialize()
    const ready = new Int32Array(new SharedArrayBuffer(4))
    for (let thread = 0; thread < 2; thread++) {
      const place = { stack: exports.malloc(2 ** 16) + 2 ** 16, locals: exports.malloc(2 ** 12) }
      new Worker(new URL(import.meta.url), { workerData: { module, memory, ready, ...place } })
    }
  } else {
    const { exports } = await instantiate(workerData.module, workerData.memory)
    exports.__stack_pointer.value = workerData.stack
    exports.__wasm_init_tls(workerData.locals)
    Atomics.add(workerData.ready, 0, 1)
    while (Atomics.load(workerData.ready, 0) < 2);
    for (let block = 0; block < 8000; block++) exports.malloc(70_000)
  }`

describe('wasm memory', () => {
  test('added by one thread is used by others, also without a trap handler of V8', () => {
    const path = join(scratchFolder('takers'), 'takers.mjs')
    writeFileSync(path, takers)
    const args = ['--wasm-enforce-bounds-checks', path, inRepository('prebuilds/wasm/simd128.wasm')]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    assert.equal(status, 0, stderr)
  })

  test('is limited: a larger batch is refused, and the engine stays usable', async () => {
    const engine = await createWasmEngine({ network, parameters, threads: 2, memoryLimit: 2 ** 24 })
    try {
      const audio = [gaussian(1, 0, 0, 64 * 3000)]
      const batch = { audio, target: audio, steps: [3], mel: [mel(3000)], loss: 'l2' as const }
      await assert.rejects(engine.lossGradients(batch), { name: 'DiffWaveError', code: 'ENGINE_FAILED' })
      const short = [audio[0]!.slice(0, 640)]
      await engine.lossGradients({ ...batch, audio: short, target: short, mel: [mel(10)] })
      await engine.predict({ audio, steps: [3], mel: [mel(3000)] })
    } finally {
      await engine.dispose()
    }
  })

  test('beyond 32 bits is refused, and the engine stays usable', async () => {
    const stepEmbedding = smallStepEmbedding
    const wide = networkSchema.parse({ stepEmbedding, channels: 64, layers: 30, dilationCycle: 10 })
    const engine = await createWasmEngine({
      network: wide,
      parameters: randomParameters(wide, 1),
      memoryLimit: 2 ** 40,
    })
    try {
      // The inputs of the layers alone take 4 · 30 · 64 bytes a sample: 4.6 GB.
      const audio = [new Float32Array(600_000).fill(0.1)]
      const batch = { audio, target: audio, steps: [3], loss: 'l2' as const }
      await assert.rejects(engine.lossGradients(batch), { name: 'DiffWaveError', code: 'ENGINE_FAILED' })
      const short = [new Float32Array(100).fill(0.1)]
      await engine.lossGradients({ ...batch, audio: short, target: short })
    } finally {
      await engine.dispose()
    }
  })

  test('is returned by closed streams', async () => {
    const { host, memory } = withMemory()
    const engine = await createEngineOn(host, 1, { network, parameters })
    const sizes: number[] = []
    for (let i = 0; i < 20; i++) {
      const stream = engine.openStream({ steps: [3, 1] })
      stream.pushMel(mel(32), false)
      await stream.predict(0, gaussian(1, i, 0, 64 * 30), false)
      stream.dispose()
      sizes.push(memory().buffer.byteLength)
    }
    await engine.dispose()
    assert.equal(sizes.at(-1), sizes[0])
  })
})
