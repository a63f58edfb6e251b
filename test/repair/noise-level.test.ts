import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { estimateNoise, noiseOfRatio } from '#src/repair/noise-level'

test('estimateNoise measures the white noise in the pauses of a recording', () => {
  const noise = gaussian(2, 0, 0, 16_000).map(z => 0.01 * z)
  // Bursts of a tone, half of the time.
  const samples = noise.map((z, i) => z + (i % 4000 < 2000 ? 0.3 * Math.sin(i / 5) : 0))
  assert.ok(Math.abs(estimateNoise(samples, 16_000) / 0.01 - 1) < 0.1, String(estimateNoise(samples, 16_000)))
  assert.equal(estimateNoise(Float32Array.of(0.5), 16_000), 0.5)
  assert.equal(estimateNoise(new Float32Array(4000), 16_000), 0)
  // Of coloured noise only what could be white: a first-order low-pass with a pole at 0.9 has a flatness of 1 − 0.81.
  const dull = noise.slice()
  for (let i = 1; i < dull.length; i++) dull[i] = 0.9 * dull[i - 1]! + noise[i]!
  assert.ok(Math.abs(estimateNoise(dull, 16_000) / 0.01 - 1) < 0.2, String(estimateNoise(dull, 16_000)))
  assert.throws(() => estimateNoise(new Float32Array(0), 16_000), { code: 'BAD_AUDIO' })
})

test('noiseOfRatio divides the power of a noisy recording by its signal-to-noise ratio', () => {
  const noisy = gaussian(2, 0, 0, 16_000).map(z => 0.01 * z)
  assert.ok(Math.abs(noiseOfRatio(noisy, 0) - 0.01 / Math.SQRT2) < 1e-4)
  // 20 dB: one part in 101 of the power is noise.
  assert.ok(Math.abs(noiseOfRatio(noisy, 20) - 0.01 / Math.sqrt(101)) < 1e-5)
})
