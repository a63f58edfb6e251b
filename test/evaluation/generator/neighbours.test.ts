/** Nearest neighbours and diversity. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { distancesWithin, nearest } from '#src/evaluation/generator/neighbours'
import { near } from '../../support/sounds.js'

test('finds the nearest of another set, and the mean distance within a set', () => {
  const points = [0, 3, 4, 10].map(x => Float64Array.of(x, 0))
  assert.deepEqual(nearest([Float64Array.of(3, 1)], points), [{ distance: 1, index: 1 }])
  const { mean, nearestOther } = distancesWithin(points)
  near(mean!, (3 + 4 + 10 + 1 + 7 + 6) / 6, 1e-12)
  assert.deepEqual(nearestOther, [3, 1, 1, 6])
  assert.equal(distancesWithin(points.slice(0, 1)).mean, null)
})
