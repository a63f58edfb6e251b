import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { gaussian } from '#src/core/random'
import { diffuse } from '#src/diffusion/forward'
import { predictedNoise, predictionTarget } from '#src/diffusion/prediction'

describe('predictions', () => {
  test('of a perfect network give the true ε, in every parameterisation', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 0.999, noNaN: true }), fc.nat(1000), (alphaBar, seed) => {
        const clean = gaussian(seed, 0, 0, 50)
        const noise = gaussian(seed, 1, 0, 50)
        const x = diffuse(clean, noise, alphaBar)
        for (const prediction of ['epsilon', 'v', 'x0'] as const) {
          const found = predictedNoise(prediction, predictionTarget(prediction, clean, noise, alphaBar), x, alphaBar)
          found.forEach((eps, i) => {
            assert.ok(Math.abs(eps - noise[i]!) < 1e-5)
          })
        }
      }),
    )
  })

  test('of v are the noise at ᾱ = 1, and the negated signal at ᾱ = 0', () => {
    const [clean, noise] = [Float32Array.of(0.5), Float32Array.of(-2)]
    assert.deepEqual(predictionTarget('v', clean, noise, 1), Float32Array.of(-2))
    assert.deepEqual(predictionTarget('v', clean, noise, 0), Float32Array.of(-0.5))
  })
})
