/** `diffwave doctor` on the command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { called } from '../support/process.js'

test('doctor lists each engine, with a reason if it is not available', () => {
  const { status, stdout } = called(['--json', 'doctor'])
  assert.equal(status, 0)
  const { engines } = JSON.parse(stdout) as { engines: { name: string; available: boolean; reason: string }[] }
  assert.equal(engines.find(engine => engine.name === 'tensorflow:wasm')!.available, true)
  for (const engine of engines) assert.equal(engine.reason === '', engine.available, engine.name)
})
