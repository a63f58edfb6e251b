/** Clipping of gradients. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clipGradients, globalNorm } from '#src/training/optimiser/gradients'

test('clipGradients limits the norm over all gradients', () => {
  const gradients = new Map([
    ['a', Float32Array.of(3, 0)],
    ['b', Float32Array.of(0, 4)],
  ])
  assert.equal(clipGradients(gradients, 10), 5)
  assert.equal(globalNorm(gradients), 5)
  assert.equal(clipGradients(gradients, 1), 5)
  assert.ok(Math.abs(globalNorm(gradients) - 1) < 1e-6)
})
