/** Fréchet distance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { frechetDistance } from '#src/evaluation/generator/frechet-distance'
import { near, range } from '../../support/sounds.js'

test('the distance of two Gaussians follows from their means and deviations', () => {
  const cloud = (seed: number, mean: number, deviation: number) =>
    range(0, 20_000).map(i => Float64Array.from(gaussian(seed, 0, 4 * i, 4), x => mean + deviation * x))
  const a = cloud(1, 0, 1)
  assert.ok(frechetDistance(a, a) < 1e-9)
  // Four dimensions, each (Δmean)² + (Δdeviation)².
  near(frechetDistance(a, cloud(2, 1, 3)), 4 * (1 + 4), 0.4)
  near(frechetDistance(cloud(2, 1, 3), a), frechetDistance(a, cloud(2, 1, 3)), 1e-6)
})
