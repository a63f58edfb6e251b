/**
 * The native engine never reads a caller's memory after a call has returned: buffers may be resized, transferred or
 * overwritten.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Mel } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import type { Engine } from '#src/engines/engine'
import type { BatchWork, Handle, NetworkShape } from '#src/engines/native/addon'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { REFUSED } from '#src/engines/native/results'
import { networkSchema } from '#src/model/network'
import { parameterCount } from '#src/model/parameters'
import { smallStepEmbedding } from '../../support/configs.js'
import { randomParameters } from '../../support/parameters.js'
import { engineRequest } from './engine-request.js'

const { available, instructionSets } = surveyNative()
const FRAMES = 24
const HOP = 64
const SAMPLES = FRAMES * HOP
const network = networkSchema.parse({
  stepEmbedding: smallStepEmbedding,
  channels: 16,
  layers: 6,
  dilationCycle: 6,
  patch: 2,
  mel: { kind: 'frame-rate', bands: 6, hop: HOP, encoder: [10] },
})

/** A server of Node.js that listens: its handle has an external value of Node.js' own. */
interface Listening {
  readonly _handle: { readonly _externalStream: Handle }
}

/** Node.js has had them since version 20; the types come with ES2024. */
function resizable(bytes: number): ArrayBuffer {
  return Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: bytes }]) as ArrayBuffer
}

/** What a caller may do to an array once a call has returned its promise. */
const misdeeds: Readonly<
  Record<string, { make: (size: number) => Float32Array; harm: (array: Float32Array) => void }>
> = {
  'resized to nothing': {
    make: size => new Float32Array(resizable(size * 4)),
    harm: array => (array.buffer as unknown as { resize(bytes: number): void }).resize(0),
  },
  transferred: {
    make: size => new Float32Array(size),
    harm: array => void structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] }),
  },
  overwritten: { make: size => new Float32Array(size), harm: array => array.fill(Number.NaN) },
  'shared and overwritten': {
    make: size => new Float32Array(new SharedArrayBuffer(size * 4)),
    harm: array => array.fill(Number.NaN),
  },
}

type Make = (values: Float32Array) => Float32Array

/** Every call that hands arrays to native code; `array` makes what is handed over. */
const entryPoints: Readonly<Record<string, (engine: Engine, array: Make, done: () => void) => Promise<unknown>>> = {
  predict: (engine, array, done) => {
    const result = engine.predict({ audio: [array(noise(1))], steps: [3], mel: [mel(array)] })
    done()
    return result
  },
  lossGradients: (engine, array, done) => {
    const arrays = { audio: [array(noise(1))], target: [array(noise(2))], weight: [array(noise(3).map(Math.abs))] }
    const result = engine.lossGradients({ ...arrays, steps: [3], mel: [mel(array)], loss: 'l2' })
    done()
    return result
  },
  backward: (engine, array, done) => {
    const gradientOf = (outputs: readonly Float32Array[]) => {
      const gradients = outputs.map(array)
      queueMicrotask(done)
      return gradients
    }
    const result = engine.backward({ audio: [array(noise(1))], steps: [3], mel: [mel(array)], gradientOf })
    done()
    return result
  },
  'a stream': async (engine, array, done) => {
    const stream = engine.openStream({ steps: [3] })
    stream.pushMel(mel(array), true)
    const result = stream.predict(0, array(noise(1)), true)
    done()
    try {
      return await result
    } finally {
      stream.dispose()
    }
  },
  setParameters: async (engine, array, done) => {
    const replaced: Tensors = new Map(
      [...randomParameters(network, 9)].map(([name, { shape, data }]) => [name, { shape, data: array(data) }]),
    )
    await engine.setParameters(replaced)
    done()
    return engine.predict({ audio: [noise(1)], steps: [3], mel: [mel(values => values)] })
  },
}

const noise = (stream: number) => gaussian(5, stream, 0, SAMPLES)
const mel = (array: Make): Mel => ({ data: array(gaussian(6, 0, 0, 6 * FRAMES)), bands: 6, frames: FRAMES })

describe('a call gives the same result if its input arrays change meanwhile', { skip: !available }, () => {
  for (const instructionSet of new Set([instructionSets[0], 'scalar' as const])) {
    for (const [name, call] of Object.entries(entryPoints)) {
      for (const [misdeed, { make, harm }] of Object.entries(misdeeds)) {
        test(`${instructionSet}: ${name}, arrays ${misdeed}`, async () => {
          const engine = await createNativeEngine({
            network,
            parameters: randomParameters(network, 4),
            threads: 2,
            ...(instructionSet === undefined ? {} : { instructionSet }),
          })
          const expected = await call(
            engine,
            values => values,
            () => undefined,
          )
          await engine.setParameters(randomParameters(network, 4))
          const handed: Float32Array[] = []
          const array: Make = values => {
            const made = make(values.length)
            made.set(values)
            handed.push(made)
            return made
          }
          const result = await call(engine, array, () => {
            for (const one of handed.splice(0)) harm(one)
          })
          assert.deepEqual(result, expected)
          await engine.dispose()
        })
      }
    }
  }
})

