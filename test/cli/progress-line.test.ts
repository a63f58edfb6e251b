/** The line of progress in terminals of any width. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { progressLine } from '#src/cli/progress-line'

const bar = (width: number) => '='.repeat(width)
const line = (label: string, columns: number) => progressLine(label, bar, '12% 3m5s', columns)

test('a line of progress shows its figures in a narrow terminal, and the end of a long name', () => {
  const name = 'corpus/speakers/anna/chapter-12/recording-0007.wav'
  assert.equal(line('a.wav', 80), `a.wav ${bar(40)} 12% 3m5s`)
  assert.equal(line(name, 80), `${name} ${bar(19)} 12% 3m5s`)
  assert.equal(line(name, 40), `…recording-0007.wav ${bar(10)} 12% 3m5s`)
  for (const columns of [24, 30, 40, 80, 200]) {
    for (const label of ['a.wav', name]) assert.ok(line(label, columns).length < columns, `${label} in ${columns}`)
  }
})
