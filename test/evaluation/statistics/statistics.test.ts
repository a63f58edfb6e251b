/** Eigenvalues, principal components, moments and percentiles. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { covariance, percentile, spread } from '#src/evaluation/statistics/moments'
import { PrincipalComponents } from '#src/evaluation/statistics/principal-components'
import { symmetricEigen } from '#src/evaluation/statistics/symmetric-eigen'
import { near, range } from '../../support/sounds.js'

test('symmetricEigen finds known eigenvalues and eigenvectors', () => {
  const { values, vectors } = symmetricEigen([2, 1, 0, 1, 2, 0, 0, 0, 5], 3)
  ;[5, 3, 1].forEach((value, i) => {
    near(values[i]!, value, 1e-12)
  })
  near(Math.abs(vectors[3]!), Math.SQRT1_2, 1e-12)
})

test('principal components are the axes of largest deviation, in order', async () => {
  // Deviations 3, 2 and 0.1 along the axes.
  const cloud = range(0, 4000).map(i => {
    const [x, y, z] = gaussian(1, 0, 3 * i, 3)
    return Float64Array.of(0.1 * x!, 3 * y! + 7, 2 * z!)
  })
  const components = await PrincipalComponents.fit(cloud, 2)
  const projected = components.project(Float64Array.of(5, 9, 1))
  near(Math.abs(projected[0]!), 2, 0.3)
  near(Math.abs(projected[1]!), 1, 0.3)
})

test('spread gives mean and standard deviation, and percentile finds a value', () => {
  assert.deepEqual(spread([1, 3]), { mean: 2, deviation: Math.SQRT2 })
  assert.deepEqual(spread([3]), { mean: 3, deviation: 0 })
  assert.equal(percentile([4, 1, 2, 3, 0], 0.25), 1)
  assert.equal(percentile([0, 10], 0.75), 7.5)
})

test('covariance has the divisor n − 1, and is zero for a single vector', () => {
  const one = Float64Array.of(1, -2)
  assert.deepEqual(covariance([one]), { mean: one, covariance: new Float64Array(4) })
  const two = covariance([one, Float64Array.of(3, 0)])
  assert.deepEqual(
    [[...two.mean], [...two.covariance]],
    [
      [2, -1],
      [2, 2, 2, 2],
    ],
  )
})
