/** Nearest neighbours and diversity. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averageSpectrumNoise } from '#src/evaluation/generator/baselines'
import { distancesWithin, nearest } from '#src/evaluation/generator/neighbours'
import { code } from '../../support/errors.js'
import { near } from '../../support/sounds.js'

test('finds the nearest of another set, and the mean distance within a set', async () => {
  const points = [0, 3, 4, 10].map(x => Float64Array.of(x, 0))
  assert.deepEqual(await nearest([Float64Array.of(3, 1)], points), [{ distance: 1, index: 1 }])
  const { mean, nearestOther } = await distancesWithin(points)
  near(mean!, (3 + 4 + 10 + 1 + 7 + 6) / 6, 1e-12)
  assert.deepEqual(nearestOther, [3, 1, 1, 6])
  assert.equal((await distancesWithin(points.slice(0, 1))).mean, null)
  // Large sets take minutes.
  const signal = AbortSignal.abort()
  await assert.rejects(nearest(points, points, signal), code('ABORTED'))
  await assert.rejects(distancesWithin(points, signal), code('ABORTED'))
  await assert.rejects(averageSpectrumNoise([new Float32Array(8)], 1, signal), code('ABORTED'))
})
