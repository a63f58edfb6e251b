import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { createWasmEngine } from '#src/engines/wasm/engine'
import { networkSchema } from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'
import { createInSameThread } from './same-thread.js'

const create: CreateEngine = (network, parameters, convention = null) =>
  createInSameThread({ network, parameters, convention, backend: 'wasm' })
conformance('tensorflow:wasm', create)
agreesWithOracle('tensorflow:wasm', create, 4)

// The slope of the conformance tests is a sum over all parameters, so a few percent of one of them can hide in it.
test('gradients of each parameter agree with those of the WebAssembly kernels', async () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 6,
    layers: 3,
    dilationCycle: 3,
    frontEnd: { kind: 'windows', kernel: 16, stride: 8, bins: 6, learned: true },
    mel: { kind: 'frame-rate', bands: 7, hop: 16, encoder: [5] },
  })
  const parameters = randomParameters(network, 5)
  const mel = { data: gaussian(2, 0, 0, 7 * 9), bands: 7, frames: 9 }
  const request = { audio: [gaussian(1, 0, 0, 144)], target: [gaussian(3, 0, 0, 144)], mel: [mel], steps: [3] }
  const [own, kernels] = [await create(network, parameters), await createWasmEngine({ network, parameters })]
  const expected = (await kernels.lossGradients({ ...request, loss: 'l2' })).gradients
  const { gradients } = await own.lossGradients({ ...request, loss: 'l2' })
  assert.equal(gradients.size, parameters.size)
  for (const [name, gradient] of gradients) {
    const error = relativeError(gradient, expected.get(name)!)
    assert.ok(error < 1e-4, `gradient of ${name}: ${error}`)
  }
  await own.dispose()
  await kernels.dispose()
})

test('a call leaks no tensors, and windows join without a seam', async () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 2,
    layers: 3,
    dilationCycle: 3,
  })
  const parameters = randomParameters(network, 1)
  const engine = await createInSameThread({ network, parameters, backend: 'wasm' })
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
