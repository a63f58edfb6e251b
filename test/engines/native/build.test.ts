/** Building the addon: what ends it, and when. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { buildAddon } from '#src/engines/native/build'
import { inRepository } from '../../support/paths.js'
import { scratch } from '../../support/process.js'

const files = scratch()

/** A compiler that knows all flags, notes each source that it begins and ends, and fails at one of them. */
function compiler(): { readonly path: string; readonly notes: () => readonly string[] } {
  const [path, log] = [files.at('compiler'), files.at('log')]
  rmSync(log, { force: true })
  writeFileSync(
    path,
    `#!/bin/sh
case "$*" in
  *--version*|*-fsyntax-only*) exit 0 ;;
  *pool.cc*) echo 'pool.cc: error: no' >&2; exit 1 ;;
esac
echo begun >> '${log}'
sleep 0.3
for output; do :; done
echo object > "$output" 2>> '${log}'
echo ended >> '${log}'
`,
    { mode: 0o755 },
  )
  return { path, notes: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) }
}

const skip = process.platform === 'win32' && 'the compiler is a shell script'

describe('a compile error', () => {
  test('is reported after all running compilers have ended, and no more are started', { skip }, async () => {
    const { path, notes } = compiler()
    const out = files.at('diffwave.node')
    await assert.rejects(buildAddon({ compiler: path, out }), {
      code: 'ENGINE_UNAVAILABLE',
      message: /pool\.cc: error: no/,
    })
    const atOnce = notes()
    assert.equal(
      atOnce.filter(note => note === 'begun').length,
      atOnce.filter(note => note === 'ended').length,
      atOnce.join(', '),
    )
    await delay(500)
    assert.deepEqual(notes(), atOnce)
    assert.ok(!readdirSync(files.folder).some(name => name.endsWith('.new')))
  })
})

const noCompiler = spawnSync('g++', ['--version']).status !== 0 && 'there is no g++'

test('the native test program compiles', { skip: noCompiler }, () => {
  const folder = inRepository('native/test')
  const sources = readdirSync(folder).filter(name => name.endsWith('.cc'))
  // As one unit, since the headers take longer than the tests.
  const input = sources.map(name => `#include ${JSON.stringify(join(folder, name))}\n`).join('')
  const args = ['-std=c++17', '-fsyntax-only', '-x', 'c++', '-']
  const { status, stderr } = spawnSync('g++', args, { input, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('a place that cannot be written is an error before anything is compiled', { skip }, async () => {
  const { path, notes } = compiler()
  const out = `${files.put('file', '')}/diffwave.node`
  await assert.rejects(buildAddon({ compiler: path, out }), { code: 'NOT_A_DIRECTORY' })
  assert.deepEqual(notes(), [])
})
