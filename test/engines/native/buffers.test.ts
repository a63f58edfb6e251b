/**
 * The native engine never reads a caller's memory after a call has returned: buffers may be resized, transferred or
 * overwritten.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Mel } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import type { Engine } from '#src/engines/engine'
import { networkShape } from '#src/engines/native/addon'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { networkSchema } from '#src/model/network'
import { randomParameters } from '../../support/parameters.js'

const { available, instructionSets } = surveyNative()
const FRAMES = 24
const HOP = 64
const SAMPLES = FRAMES * HOP
const network = networkSchema.parse({
  channels: 16,
  layers: 6,
  dilationCycle: 6,
  patch: 2,
  mel: { kind: 'frame-rate', bands: 6, hop: HOP, encoder: [10] },
})

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

describe('a caller may do anything to its arrays during a call', { skip: !available }, () => {
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

test('a handle of another kind is refused, and sizes whose product overflows', {
  skip: available ? false : 'no native engine',
}, () => {
  const addon = loadAddon()
  const create = (size: number) =>
    addon.create({
      shape: { ...networkShape(network), channels: size },
      instructionSet: instructionSets[0]!,
      threads: 1,
      memoryLimit: 2 ** 20,
      fast: false,
    })
  const engine = create(network.channels)
  const size = network.stepEmbedding.size
  const stream = addon.openStream(engine, new Float32Array(size), new Float32Array(1), -1)
  assert.throws(() => addon.closeStream(engine, engine as unknown as typeof stream), /expected a stream/)
  assert.throws(() => addon.closeStream(stream as unknown as typeof engine, stream), /expected an engine/)
  assert.throws(() => create(2 ** 31 - 1), /bad network shape/)
  addon.dispose(engine)
})
