/** A network whose last layer is zeroed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from '#src/engines/select'
import { withZeroOutput } from '#src/model/zero-output'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallGeneratorConfig } from '../support/configs.js'

test('withZeroOutput gives a network that predicts zero, and keeps the original', async () => {
  const { network } = smallGeneratorConfig()
  const parameters = new Map(initialParameters(network, 1))
  const last = parameters.get('output_projection.weight')!
  parameters.set('output_projection.weight', { ...last, data: last.data.map((_, i) => i - 3) })
  const audio = [Float32Array.from({ length: 64 }, (_, i) => Math.sin(i))]
  const predict = async (weights: typeof parameters) => {
    const engine = await createEngine(network, weights)
    try {
      return (await engine.predict({ audio, steps: [3], labels: [null] }))[0]!
    } finally {
      await engine.dispose()
    }
  }
  assert.ok((await predict(withZeroOutput(parameters))).every(x => x === 0))
  assert.ok((await predict(parameters)).some(x => x !== 0))
})
