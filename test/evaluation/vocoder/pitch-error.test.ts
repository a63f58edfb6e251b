/** F0 error and voicing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trackPitch } from '#src/evaluation/pitch'
import { COMPARED_RATE } from '#src/evaluation/vocoder/measures'
import { pitchError } from '#src/evaluation/vocoder/pitch-error'
import { near, voice } from '../../support/sounds.js'

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

test('counts a fifth of the original’s pitch as gross, over the frames that both call voiced', () => {
  const track = (...frequencies: number[]) => {
    return { frequencies: Float64Array.from(frequencies), salience: new Float64Array(frequencies.length), hop: 220 }
  }
  const [a, b] = [track(100, 100, 100, 100, 0), track(119, 122, 79, 0, 100, 100)]
  const up = 1200 * (Math.log2(1.19) + Math.log2(1.22) - Math.log2(0.79))
  for (const [found, expected] of [
    [pitchError(a, b).grossShare, 2 / 3],
    [pitchError(a, b).voicingF1, 6 / 8],
    [pitchError(a, b).cents, up / 3],
    [pitchError(a, b).hertz, Math.sqrt((19 ** 2 + 22 ** 2 + 21 ** 2) / 3)],
    // 19 of 119 Hz, 22 of 122 Hz, and 21 of 79 Hz.
    [pitchError(b, a).grossShare, 1 / 3],
  ] as const) {
    near(found!, expected, 1e-9)
  }
  assert.deepEqual(pitchError(track(0), track(0)), { cents: null, hertz: null, grossShare: null, voicingF1: null })
})
