/** The MDCT against its definition, as an orthonormal map with an exact inverse, and the inverse piece by piece. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Mdct, MdctSynthesis } from '#src/audio/transforms/mdct'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian, uniformInteger } from '#src/core/random'
import { relativeError } from '../../support/numbers.js'

const sizes = fc.record({
  bands: fc.constantFrom(4, 8, 32, 256),
  blocks: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(),
})

test('an inner block is Σ w_n·x_n·cos(π/N·(n + ½ − N/2)(k + ½)), w the sine window', () => {
  const [bands, blocks] = [16, 5]
  const samples = gaussian(1, 0, 0, bands * blocks)
  const coefficients = new Mdct(bands).forward(samples)
  for (let block = 1; block < blocks - 1; block++) {
    for (let k = 0; k < bands; k++) {
      let sum = 0
      for (let n = 0; n < 2 * bands; n++) {
        const window = Math.sin((Math.PI * (n + 0.5)) / (2 * bands))
        const cosine = Math.cos((Math.PI / bands) * (n + 0.5 - bands / 2) * (k + 0.5))
        sum += samples[block * bands - bands / 2 + n]! * window * cosine
      }
      assert.ok(Math.abs(Math.sqrt(2 / bands) * sum - coefficients[block * bands + k]!) < 1e-6)
    }
  }
})

test('the transform keeps the energy, and the inverse returns all samples', () => {
  fc.assert(
    fc.property(sizes, ({ bands, blocks, seed }) => {
      const mdct = new Mdct(bands)
      const samples = gaussian(seed, 0, 0, bands * blocks)
      const coefficients = mdct.forward(samples)
      const energy = (values: Float32Array) => values.reduce((sum, x) => sum + x * x, 0)
      assert.ok(Math.abs(energy(coefficients) / energy(samples) - 1) < 1e-6)
      assert.ok(relativeError(mdct.inverse(coefficients), samples) < 1e-6)
    }),
  )
})

test('the inverse in pieces has the bytes of the inverse of the whole', () => {
  fc.assert(
    fc.property(sizes, ({ bands, blocks, seed }) => {
      const mdct = new Mdct(bands)
      const coefficients = gaussian(seed, 0, 0, bands * blocks)
      const synthesis = new MdctSynthesis(mdct)
      const pieces: Float32Array[] = []
      for (let at = 0, draw = 0; at < blocks; draw++) {
        const end = Math.min(blocks, at + uniformInteger(seed, 1, draw, 4))
        pieces.push(synthesis.push(coefficients.subarray(at * bands, end * bands), false))
        at = end
      }
      pieces.push(synthesis.push(new Float32Array(0), true))
      assert.deepEqual(concatenateAudio(pieces), mdct.inverse(coefficients))
    }),
  )
})
