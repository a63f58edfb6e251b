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

test('joinGaps takes no longer per sample if the gaps are many, whose fades overlap', () => {
  const gaps = Array.from({ length: 4000 }, (_, i) => ({ start: 10 * i + 5, end: 10 * i + 7 }))
  const recording = new Float32Array(40_000)
  const start = performance.now()
  joinGaps(recording, new Float32Array(40_000).fill(1), 0, gaps, 20)
  assert.ok(performance.now() - start < 1000)
  const share = (distance: number) => 0.5 + 0.5 * Math.cos((Math.PI * distance) / 21)
  for (let sample = 0; sample < 100; sample++) {
    const nearest = Math.min(
      ...gaps.slice(0, 20).map(({ start, end }) => Math.max(0, start - sample, sample - end + 1)),
    )
    assert.ok(Math.abs(recording[sample]! - share(nearest)) < 1e-6, `sample ${sample}`)
  }
})
