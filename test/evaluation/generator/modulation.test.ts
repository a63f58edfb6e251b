/** Modulation features of time-frequency patterns. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { Modulation } from '#src/evaluation/generator/modulation'
import { near } from '../../support/sounds.js'

const [frames, bands] = [20, 8]

test('the distance of all features is the root mean square difference of the patterns', () => {
  const modulation = new Modulation(frames, bands, frames, bands)
  const [a, b] = [0, 1].map(draw => ({ data: gaussian(1, draw, 0, frames * bands), bands, frames }))
  const [own, other] = [modulation.features(a!), modulation.features(b!)]
  const squares = a!.data.reduce((sum, x, i) => sum + (x - b!.data[i]!) ** 2, 0)
  near(Math.hypot(...own.map((x, i) => x - other[i]!)), Math.sqrt(squares / (frames * bands)), 1e-6)
})

test('a cosine over time and bands is one feature, whose sign tells its direction', () => {
  const modulation = new Modulation(frames, bands, 5, 4)
  const wave = (sign: number) => ({
    data: Float32Array.from({ length: frames * bands }, (_, i) => {
      const [frame, band] = [Math.floor(i / bands), i % bands]
      return sign * Math.cos((Math.PI * 3 * (frame + 0.5)) / frames) * Math.cos((Math.PI * 2 * (band + 0.5)) / bands)
    }),
    bands,
    frames,
  })
  for (const sign of [1, -1]) {
    const features = modulation.features(wave(sign))
    assert.equal(features.length, 5 * 4)
    // The root mean square of the product of two cosines is a half.
    for (const [i, feature] of features.entries()) near(feature, i === 3 * 4 + 2 ? sign / 2 : 0, 1e-6)
  }
})
