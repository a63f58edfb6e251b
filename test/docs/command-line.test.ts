/** docs/command-line.md matches the definitions of the commands. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { commands } from '#src/cli/commands'
import { inRepository } from '../support/paths.js'

test('the reference in docs/command-line.md is up to date', () => {
  const args = [inRepository('scripts/command-docs.mjs'), '--check']
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('an option has the name of its long flag, and a phrase that ends in its default', () => {
  for (const { name, summary, options, examples } of commands) {
    assert.match(summary, /^(?!An? |The )[A-Z].*[^.]$/, name)
    assert.ok(examples.every(line => line.startsWith(`diffwave ${name}`)))
    for (const [key, { flags, description }] of Object.entries(options)) {
      const [, long] = /--(?:no-)?([a-z-]+)/.exec(flags)!
      assert.equal(
        long!.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
        key,
        `${name} ${flags}`,
      )
      assert.doesNotMatch(description, /^(of|in place of|likewise)\b|\.$|\(default: .*[^)]$/, `${name} ${flags}`)
    }
  }
})
