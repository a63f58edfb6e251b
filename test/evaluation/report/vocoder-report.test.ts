/** What `diffwave evaluate` prints about a vocoder. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vocoderLines } from '#src/evaluation/report/vocoder-report'
import { type Measure, type Measurements, measures } from '#src/evaluation/vocoder/measures'

test('a line has a measure with its unit, and a number below the name of each system', () => {
  const keys = Object.keys(measures) as Measure[]
  const means = (logMel: number): Measurements => ({
    ...(Object.fromEntries(keys.map(key => [key, null])) as Measurements),
    logMel,
    level: -0.25,
  })
  const systems = ['speech', 'speech, last layer zeroed']
  const overall = new Map(systems.map((system, i) => [system, means(0.061 + i)]))
  const file = { name: 'a', seconds: 2, melGiven: false, measurements: overall, audio: new Map() }
  const lines = vocoderLines({
    systems,
    overall,
    files: [{ ...file, lengthDifferences: new Map() }],
    leftOut: [],
    seconds: 2,
  })
  assert.deepEqual(lines, [
    '1 recording, 2.0 s. Voicing F1 is best at 1, all others at 0.',
    '                                        speech, last',
    '                                speech  layer zeroed',
    'log-mel distance, nepers         0.061          1.06',
    'level difference, dB            -0.250        -0.250',
  ])
})
