/** The note about the engine that runs a model. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { npyMel, smallVocoder } from '../support/cli-inputs.js'
import { inRepository } from '../support/paths.js'
import { called, scratch } from '../support/process.js'

const { folder, at, put } = scratch()

/** The package as it lies on a machine for which there is no native binary. */
function packageWithoutBinary(): string {
  const root = at('package')
  mkdirSync(root)
  cpSync(inRepository('dist'), join(root, 'dist'), { recursive: true })
  cpSync(inRepository('package.json'), join(root, 'package.json'))
  for (const name of ['node_modules', 'models']) symlinkSync(inRepository(name), join(root, name))
  return join(root, 'dist', 'cli', 'main.js')
}

test('falling back from native to WebAssembly is noted once, with a hint', () => {
  const program = packageWithoutBinary()
  const inputs = [put('a.npy', npyMel(1)), put('b.npy', npyMel(1))]
  const args = [program, 'synthesize', ...inputs, '-m', smallVocoder, '--steps', '1', '-o', at('out')]
  const fallen = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  assert.equal(fallen.status, 0, fallen.stderr)
  assert.deepEqual(readdirSync(at('out')).sort(), ['a.wav', 'b.wav'])
  assert.equal(fallen.stderr.match(/^note: .*tensorflow:wasm runs instead/gm)?.length, 1, fallen.stderr)
  assert.match(fallen.stderr, /`npx diffwave build-native`/)
  const chosen = called(['synthesize', inputs[0]!, ...args.slice(4, -1), at('chosen.wav'), '--engine', 'wasm'])
  assert.deepEqual([chosen.status, chosen.stderr], [0, ''], 'an engine that was asked for')
})
