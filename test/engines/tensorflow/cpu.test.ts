import assert from 'node:assert/strict'
import { test } from 'node:test'

import tf = require('@tensorflow/tfjs-core')

import '@tensorflow/tfjs-backend-cpu'

import { gaussian } from '#src/core/random'
import { registerCpuKernels } from '#src/engines/tensorflow/cpu-kernels'
import { type CreateEngine, conformance } from '../conformance.js'
import { agreesWithOracle } from '../oracle.js'
import { createInSameThread } from './same-thread.js'

const create: CreateEngine = (network, parameters, convention = null) =>
  createInSameThread({ network, parameters, convention, backend: 'cpu' })
// There is little that could differ from WASM: it runs the same graph, ten times as slowly.
conformance('tensorflow:cpu', create, { slow: true })
agreesWithOracle('tensorflow:cpu', create, 2)

test('kernels that move numbers give the bytes of TensorFlow.js’s own', async () => {
  await tf.setBackend('cpu')
  const x = tf.tensor4d(gaussian(1, 0, 0, 120), [2, 3, 4, 5])
  const moved = () =>
    [
      tf.slice(x, [0, 1, 0, 2], [2, 2, 4, 2]),
      tf.slice(x, [1, 0, 3, 0], [-1, 2, -1, 5]),
      tf.pad(x, [
        [0, 0],
        [1, 2],
        [0, 3],
        [4, 0],
      ]),
      tf.pad(
        x,
        [
          [0, 1],
          [0, 0],
          [2, 0],
          [0, 0],
        ],
        7,
      ),
      tf.transpose(x, [2, 0, 3, 1]),
      tf.transpose(tf.scalar(3)),
    ].map(tensor => [tensor.shape, tensor.dataSync()])
  const own = moved()
  registerCpuKernels()
  assert.deepEqual(moved(), own)
})
