/** A short run of the fuzzer. `npm run fuzz` runs it longer. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { inRepository } from '../support/paths.js'

test('mutated files of every format are read or refused with a code', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [inRepository('scripts/fuzz.mjs'), '--inputs', '200', '--seconds', '100', '--seed', '1', '--jobs', '1'],
    { encoding: 'utf8' },
  )
  assert.equal(status, 0, stdout + stderr)
  const [, inputs, refused] = /(\d+) inputs, (\d+) refused, 0 findings/.exec(stdout) ?? []
  assert.ok(Number(inputs) >= 200, stdout)
  assert.ok(Number(refused) > 0 && Number(refused) < Number(inputs), stdout)
})
