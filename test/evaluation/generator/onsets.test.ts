/** Onset rate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { clipPattern, patternConvention, recordingPattern } from '#src/evaluation/generator/clip-pattern'
import { onsetRate } from '#src/evaluation/generator/onsets'
import { MELODY_RATE, melody, near, range } from '../../support/sounds.js'

test('counts four onsets a second in four tones a second, and almost none in noise', () => {
  const rate = (samples: Float32Array) => {
    const pattern = recordingPattern(samples, MELODY_RATE)
    return onsetRate(clipPattern(pattern, 0, pattern.frames), patternConvention(MELODY_RATE).hop / MELODY_RATE)
  }
  // Whether the first tone, which begins with the clip, is an onset of it is left open.
  near(rate(melody(1, 4)), 4, 0.26)
  assert.ok(rate(gaussian(1, 0, 0, 4 * MELODY_RATE).map(x => x * 0.1)) < 0.3)
  assert.equal(rate(new Float32Array(MELODY_RATE)), 0)
})

test('an onset rises by 2 dB in two frames, and is the highest one nearby', () => {
  /** Onsets in 2 s of bands whose levels rise by so many dB at these frames. */
  const count = (...bands: readonly Readonly<Record<number, number>>[]) => {
    const pattern = { data: new Float32Array(100 * bands.length), frames: 100, bands: bands.length }
    for (const [band, rises] of bands.entries()) {
      for (let frame = 0, level = -30; frame < 100; frame++) {
        level += rises[frame] ?? 0
        pattern.data[frame * bands.length + band] = level / 60
      }
    }
    return 2 * onsetRate(pattern, 0.02)
  }
  assert.deepEqual([count({ 20: 10 }), count({ 20: 1.9 }), count({ 20: 2.1 }), count({ 20: -10 })], [1, 0, 1, 0])
  assert.equal(count({ 20: 1.5, 21: 1.5 }), 1)
  // The mean over bands counts, and what falls does not.
  assert.deepEqual([count({ 20: 5 }, { 20: -5 }), count({ 20: 3 }, {})], [1, 0])
  // Of equal ones within 40 ms, only the first is an onset.
  assert.deepEqual([count({ 20: 15, 23: 15 }), count({ 20: 15, 25: 15 })], [1, 2])
  // A swell has no onset: the median within 200 ms rises as fast.
  const swell = Object.fromEntries(range(30, 40).map(frame => [frame, 1.2]))
  assert.equal(count(swell), 0)
})
