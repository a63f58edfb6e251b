import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resample } from '#src/audio/resample'
import { joinGaps, repairable } from '#src/repair/at-model-rate'

const prepared = (samples: Float32Array, sampleRate: number, modelRate: number, gaps = [{ start: 4000, end: 6000 }]) =>
  repairable({ samples, sampleRate, modelRate, gaps, fade: 0, signal: undefined })

test('known samples beside a gap are those of the whole recording, but for a little ringing', async () => {
  for (const [sampleRate, modelRate] of [
    [44_100, 16_000],
    [16_000, 22_050],
  ] as const) {
    const whole = Float32Array.from({ length: 12_000 }, (_, i) => 0.5 * Math.cos((2 * Math.PI * 50 * i) / sampleRate))
    const expected = (await resample({ samples: whole, sampleRate }, modelRate)).samples
    const damaged = whole.slice().fill(0, 4000, 6000)
    const recording = prepared(damaged, sampleRate, modelRate)
    const [gap] = recording.gaps
    const start = gap!.start - 500
    const read = await recording.read(start, gap!.end + 500)
    const errors = read.map((x, i) => Math.abs(x - expected[start + i]!))
    const known = [...errors.subarray(0, 500), ...errors.subarray(-500)]
    // With silence in the gap, it is 0.046 at 44,100 Hz.
    assert.ok(Math.max(...known) < 0.01, `${sampleRate} Hz: ${Math.max(...known)}`)
    assert.ok(Math.max(...errors.subarray(0, 400), ...errors.subarray(-400)) < 1e-5)
  }
})

test('a gap has all samples that lie between lost ones or beside one, and no others', () => {
  const gaps = [
    { start: 0, end: 3 },
    { start: 200, end: 220 },
    { start: 301, end: 302 },
    { start: 304, end: 400 },
  ]
  const half = prepared(new Float32Array(401), 16_000, 8000, gaps)
  assert.deepEqual(half.gaps, [
    { start: 0, end: 2 },
    { start: 100, end: 110 },
    { start: 151, end: 200 },
  ])
  const twice = prepared(new Float32Array(500), 8000, 16_000, gaps)
  assert.deepEqual(twice.gaps[1], { start: 399, end: 440 })
  assert.equal(twice.gaps.length, 4)
})

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
