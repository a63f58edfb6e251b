/** Fréchet distance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { frechetDistance } from '#src/evaluation/generator/frechet-distance'
import { covariance } from '#src/evaluation/statistics/moments'
import { near, range } from '../../support/sounds.js'

test('the distance of two Gaussians follows from their means and deviations', () => {
  const cloud = (seed: number, mean: number, deviation: number) =>
    range(0, 8000).map(i => Float64Array.from(gaussian(seed, 0, 4 * i, 4), x => mean + deviation * x))
  const a = cloud(1, 0, 1)
  assert.ok(frechetDistance(a, a) < 1e-9)
  // Four dimensions, each (Δmean)² + (Δdeviation)².
  near(frechetDistance(a, cloud(2, 1, 3)), 4 * (1 + 4), 0.4)
  near(frechetDistance(cloud(2, 1, 3), a), frechetDistance(a, cloud(2, 1, 3)), 1e-6)
})

test('the distance is exact for two dimensions that depend on each other, and for few vectors', () => {
  const [a, b] = [
    [2, 1, -2, -1, 1, -1, -1, 1],
    [5, 0, 1, 2, 3, 3, 2, -1],
  ].map(numbers => range(0, 4).map(i => Float64Array.of(numbers[2 * i]!, numbers[2 * i + 1]!)))
  const [first, second] = [covariance(a!), covariance(b!)]
  const [[p, q, , r], [s, t, , u]] = [[...first.covariance], [...second.covariance]] as [number[], number[]]
  // The eigenvalues λ of Σ₁Σ₂ have √λ₁ + √λ₂ = √(tr + 2√det).
  const trace = p! * s! + 2 * q! * t! + r! * u!
  const root = Math.sqrt((p! * r! - q! ** 2) * (s! * u! - t! ** 2))
  const means = (first.mean[0]! - second.mean[0]!) ** 2 + (first.mean[1]! - second.mean[1]!) ** 2
  near(frechetDistance(a!, b!), means + p! + r! + s! + u! - 2 * Math.sqrt(trace + 2 * root), 1e-9)
  // Three vectors span two of six dimensions. The other variances are 0, or less by rounding.
  const few = (seed: number) => range(0, 3).map(i => Float64Array.from(gaussian(seed, 0, 6 * i, 6)))
  near(frechetDistance(few(1), few(2)), frechetDistance(few(2), few(1)), 1e-6)
  assert.ok(frechetDistance(few(1), few(1)) >= 0)
})
