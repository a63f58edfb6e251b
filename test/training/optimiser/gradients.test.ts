/** Updates of the weights: initial weights, clipping, Adam and the average. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkSchema } from '#src/model/network'
import { Adam } from '#src/training/optimiser/adam'
import { averageDecayAt, clippingFactor, globalNorm, scaleGradients } from '#src/training/optimiser/gradients'
import { initialParameters } from '#src/training/optimiser/initialise'
import { Optimiser } from '#src/training/optimiser/optimiser'
import { relativeError } from '../../support/numbers.js'

test('clipping limits the norm over all gradients, and leaves a smaller one as it is', () => {
  const gradients = new Map([
    ['a', Float32Array.of(3, 0)],
    ['b', Float32Array.of(0, 4)],
  ])
  assert.equal(globalNorm(gradients), 5)
  assert.equal(clippingFactor(5, 10), 1)
  assert.equal(clippingFactor(5, null), 1)
  scaleGradients(gradients, clippingFactor(5, 1))
  assert.ok(Math.abs(globalNorm(gradients) - 1) < 1e-6)
})

const single = (...numbers: number[]) => ({ shape: [numbers.length], data: Float32Array.from(numbers) })

test('Adam moves by the learning rate under a constant gradient, and as in the paper under another', () => {
  const adam = new Adam({ beta1: 0.9, beta2: 0.99 })
  const weights = new Map([['a', single(1, 1)]])
  for (let step = 1; step <= 3; step++) {
    adam.update(weights, new Map([['a', Float32Array.of(4, -0.01)]]), 0.1)
    assert.ok(relativeError(weights.get('a')!.data, Float32Array.of(1 - 0.1 * step, 1 + 0.1 * step)) < 1e-5)
  }
  adam.update(weights, new Map([['a', Float32Array.of(0, 0.02)]]), 0.1)
  // m̂ and v̂ of algorithm 1 of Kingma & Ba 2015, after three gradients g and one of 0 or −2g.
  const moved = [
    [4, 0],
    [-0.01, 0.02],
  ].map(([first, last]) => {
    const m = (0.9 * (1 - 0.9 ** 3) * first! + 0.1 * last!) / (1 - 0.9 ** 4)
    const v = (0.99 * (1 - 0.99 ** 3) * first! ** 2 + 0.01 * last! ** 2) / (1 - 0.99 ** 4)
    return (0.1 * m) / Math.sqrt(v)
  })
  assert.ok(relativeError(weights.get('a')!.data, Float32Array.of(0.7 - moved[0]!, 1.3 - moved[1]!)) < 1e-5)
})

test('Adam has PyTorch’s constants by default', () => {
  const [adam, weights] = [new Adam(), new Map([['a', single(0, 0)]])]
  // The second gradient is as small as ε, which halves its first move.
  adam.update(weights, new Map([['a', Float32Array.of(1, 1e-8)]]), 1)
  assert.ok(relativeError(weights.get('a')!.data, Float32Array.of(-1, -0.5)) < 1e-6)
  adam.update(weights, new Map([['a', Float32Array.of(0, 0)]]), 1)
  const [m, v] = [(0.9 * 0.1) / (1 - 0.9 ** 2), (0.999 * 0.001) / (1 - 0.999 ** 2)]
  const expected = Float32Array.of(-1 - m / Math.sqrt(v), -0.5 - m / (Math.sqrt(v) + 1))
  assert.ok(relativeError(weights.get('a')!.data, expected) < 1e-6)
})

test('the average follows every update, at once or later, and faster at first', async () => {
  assert.deepEqual(
    [0, 8, 1e6].map(n => averageDecayAt(0.999, n)),
    [0.1, 0.5, 0.999],
  )
  const optimiser = new Optimiser(undefined, { clipNorm: null, averageDecay: 0.5 })
  const state = { weights: new Map([['a', single(1)]]), average: new Map([['a', single(1)]]), adam: new Adam() }
  let expected = 1
  for (let n = 0; n < 8; n++) {
    await optimiser.update(state, new Map([['a', Float32Array.of(2)]]), 2, 0.1)
    const decay = Math.min(0.5, (1 + n) / (10 + n))
    expected = decay * expected + (1 - decay) * (1 - 0.1 * (n + 1))
  }
  optimiser.catchUp(state)
  optimiser.catchUp(state)
  assert.ok(Math.abs(state.average.get('a')!.data[0]! - expected) < 1e-5)
})

test('initial weights have the deviations of PyTorch’s layers', () => {
  const parameters = initialParameters(networkSchema.parse({ channels: 32, layers: 1, dilationCycle: 1 }), 1)
  const { data } = parameters.get('residual_layers.0.dilated_conv.weight')!
  const deviation = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length)
  // Kaiming's for 32 channels and three taps.
  assert.ok(Math.abs(deviation / Math.sqrt(2 / 96) - 1) < 0.05, String(deviation))
  const uniform = parameters.get('residual_layers.0.diffusion_projection.weight')!.data
  const largest = uniform.reduce((max, x) => Math.max(max, Math.abs(x)), 0)
  const bound = 1 / Math.sqrt(512)
  assert.ok(largest <= bound && largest > 0.99 * bound, String(largest))
  assert.ok(parameters.get('output_projection.weight')!.data.every(x => x === 0))
})
