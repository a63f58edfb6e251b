/** Onset rate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gaussian } from '#src/core/random'
import { clipPattern, patternConvention, recordingPattern } from '#src/evaluation/generator/clip-pattern'
import { onsetRate } from '#src/evaluation/generator/onsets'
import { MELODY_RATE, melody, near } from '../../support/sounds.js'

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
