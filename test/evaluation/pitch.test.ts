/** Pitch tracking. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { trackPitch } from '#src/evaluation/pitch'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'
import { noise, voice } from '../support/sounds.js'

test('tracks sines within 0.1 %, voices in noise within 1 %, and finds no pitch in noise', () => {
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
    // The nearest whole number of samples would be 0.2 % off at 440 Hz.
    for (const found of tracked(sine)) assert.ok(Math.abs(found / frequency - 1) < 0.001, `${found} of ${frequency}`)
    const hoarse = voice(() => frequency, 11_025).map((x, i) => x + 0.03 * gaussian(3, 0, i, 1)[0]!)
    for (const found of tracked(hoarse))
      assert.ok(Math.abs(found / frequency - 1) < 0.01, `${found} of ${frequency}, hoarse`)
  }
  assert.ok(tracked(noise(4, 22_050)).filter(found => found > 0).length < 10)
  assert.ok(tracked(new Float32Array(22_050)).every(found => found === 0))
})

test('a voice counts as silence if it is more than 45 dB below the loudest', () => {
  const own = voice(() => 200, 22_050)
  const voiced = (decibels: number) => {
    const samples = own.map((x, i) => (i < 11_025 ? x : x * 10 ** (decibels / 20)))
    const { frequencies, salience } = trackPitch(samples, COMPARED_RATE)
    return [frequencies.slice(60, -8).every(found => found > 0), salience.slice(60, -8).every(share => share > 0.9)]
  }
  assert.deepEqual(
    [voiced(-40), voiced(-50)],
    [
      [true, true],
      [false, false],
    ],
  )
})

test('a few rough periods of a voice are not taken for an octave', () => {
  // Every second period of a tenth of a second is softer.
  const rough = voice(() => 200).map((x, i) => {
    const period = Math.floor((200 * i) / COMPARED_RATE)
    return period >= 80 && period < 100 && period % 2 === 1 ? 0.65 * x : x
  })
  for (const found of trackPitch(rough, COMPARED_RATE).frequencies.slice(8, -8)) {
    assert.ok(Math.abs(found / 200 - 1) < 0.01, String(found))
  }
})
