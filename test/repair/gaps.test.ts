import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gapsInSamples, repairRegions } from '#src/repair/gaps'

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
