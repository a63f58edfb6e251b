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
  // With the windows of `edge`, which lie half a hop later, frames 3 to 6 touch the gap.
  const later = bridgeMel({ data: spoilt, bands: 2, frames }, { ...convention, framing: 'edge' }, [
    { start: 45, end: 55 },
  ])!
  assert.deepEqual([...later.data.subarray(2, 8)], [2, -8.4, -18.8, -29.2, -39.6, -50].map(Math.fround))
})
