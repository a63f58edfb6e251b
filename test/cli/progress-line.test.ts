/** The line of progress in terminals of any width. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveLine, progressLine } from '#src/cli/progress-line'

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

test('a line that is replaced never wraps, and ends before what follows', context => {
  const written: string[] = []
  const columns = process.stderr.columns
  process.stderr.columns = 20
  context.mock.method(process.stderr, 'write', (text: string) => written.push(text))
  const live = new LiveLine()
  live.show('step 7/1000000  loss 0.1234')
  live.clear()
  live.show('step 8')
  live.end()
  live.end()
  context.mock.restoreAll()
  process.stderr.columns = columns
  assert.deepEqual(written, ['\rstep 7/1000000  los\u001b[K', '\r\u001b[K', '\rstep 8\u001b[K', '\n'])
})
