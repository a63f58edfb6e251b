/** F0 error and voicing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trackPitch } from '#src/evaluation/pitch'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'
import { pitchError } from '#src/evaluation/vocoder/pitch-error'
import { voice } from '../../support/sounds.js'

test('measures a shift of 50 cents, and a missing half as missing voicing', () => {
  const low = voice(t => 150 + 40 * t)
  const high = voice(t => (150 + 40 * t) * 2 ** (50 / 1200))
  const [a, b] = [low, high].map(samples => trackPitch(samples, COMPARED_RATE))
  const error = pitchError(a!, b!)
  assert.ok(Math.abs(error.cents! - 50) < 2, String(error.cents))
  assert.ok(Math.abs(error.hertz! - 170 * (2 ** (50 / 1200) - 1)) < 0.5, String(error.hertz))
  assert.equal(error.grossShare, 0)
  const half = low.map((x, i) => (i < low.length / 2 ? x : 0))
  const { voicingF1 } = pitchError(a!, trackPitch(half, COMPARED_RATE))
  // All found are right, half are missing: 2·½/(1 + ½).
  assert.ok(Math.abs(voicingF1! - 2 / 3) < 0.03, String(voicingF1))
})
