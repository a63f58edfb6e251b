/** Stopping the network and its gradients between two layers. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import tf = require('@tensorflow/tfjs-core')

import { gaussian } from '#src/core/random'
import { startBackend } from '#src/engines/tensorflow/backend'
import { type BetweenLayers, predict } from '#src/engines/tensorflow/network'
import type { StopFlag } from '#src/engines/tensorflow/stop-flag'
import { freeKept, stoppable } from '#src/engines/tensorflow/stoppable'
import { networkSchema } from '#src/model/network'
import { stepSinusoids } from '#src/model/step-embedding'
import { smallStepEmbedding } from '../../support/configs.js'
import { randomParameters } from '../../support/parameters.js'

before(() => startBackend('wasm'))

const network = networkSchema.parse({ stepEmbedding: smallStepEmbedding, channels: 4, layers: 6, dilationCycle: 3 })

/** Computes gradients, and stops before layer `at.forth`, or on the way back after layer `at.back`, counted from 1. */
function gradients(at: { readonly forth?: number; readonly back?: number }) {
  const stop: StopFlag = new Int32Array(new SharedArrayBuffer(4))
  const layers = { forth: 0, back: 0 }
  const pass = (way: 'forth' | 'back') => {
    if (++layers[way] === at[way]) Atomics.store(stop, 0, 1)
  }
  const counted = tf.customGrad(x => {
    pass('forth')
    const gradFunc = (dy: tf.Tensor) => {
      pass('back')
      return tf.clone(dy)
    }
    return { value: tf.clone(x as tf.Tensor), gradFunc }
  })
  const checked = stoppable(stop)
  const betweenLayers: BetweenLayers = x => checked(counted(x) as tf.Tensor3D)
  const parameters = [...randomParameters(network, 1)]
  const run = () =>
    tf.tidy(() => {
      const input = {
        ...{ gains: null, deviations: null, labels: null, mel: null },
        audio: tf.tensor2d(gaussian(1, 0, 0, 64), [1, 64]),
        sinusoids: tf.tensor2d(stepSinusoids(network.stepEmbedding, [3]), [1, network.stepEmbedding.size]),
      }
      const loss = (...tensors: tf.Tensor[]) => {
        const named = Object.fromEntries(parameters.map(([name], i) => [name, tensors[i]!]))
        return tf.sum(tf.abs(predict(network, named, input, { betweenLayers }))) as tf.Scalar
      }
      tf.valueAndGrads(loss)(parameters.map(([, { data, shape }]) => tf.tensor(data, [...shape])))
    })
  return { layers, run }
}

test('no layer is computed after a stop, nor its gradients, and nothing is kept', () => {
  const whole = gradients({})
  whole.run()
  assert.deepEqual(whole.layers, { forth: 6, back: 6 })
  const held = tf.memory().numTensors
  for (const [at, expected] of [
    [{ forth: 1 }, { forth: 1, back: 0 }],
    [{ forth: 4 }, { forth: 4, back: 0 }],
    [{ back: 1 }, { forth: 6, back: 1 }],
    [{ back: 4 }, { forth: 6, back: 4 }],
  ] as const) {
    const { layers, run } = gradients(at)
    assert.throws(run, { code: 'ABORTED' })
    freeKept()
    assert.deepEqual(layers, expected)
    assert.equal(tf.memory().numTensors, held)
  }
})
