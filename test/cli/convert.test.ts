/** `diffwave convert` as a process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { smallVocoder } from '../support/cli-inputs.js'
import { diffwave, scratch } from '../support/process.js'

const { at } = scratch()

test('a model folder is made, and not written over unasked', () => {
  assert.equal(diffwave(['convert', smallVocoder, '-o', at('model')]).status, 0)
  assert.match(diffwave(['inspect', at('model')]).stdout, /channels: 8[\s\S]*refinementIterations: none/)
  const again = diffwave(['convert', smallVocoder, '-o', at('model')])
  assert.equal(again.status, 2)
  assert.match(again.stderr, /--force/)
  assert.equal(diffwave(['convert', smallVocoder, '-o', at('model'), '--force']).status, 0)
})
