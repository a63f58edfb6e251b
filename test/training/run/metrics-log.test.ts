import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cutMetrics } from '#src/training/run/metrics-log'
import { scratchFolder } from '../../support/scratch.js'

const scratch = scratchFolder('metrics-log')

describe('cutMetrics', () => {
  test('keeps the events up to a step, and drops a half-written line', async () => {
    const path = join(scratch, 'metrics.jsonl')
    const lines = Array.from({ length: 5000 }, (_, step) => JSON.stringify({ step, loss: 1 / (step + 1) }))
    writeFileSync(path, `${lines.join('\n')}\nnull\n{"step":1,"lo`)
    await cutMetrics(scratch, 3999)
    assert.equal(readFileSync(path, 'utf8'), `${lines.slice(0, 4000).join('\n')}\n`)
    await cutMetrics(scratch, -1)
    assert.equal(readFileSync(path, 'utf8'), '')
  })

  test('does nothing without a log, and refuses a folder in its place', async () => {
    const folder = join(scratch, 'run')
    mkdirSync(folder)
    await cutMetrics(folder, 1)
    mkdirSync(join(folder, 'metrics.jsonl'))
    await assert.rejects(cutMetrics(folder, 1), { code: 'NOT_A_FILE' })
  })
})
