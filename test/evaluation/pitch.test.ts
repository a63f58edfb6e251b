/** Pitch tracking. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { trackPitch } from '#src/evaluation/pitch'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'
import { noise, voice } from '../support/sounds.js'

test('tracks sines and voices within 1 %, also in noise, and finds no pitch in noise', () => {
  const tracked = (samples: Float32Array) => {
    const frequencies = [...trackPitch(samples, COMPARED_RATE).frequencies].slice(8, -8)
    assert.ok(frequencies.length > 20, `${frequencies.length} frames`)
    return frequencies
  }
  for (const frequency of [70, 110, 220.5, 440, 580]) {
    const sine = Float32Array.from(
      { length: 11_025 },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * frequency * i) / COMPARED_RATE),
    )
    for (const found of tracked(sine)) assert.ok(Math.abs(found / frequency - 1) < 0.01, `${found} of ${frequency}`)
    const hoarse = voice(() => frequency, 11_025).map((x, i) => x + 0.03 * gaussian(3, 0, i, 1)[0]!)
    for (const found of tracked(hoarse))
      assert.ok(Math.abs(found / frequency - 1) < 0.01, `${found} of ${frequency}, hoarse`)
  }
  assert.ok(tracked(noise(4, 22_050)).filter(found => found > 0).length < 10)
  assert.ok(tracked(new Float32Array(22_050)).every(found => found === 0))
})
