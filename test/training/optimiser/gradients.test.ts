/** Clipping of gradients. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clippingFactor, globalNorm, scaleGradients } from '#src/training/optimiser/gradients'

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
