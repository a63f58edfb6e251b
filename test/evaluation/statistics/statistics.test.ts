/** Eigenvalues, principal components, moments and percentiles. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { covariance, percentile, spread } from '#src/evaluation/statistics/moments'
import { PrincipalComponents } from '#src/evaluation/statistics/principal-components'
import { symmetricEigen } from '#src/evaluation/statistics/symmetric-eigen'
import { near, range } from '../../support/sounds.js'

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

test('symmetricEigen finds the axes that a matrix only stretches, the most stretched first', () => {
  assert.deepEqual(symmetricEigen([2, 1, 1, 2], 2).values.map(Math.round), Float64Array.of(3, 1))
  // Two diagonal entries are equal, with a 0 between them.
  const matrix = [
    [1, 0, 0.5, 2],
    [0, 1, -3, 0.25],
    [0.5, -3, 2, 1],
    [2, 0.25, 1, -4],
  ]
  const { values, vectors } = symmetricEigen(matrix.flat(), 4)
  assert.deepEqual(
    values,
    values.slice().sort((a, b) => b - a),
  )
  for (const [i, value] of values.entries()) {
    const vector = [...vectors.subarray(4 * i, 4 * i + 4)]
    near(Math.hypot(...vector), 1, 1e-12)
    for (const [j, row] of matrix.entries()) near(dot(row, vector), value * vector[j]!, 1e-11)
  }
})

test('principal components are the axes of largest deviation, in order', async () => {
  // The first two are too close to be told apart by iteration alone.
  const deviations = [1, 3, 0.5, 2.9, 0.1, 1.5]
  // Every axis shares in every other one.
  const cloud = range(0, 200).map(i => {
    const own = gaussian(1, 0, 6 * i, 6).map((x, k) => deviations[k]! * x)
    const sum = own.reduce((total, x) => total + x, 0)
    return Float64Array.from(own, x => x - sum / 3 + 7)
  })
  const components = await PrincipalComponents.fit(cloud, 3)
  const { mean, covariance: matrix } = covariance(cloud)
  const { vectors } = symmetricEigen(matrix, 6)
  const point = Float64Array.of(5, 9, 1, -2, 0, 3)
  for (const [i, found] of components.project(point).entries()) {
    const axis = vectors.subarray(6 * i, 6 * i + 6)
    const expected = axis.reduce((sum, x, k) => sum + x * (point[k]! - mean[k]!), 0)
    near(Math.abs(found), Math.abs(expected), 1e-6)
  }
})

test('there are no more principal components than the vectors or their numbers allow', async () => {
  const [one, other] = [Float64Array.of(1, 0, 0), Float64Array.of(0, 0, 1)]
  assert.equal((await PrincipalComponents.fit([one, other], 5)).components, 1)
  const flat = range(0, 9).map(i => Float64Array.of(Math.sin(i), Math.cos(i)))
  assert.equal((await PrincipalComponents.fit(flat, 5)).components, 2)
  const single = await PrincipalComponents.fit([one], 5)
  assert.deepEqual(single.project(other), Float64Array.of(0))
})

test('spread gives mean and standard deviation, and percentile finds a value', () => {
  assert.deepEqual(spread([1, 3]), { mean: 2, deviation: Math.SQRT2 })
  // Three times 0.1 is not 0.3.
  for (const equal of [[3], [0.1, 0.1, 0.1]]) assert.deepEqual(spread(equal), { mean: equal[0], deviation: 0 })
  assert.equal(percentile([4, 1, 2, 3, 0], 0.25), 1)
  assert.equal(percentile([10, 2], 0.75), 8)
  assert.equal(percentile([4], 0.5), 4)
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
