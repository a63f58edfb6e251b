import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { elementCount } from '#src/core/tensor'
import { createTensorflowEngine } from '#src/engines/tensorflow/engine'
import { networkSchema } from '#src/model/network'
import { parameterSpecs } from '#src/model/parameters'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'
import { createInSameThread } from './same-thread.js'

const create: CreateEngine = (network, parameters, convention = null) =>
  createInSameThread({ network, parameters, convention, backend: 'wasm' })
conformance('tensorflow:wasm', create)
agreesWithOracle('tensorflow:wasm', create, 6)

test('a call leaks no tensors, and windows join without a seam', async () => {
  const network = networkSchema.parse({
    stepEmbedding: { size: 8, hidden: 8 },
    channels: 2,
    layers: 3,
    dilationCycle: 3,
  })
  const parameters = new Map(
    parameterSpecs(network).map(({ name, shape }, i) => [
      name,
      { shape, data: gaussian(1, i, 0, elementCount(shape)) },
    ]),
  )
  const engine = await createTensorflowEngine({ network, parameters, backend: 'wasm' })
  try {
    const audio = gaussian(2, 0, 0, 9000)
    const request = { audio: [audio], target: [audio], steps: [1], loss: 'l1' as const }
    await engine.lossGradients(request)
    const before = await engine.tensorCount()
    await engine.lossGradients(request)
    const [whole] = await engine.predict({ audio: [audio], steps: [1] })
    assert.equal(await engine.tensorCount(), before)
    // The second window starts at sample 4096; a clip that starts 500 samples earlier is one window there.
    const [shifted] = await engine.predict({ audio: [audio.slice(3596, 7000)], steps: [1] })
    for (let i = 4000; i < 6500; i++) assert.ok(Math.abs(whole![i]! - shifted![i - 3596]!) < 1e-5, `sample ${i}`)
  } finally {
    await engine.dispose()
  }
})
