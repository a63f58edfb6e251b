/** Periodicity error. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trackPitch } from '#src/evaluation/pitch'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'
import { periodicityError } from '#src/evaluation/vocoder/periodicity-error'
import { near, noise, voice } from '../../support/sounds.js'

const track = (samples: Float32Array) => trackPitch(samples, COMPARED_RATE)
const clean = voice(() => 150)
const hoarse = (amount: number) => {
  const breath = noise(3, clean.length, amount)
  return clean.map((x, i) => x + breath[i]!)
}

test('the error is the root mean square of the difference in periodicity', () => {
  const [a, b] = [
    { frequencies: new Float64Array(4), salience: Float64Array.of(1, 0.5, 0, 1), hop: 220 },
    { frequencies: new Float64Array(4), salience: Float64Array.of(0.5, 0.5, 0, 0.5, 0.9), hop: 220 },
  ]
  near(periodicityError(a, b), Math.sqrt((0.25 + 0.25) / 4), 1e-12)
  near(periodicityError(b, a), periodicityError(a, b), 1e-12)
})

test('the error is 0 for a copy, and grows with the breath in a voice', () => {
  assert.equal(periodicityError(track(clean), track(clean)), 0)
  const errors = [0.01, 0.03, 0.1].map(amount => periodicityError(track(clean), track(hoarse(amount))))
  assert.ok(errors[0]! < errors[1]! && errors[1]! < errors[2]!, String(errors))
  assert.ok(errors[0]! < 0.05 && errors[2]! > 0.2, String(errors))
})
