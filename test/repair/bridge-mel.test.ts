import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bridgeMel } from '#src/repair/bridge-mel'

const convention = { hop: 10, windowLength: 40, framing: 'centre' } as const

test('frames that touch a gap are interpolated, and are constant at the ends', () => {
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
  // Frames 1 to 4 touch the first gap, 7 to 10 the second.
  const spoiltTwice = data.map((x, i) => ([1, 2, 3, 4, 7, 8, 9, 10].includes(i % frames) ? 500 : x))
  const bridgedTwice = bridgeMel({ data: spoiltTwice, bands: 2, frames }, convention, [
    { start: 25, end: 30 },
    { start: 85, end: 90 },
  ])!
  bridgedTwice.data.forEach((value, i) => {
    assert.ok(Math.abs(value - data[i]!) < 1e-4)
  })
  // With the windows of `edge`, which lie half a hop later, frames 3 to 6 touch the gap.
  const later = bridgeMel({ data: spoilt, bands: 2, frames }, { ...convention, framing: 'edge' }, [
    { start: 45, end: 55 },
  ])!
  assert.deepEqual([...later.data.subarray(2, 8)], [2, -8.4, -18.8, -29.2, -39.6, -50].map(Math.fround))
})

test('no frame is compared with every gap', () => {
  const frames = 1200
  let compared = 0
  const gaps = Array.from({ length: 400 }, (_, i) => ({
    start: 30 * i + 15,
    get end() {
      compared++
      return 30 * i + 16
    },
  }))
  bridgeMel({ data: new Float32Array(frames), bands: 1, frames }, { ...convention, windowLength: 10 }, gaps)
  assert.ok(compared <= 2 * (frames + gaps.length), `${compared} comparisons`)
})
