import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bridgeMel } from '#src/repair/bridge-mel'
import { gapsInSamples, repairRegions } from '#src/repair/gaps'
import { joinGaps } from '#src/repair/join'

const convention = { hop: 10, windowLength: 40, framing: 'centre' } as const

test('frames whose window touches a gap are linear between those that do not, held at the ends', () => {
  const frames = 12
  const data = Float32Array.from({ length: 2 * frames }, (_, i) => (i < frames ? i : 100 - 3 * (i - frames)))
  const spoilt = data.slice()
  // A gap at samples 45 … 54 touches the windows of frames 3 to 7.
  for (const frame of [3, 4, 5, 6, 7]) {
    spoilt[frame] = -50
    spoilt[frames + frame] = 999
  }
  const bridged = bridgeMel({ data: spoilt, bands: 2, frames }, convention, [{ start: 45, end: 55 }])!
  bridged.data.forEach((value, i) => {
    assert.ok(Math.abs(value - data[i]!) < 1e-5)
  })
  const atStart = bridgeMel({ data, bands: 2, frames }, convention, [{ start: 0, end: 5 }])!
  assert.deepEqual([...atStart.data.subarray(0, 4)], [3, 3, 3, 3])
  const atEnd = bridgeMel({ data, bands: 2, frames }, convention, [{ start: 100, end: 120 }])!
  assert.deepEqual([...atEnd.data.subarray(7, 12)], [7, 8, 8, 8, 8])
  assert.equal(bridgeMel({ data, bands: 2, frames }, convention, [{ start: 10, end: 110 }]), null)
})

test('gaps become samples, joined where they touch; regions reach around them and join where they meet', () => {
  const gaps = gapsInSamples(
    [
      { start: 0.5, end: 0.6 },
      { start: 0.1, end: 0.15 },
      { start: 0.15, end: 0.2 },
    ],
    1000,
    1000,
  )
  assert.deepEqual(gaps, [
    { start: 100, end: 200 },
    { start: 500, end: 600 },
  ])
  assert.deepEqual(repairRegions(gaps, 1000, 50, 16), [
    { start: 48, end: 256, gaps: [gaps[0]] },
    { start: 448, end: 656, gaps: [gaps[1]] },
  ])
  assert.deepEqual(repairRegions(gaps, 610, 150, 16), [{ start: 0, end: 624, gaps }])
})

test('a fade is a raised cosine from the recording to what was made', () => {
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
