import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { elementCount } from '#src/core/tensor'
import type { Engine } from '#src/engines/engine'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { loadAddon } from '#src/engines/native/load-addon'
import { CANCELLED } from '#src/engines/native/results'
import { networkSchema } from '#src/model/network'
import { parameterCount, parameterSpecs } from '#src/model/parameters'
import { smallStepEmbedding } from '../../support/configs.js'
import { randomParameters } from '../../support/parameters.js'
import { type CreateEngine, conformance } from '../conformance.js'
import { engineRequest } from './engine-request.js'

const { available, reason, instructionSets } = surveyNative()

if (!available) test(`native engine: ${reason}`, { skip: true }, () => undefined)
for (const instructionSet of instructionSets) {
  const create: CreateEngine = (network, parameters, convention = null) =>
    createNativeEngine({ network, parameters, convention, instructionSet })
  conformance(`native:${instructionSet}`, create, { slow: instructionSet === 'scalar' })
}

test('gradients have the same bytes for any number of threads', { skip: !available }, async () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 20,
    layers: 4,
    dilationCycle: 3,
    patch: 2,
    mel: { kind: 'frame-rate', bands: 8, hop: 64, encoder: [12] },
  })
  const parameters = new Map(
    parameterSpecs(network).map(({ name, shape }, i) => [
      name,
      { shape, data: gaussian(1, i, 0, elementCount(shape)).map(value => 0.2 * value) },
    ]),
  )
  const audio = [gaussian(2, 0, 0, 2000), gaussian(2, 1, 0, 640)]
  const mel = audio.map((_, i) => ({ data: gaussian(3, i, 0, 8 * 32), bands: 8, frames: 32 }))
  const results = []
  for (const threads of [1, 2, 5]) {
    const engine = await createNativeEngine({ network, parameters, threads })
    results.push(await engine.lossGradients({ audio, target: audio, steps: [1, 2.5], mel, loss: 'l1' }))
    await engine.dispose()
  }
  assert.deepEqual(results[1], results[0])
  assert.deepEqual(results[2], results[0])
})

test('the readable reference stops at the next layer', { skip: !available }, async () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 16,
    layers: 4,
    dilationCycle: 2,
  })
  const addon = loadAddon()
  const engine = addon.create(engineRequest(network, 'scalar'))
  const size = parameterCount(network)
  const parameters = gaussian(1, 0, 0, size).map(value => 0.2 * value)
  const run = (clip: object, more: object) => {
    const audio = gaussian(2, 0, 0, 20_000)
    const common = { audio, sinusoids: new Float32Array(network.stepEmbedding.size), gain: 1, label: -1 }
    const cancelled = new Uint8Array(1)
    const clips = [{ ...common, frames: 0, melOffset: 0, mel: undefined, deviations: undefined, ...clip }]
    const result = addon.run(engine, { parameters, clips, cancelled, ...more })
    cancelled[0] = 1
    return result
  }
  const prediction = new Float32Array(20_000)
  assert.equal(await run({ prediction }, {}), CANCELLED)
  assert.ok(prediction.every(sample => sample === 0))
  const gradients = new Float32Array(size)
  const loss = { squared: true, gradients, clipLosses: new Float32Array(1) }
  assert.equal(await run({ target: gaussian(3, 0, 0, 20_000) }, loss), CANCELLED)
  assert.ok(gradients.every(gradient => gradient === 0))
  addon.dispose(engine)
})

describe('the weights of the native engine', { skip: !available }, () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 12,
    layers: 3,
    dilationCycle: 3,
    patch: 2,
  })
  const audio = [gaussian(2, 0, 0, 500)]
  /** As a file of weights has them: one after the other in memory. */
  const joined = () => {
    const specs = parameterSpecs(network)
    const all = gaussian(1, 0, 0, parameterCount(network)).map(value => 0.2 * value)
    let at = 0
    return new Map(
      specs.map(({ name, shape }) => {
        const data = all.subarray(at, at + elementCount(shape))
        at += data.length
        return [name, { shape, data }]
      }),
    )
  }
  const predicted = async (engine: Engine) => (await engine.predict({ audio, steps: [2] }))[0]!
  const expected = async () => {
    const engine = await createNativeEngine({ network, parameters: joined() })
    return predicted(engine).finally(() => engine.dispose())
  }

  test('give the same bytes packed ahead, before and after they are replaced', async () => {
    const engine = await createNativeEngine({ network, parameters: randomParameters(network, 7) })
    await engine.prepare!()
    assert.notDeepEqual(await predicted(engine), await expected())
    await engine.setParameters(joined())
    const prepared = engine.prepare!()
    assert.deepEqual(await predicted(engine), await expected())
    await prepared
    await engine.dispose()
    await assert.rejects(engine.prepare!(), { code: 'DISPOSED' })
  })

  test('may still be packing when the engine is disposed', async () => {
    const engine = await createNativeEngine({ network, parameters: joined() })
    const prepared = engine.prepare!()
    await Promise.all([prepared, engine.dispose()])
  })

  test('are copied, unless the engine owns them and they are contiguous', async () => {
    for (const ownsParameters of [false, true]) {
      const parameters = joined()
      const engine = await createNativeEngine({ network, parameters, ownsParameters })
      if (!ownsParameters) for (const { data } of parameters.values()) data.fill(0)
      assert.deepEqual(await predicted(engine), await expected())
      await engine.dispose()
    }
    const apart = new Map([...joined()].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
    const engine = await createNativeEngine({ network, parameters: apart, ownsParameters: true })
    assert.deepEqual(await predicted(engine), await expected())
    await engine.dispose()
  })
})
