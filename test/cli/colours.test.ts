/** When messages have colours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usesColours } from '#src/cli/colours'
import { diffwave } from '../support/process.js'

test('colours follow NO_COLOR, then FORCE_COLOR, then the terminal', () => {
  for (const [environment, onTerminal, elsewhere] of [
    [{}, true, false],
    [{ TERM: 'dumb' }, false, false],
    [{ FORCE_COLOR: '1' }, true, true],
    [{ FORCE_COLOR: 'true', TERM: 'dumb' }, true, true],
    [{ FORCE_COLOR: '0' }, false, false],
    [{ FORCE_COLOR: '' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, false, false],
    [{ NO_COLOR: '', FORCE_COLOR: '1' }, true, true],
  ] as const) {
    const found = [usesColours(environment, true), usesColours(environment, false)]
    assert.deepEqual(found, [onTerminal, elsewhere], JSON.stringify(environment))
  }
})

test('FORCE_COLOR colours the errors of a pipe', () => {
  const { stderr } = diffwave(['no-such-command'], { env: { FORCE_COLOR: '1', NO_COLOR: '' } })
  assert.ok(stderr.startsWith('\u001b[31merror[BAD_OPTION]:\u001b[39m'), stderr)
})