describe('the native addon refuses', { skip: available ? false : 'no native engine' }, () => {
  const create = (changes: Partial<NetworkShape> = {}) =>
    loadAddon().create(engineRequest(network, instructionSets[0]!, changes))

  /** A request of one clip. `getters` replace its fields. */
  const work = (getters: Readonly<Record<string, () => unknown>> = {}): BatchWork => {
    const audio = { audio: noise(1), target: noise(2), sinusoids: new Float32Array(network.stepEmbedding.size) }
    const place = { ...mel(values => values), mel: gaussian(6, 0, 0, 6 * FRAMES), melOffset: 0, label: -1, gain: 1 }
    const size = parameterCount(network)
    const request = {
      parameters: new Float32Array(size),
      gradients: new Float32Array(size),
      clipLosses: new Float32Array(1),
      clips: [{ ...audio, ...place, deviations: undefined }],
      squared: false,
      cancelled: new Uint8Array(1),
    }
    for (const [name, get] of Object.entries(getters)) Object.defineProperty(request, name, { get })
    return request
  }

  test('a handle of the wrong kind', () => {
    const addon = loadAddon()
    const engine = create()
    const size = network.stepEmbedding.size
    const stream = addon.openStream(engine, new Float32Array(size), new Float32Array(1), -1)
    assert.throws(() => addon.closeStream(engine, engine as unknown as typeof stream), /expected a stream/)
    assert.throws(() => addon.closeStream(stream as unknown as typeof engine, stream), /expected an engine/)
    addon.dispose(engine)
  })

  test('a stream of another engine, even at the address of its collected one', async () => {
    const addon = loadAddon()
    const { size } = network.stepEmbedding
    const streams = Array.from({ length: 20 }, () =>
      addon.openStream(create(), new Float32Array(size), new Float32Array(1), -1),
    )
    setFlagsFromString('--expose-gc')
    for (let i = 0; i < 3; i++) {
      runInNewContext('gc')()
      await setImmediate()
    }
    const engines = Array.from({ length: 20 }, () => create())
    for (const engine of engines) {
      for (const stream of streams) assert.throws(() => addon.closeStream(engine, stream), /another engine's/)
    }
    for (const engine of engines) addon.dispose(engine)
  })

  test('sizes beyond those of a config, and products that overflow', () => {
    for (const changes of [{ channels: 2 ** 31 - 1 }, { channels: 4098 }, { hop: 2 ** 31 }]) {
      assert.throws(() => create(changes), /bad network shape/, JSON.stringify(changes))
    }
    // Their product is 588 + 2⁶⁴.
    const strides = [44_491, 40_849, 4084, 22_801, 109]
    assert.throws(() => create({ conditioner: 'transposed', hop: 588, strides }), /bad strides/)
    const most = { conditioner: 'transposed', hop: 4096, strides: Array<number>(6).fill(4096) } as const
    assert.throws(() => create(most), /the strides do not multiply to the hop/)
  })

  test('work on a disposed engine', () => {
    const addon = loadAddon()
    const engine = create()
    addon.dispose(engine)
    const parameters = new Float32Array(parameterCount(network))
    const work = { parameters, gradients: parameters, clips: [], cancelled: new Uint8Array(1) }
    assert.throws(() => addon.run(engine, work), /the engine was disposed/)
    assert.throws(() => addon.packWeights!(engine, parameters, 0), /was disposed/)
  })

  test('a handle that another addon made', () => {
    const { _externalStream: external } = (createServer().listen(0).unref() as unknown as Listening)._handle
    assert.throws(() => loadAddon().dispose(external), /expected an engine/)
  })

  test('a request whose getter disposes the engine', async () => {
    const addon = loadAddon()
    const engine = create()
    const dispose = () => {
      addon.dispose(engine)
      return new Uint8Array(1)
    }
    assert.throws(() => addon.run(engine, work({ cancelled: dispose })), /a getter of a request called the addon/)
    assert.equal(typeof (await addon.run(engine, work())), 'number')
    addon.dispose(engine)
  })

  test('a request whose getter detaches an array that was read', () => {
    const addon = loadAddon()
    const engine = create()
    const parameters = new Float32Array(parameterCount(network))
    const detach = () => {
      structuredClone(parameters.buffer, { transfer: [parameters.buffer] })
      return new Uint8Array(1)
    }
    assert.throws(() => addon.run(engine, work({ parameters: () => parameters, cancelled: detach })), /array changed/)
    addon.dispose(engine)
  })

  test('mel frames after the last', async () => {
    const addon = loadAddon()
    const engine = create()
    const stream = addon.openStream(engine, new Float32Array(network.stepEmbedding.size), new Float32Array(1), -1)
    const predict = (frames: number, last: boolean) =>
      addon.predict(engine, stream, {
        parameters: new Float32Array(parameterCount(network)),
        version: 0,
        mels: [{ data: new Float32Array(6 * frames), frames, last, deviations: undefined }],
        pass: 0,
        audio: new Float32Array(frames * HOP),
        last: false,
        prediction: new Float32Array(frames * HOP),
        cancelled: new Uint8Array(1),
      })
    // A stream of a mel without frames has room for no position.
    assert.equal(await predict(0, true), 0)
    assert.equal(await predict(4, false), REFUSED)
    addon.dispose(engine)
  })

  test('a second call of run before the first has ended', async () => {
    const addon = loadAddon()
    const engine = create()
    const first = addon.run(engine, work())
    assert.throws(() => addon.run(engine, work()), /the engine is busy/)
    await first
    addon.dispose(engine)
  })
})
