import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinGaps } from '#src/repair/join'

test('joinGaps fades by a raised cosine from the recording to the generated audio', () => {
  const recording = new Float32Array(30).fill(1)
  joinGaps(recording, new Float32Array(20).fill(3), 5, [{ start: 12, end: 15 }], 3)
  assert.deepEqual([...recording.subarray(12, 15)], [3, 3, 3])
  assert.deepEqual([...recording.subarray(0, 9)], Array(9).fill(1))
  assert.deepEqual([...recording.subarray(18)], Array(12).fill(1))
  const fade = [1, 2, 3].map(distance => 1 + 2 * (0.5 + 0.5 * Math.cos((Math.PI * distance) / 4)))
  fade.forEach((value, i) => {
    assert.ok(Math.abs(recording[11 - i]! - value) < 1e-6)
    assert.ok(Math.abs(recording[15 + i]! - value) < 1e-6)
  })
})
