/** `diffwave convert` as a process. */
import assert from 'node:assert/strict'
import { readFileSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { smallVocoder } from '../support/cli-inputs.js'
import { diffwave, scratch } from '../support/process.js'

const { at } = scratch()

test('neither convert nor export overwrites the model that it reads', () => {
  assert.equal(diffwave(['convert', smallVocoder, '-o', at('own')]).status, 0)
  symlinkSync('own', at('link'))
  const weights = readFileSync(at('own/weights.safetensors'))
  for (const args of [
    ['export', at('own'), '-o', at('own/weights.safetensors')],
    ['export', at('own'), '-o', at('link/weights.safetensors')],
    ['convert', at('own/weights.safetensors'), '-o', at('link'), '--force'],
  ]) {
    const { status, stderr } = diffwave(args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, /would overwrite the/)
  }
  assert.deepEqual(readFileSync(at('own/weights.safetensors')), weights)
  assert.equal(diffwave(['export', smallVocoder, '-o', at('file.pt')]).status, 0)
  assert.match(diffwave(['export', at('file.pt'), '-o', at('file.pt')]).stderr, /would overwrite the model itself/)
})

test('the weights of a model folder are read with the config beside them', () => {
  assert.equal(diffwave(['convert', smallVocoder, '-o', at('beside')]).status, 0)
  const [folder, file] = ['beside', 'beside/weights.safetensors'].map(
    name => JSON.parse(diffwave(['--json', 'inspect', at(name)]).stdout) as Record<string, unknown>,
  )
  assert.deepEqual({ ...file, path: '' }, { ...folder, path: '' })
})

test('a model folder is made, and not written over unasked', () => {
  assert.equal(diffwave(['convert', smallVocoder, '-o', at('model')]).status, 0)
  assert.match(diffwave(['inspect', at('model')]).stdout, /channels: 8[\s\S]*refinementIterations: none/)
  const again = diffwave(['convert', smallVocoder, '-o', at('model')])
  assert.equal(again.status, 2)
  assert.match(again.stderr, /--force/)
  assert.equal(diffwave(['convert', smallVocoder, '-o', at('model'), '--force']).status, 0)
})
