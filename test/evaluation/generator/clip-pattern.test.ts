/** Time-frequency patterns of clips. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clipPattern, isSilent, recordingPattern, stretchedPattern } from '#src/evaluation/generator/clip-pattern'
import { MELODY_RATE, melody } from '../../support/sounds.js'

test('a pattern does not depend on level or leading silence, and silence is empty', () => {
  const sound = melody(3)
  const late = new Float32Array(MELODY_RATE + 640)
  late.set(
    sound.map(x => x / 4),
    640,
  )
  const at = (samples: Float32Array) => clipPattern(recordingPattern(samples, MELODY_RATE), 0, 100)
  const [a, b] = [at(sound), at(late)]
  // The first frame that sounds may hold only the first quarter of a window of it: two frames more or less.
  const differences = [0, 1, 2].map(shift => {
    let max = 0
    for (let i = 5 * 32; i < 90 * 32; i++) max = Math.max(max, Math.abs(a.data[i]! - b.data[i + shift * 32]!))
    return max
  })
  assert.ok(Math.min(...differences) < 0.02, String(differences))
  assert.ok(at(new Float32Array(MELODY_RATE)).data.every(x => x === -1))
})

test('a stretched pattern does not depend on silence before or after the sound', () => {
  const sound = melody(3)
  const amid = new Float32Array(2 * MELODY_RATE)
  amid.set(sound, 64 * 50)
  const at = (samples: Float32Array) => {
    const pattern = recordingPattern(samples, MELODY_RATE)
    return stretchedPattern(pattern, 0, pattern.frames, 50).data
  }
  const [alone, between] = [at(sound), at(amid)]
  const difference = alone.reduce((sum, x, i) => sum + Math.abs(x - between[i]!), 0) / alone.length
  assert.ok(difference < 0.05, String(difference))
})

test('a pattern begins at the first frame within 40 dB of the loudest, and ends 60 dB below it', () => {
  const levels = (...data: number[]) => ({ data: Float32Array.from(data), frames: data.length, bands: 1 })
  const sound = levels(-100, -45, -39, 0, -70, -41)
  const decibels = ({ data }: { readonly data: Float32Array }) => [...data].map(x => Math.round(600 * x) / 10)
  assert.deepEqual(decibels(clipPattern(sound, 0, 6)), [-39, 0, -60, -41, -60, -60])
  assert.deepEqual(decibels(clipPattern(sound, 3, 2)), [0, -60])
  assert.deepEqual(decibels(clipPattern(sound, 4, 4)), [-29, 0, -60, -60])
  // The audible part is frames 2 and 3.
  assert.deepEqual(decibels(stretchedPattern(sound, 0, 6, 3)), [-39, -19.5, 0])
  assert.deepEqual(decibels(stretchedPattern(sound, 0, 9, 1)), [-39])
  assert.deepEqual(decibels(stretchedPattern(sound, 0, 3, 2)), [-6, 0])
  const [quiet, silent] = [levels(-89, -89), levels(-91, -91, -50)]
  assert.deepEqual([isSilent(quiet, 0, 2), isSilent(silent, 0, 2), isSilent(silent, 1, 9)], [false, true, false])
  assert.deepEqual(
    [decibels(clipPattern(quiet, 0, 2)), decibels(clipPattern(silent, 0, 2))],
    [
      [0, 0],
      [-60, -60],
    ],
  )
})
