/** `diffwave doctor` on the command line. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import { run } from '#src/cli/actions/doctor'
import { called } from '../support/process.js'

test('doctor lists each engine, with a reason if it is not available', () => {
  const { status, stdout } = called(['--json', 'doctor'])
  assert.equal(status, 0)
  const { engines } = JSON.parse(stdout) as { engines: { name: string; available: boolean; reason: string }[] }
  assert.equal(engines.find(engine => engine.name === 'tensorflow:wasm')!.available, true)
  for (const engine of engines) assert.equal(engine.reason === '', engine.available, engine.name)
})

test('doctor names the packages of models that are not installed', async context => {
  context.mock.method(fs, 'readdirSync', () => [])
  syncBuiltinESMExports()
  const printed: unknown[] = []
  const result = (lines: readonly string[], value: object) => printed.push(...lines, JSON.stringify(value))
  await run({ result } as never).finally(() => {
    context.mock.restoreAll()
    syncBuiltinESMExports()
  })
  assert.ok(printed.includes('  music: not installed (npm install @diffwave/music)'))
  assert.equal(JSON.parse(String(printed.at(-1))).missing.music, '@diffwave/music')
})
