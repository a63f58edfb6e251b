/** Level differences between a copy and its original. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { levelDifferences } from '#src/evaluation/vocoder/levels'
import { near, noise } from '../../support/sounds.js'

const RATE = 24_000
/** A tone at 1 kHz for a second, the last fifth of it at −37 dB, then a second of hiss at −60 dB. */
const hiss = noise(1, RATE, 0.0005)
const original = Float32Array.from({ length: 2 * RATE }, (_, i) =>
  i < RATE ? (i < 0.8 * RATE ? 0.7 : 0.01) * Math.sin((2 * Math.PI * 1000 * i) / RATE) : hiss[i - RATE]!,
)

describe('the level difference', () => {
  test('is that of the gain, as a whole, in pauses and above 8 kHz', () => {
    const { whole, pauses, high, centroid } = levelDifferences(
      original,
      original.map(x => x / 2),
      RATE,
    )
    for (const decibels of [whole, pauses, high]) near(decibels!, 20 * Math.log10(0.5), 1e-3)
    near(centroid, 0, 1e-3)
  })

  test('shows louder hiss in the pauses alone', () => {
    const made = original.map((x, i) => (i < RATE ? x : 10 * x))
    const { whole, pauses } = levelDifferences(original, made, RATE)
    near(pauses!, 20, 0.5)
    near(whole!, 0, 0.01)
  })

  test('shows sound above 8 kHz that the original lacks', () => {
    const made = original.map((x, i) => x + 0.01 * Math.sin((2 * Math.PI * 10_000 * i) / RATE))
    const { whole, high, centroid } = levelDifferences(original, made, RATE)
    assert.ok(high! > 10, String(high))
    assert.ok(centroid > 0, String(centroid))
    near(whole!, 0, 0.01)
  })

  test('is null where there is nothing to compare', () => {
    const tone = original.slice(0, RATE)
    assert.equal(levelDifferences(tone, tone, RATE).pauses, null)
    assert.equal(levelDifferences(original, original, 16_000).high, null)
    const silence = new Float32Array(original.length)
    for (const pair of [
      [original, silence],
      [silence, original],
    ] as const) {
      const { whole, high } = levelDifferences(...pair, RATE)
      assert.deepEqual([whole, high], [null, null])
    }
  })
})
