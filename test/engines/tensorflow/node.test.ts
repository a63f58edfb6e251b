/** The optional TensorFlow packages pass the engine tests where installed, and are reported missing elsewhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine } from '#src/engines/select'
import { createTensorflowEngine, surveyTensorflow } from '#src/engines/tensorflow/engine'
import { networkSchema } from '#src/model/network'
import { randomParameters } from '../../support/parameters.js'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'

const small = networkSchema.parse({ channels: 1, layers: 1, dilationCycle: 1 })

for (const backend of ['cuda', 'node'] as const) {
  const { available, reason } = await surveyTensorflow(backend)
  const name = `tensorflow:${backend}`
  if (available) {
    const create: CreateEngine = (network, parameters, convention = null) =>
      createTensorflowEngine({ network, parameters, convention, backend })
    conformance(name, create)
    agreesWithOracle(name, create, 6)
  } else {
    test(`${name}: passes the tests of every engine`, { skip: reason }, () => {})
    test(`${name}: fails with the reason why it is not available`, async () => {
      const refused = await createEngine(small, randomParameters(small, 1), { engine: `tensorflow:${backend}` }).then(
        () => assert.fail('it ran'),
        (error: unknown) => error as { code: string; message: string },
      )
      assert.equal(refused.code, 'ENGINE_UNAVAILABLE')
      assert.match(refused.message, new RegExp(`^the ${name} engine is not available: .*tfjs-node`))
    })
  }
}

test('refuses parameters that do not fit, whichever engine is asked for', async () => {
  await assert.rejects(createEngine(small, new Map(), { engine: 'tensorflow:wasm' }), { code: 'BAD_PARAMETERS' })
  await assert.rejects(createEngine(small, new Map(), { engine: 'tensorflow' }), { code: 'BAD_PARAMETERS' })
})
