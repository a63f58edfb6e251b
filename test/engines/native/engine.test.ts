import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { elementCount } from '#src/core/tensor'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import { networkSchema } from '#src/model/network'
import { parameterSpecs } from '#src/model/parameters'
import { type CreateEngine, conformance } from '../conformance.js'

const { available, reason, instructionSets } = surveyNative()

if (!available) test(`native engine: ${reason}`, { skip: true }, () => undefined)
for (const instructionSet of instructionSets) {
  const create: CreateEngine = (network, parameters, convention = null) =>
    createNativeEngine({ network, parameters, convention, instructionSet })
  conformance(`native:${instructionSet}`, create)
}

test('gradients are the same bytes for any number of threads', { skip: !available }, async () => {
  const network = networkSchema.parse({
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
