import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gapsInSamples, repairRegions, shareOf } from '#src/repair/gaps'

test('gaps that touch are merged, and so are regions that meet', () => {
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

test('a gap may end a sample late by rounding, and holds at least one sample', () => {
  assert.deepEqual(gapsInSamples([{ start: 0.9, end: 1.001 }], 1000, 1000), [{ start: 900, end: 1000 }])
  assert.throws(() => gapsInSamples([{ start: 0.9, end: 1.0011 }], 1000, 1000), { code: 'BAD_OPTION' })
  assert.deepEqual(gapsInSamples([{ start: 0.5, end: 0.5001 }], 1000, 1000), [{ start: 500, end: 501 }])
  assert.deepEqual(gapsInSamples([{ start: 0.9997, end: 1 }], 1000, 1000), [{ start: 999, end: 1000 }])
})

test('the share of made audio is 1 in a gap, and falls alike on both sides', () => {
  const gap = { start: 10, end: 20 }
  assert.deepEqual(
    [10, 19].map(sample => shareOf(gap, sample, 3)),
    [1, 1],
  )
  for (let distance = 1; distance <= 4; distance++) {
    const [before, after] = [shareOf(gap, 10 - distance, 3), shareOf(gap, 19 + distance, 3)]
    assert.equal(before, after)
    assert.ok(distance > 3 ? before === 0 : before > 0 && before < 1, `${distance}: ${before}`)
  }
})
