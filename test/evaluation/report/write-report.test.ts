/** A report is written whole, or not at all. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { page } from '#src/evaluation/report/html'
import { writeReport } from '#src/evaluation/report/write-report'
import { scratchFolder } from '../../support/scratch.js'

test('a signal that fired while the page was made leaves the earlier report', async () => {
  const path = join(scratchFolder('write-report'), 'report.html')
  await writeReport(path, page('first', ''))
  await assert.rejects(writeReport(path, page('second', ''), AbortSignal.abort()), { code: 'ABORTED' })
  assert.match(readFileSync(path, 'utf8'), /<title>first/)
})
