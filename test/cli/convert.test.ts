/** `diffwave convert` on the command line. */
import assert from 'node:assert/strict'
import { readFileSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { smallVocoder } from '../support/cli-inputs.js'
import { golden } from '../support/paths.js'
import { called, scratch } from '../support/process.js'

const { at, put } = scratch()

test('convert and export refuse to overwrite the model that they read', () => {
  assert.equal(called(['convert', smallVocoder, '-o', at('own')]).status, 0)
  symlinkSync('own', at('link'))
  const weights = readFileSync(at('own/weights.safetensors'))
  for (const args of [
    ['export', at('own'), '-o', at('own/weights.safetensors')],
    ['export', at('own'), '-o', at('link/weights.safetensors')],
    ['convert', at('own/weights.safetensors'), '-o', at('link'), '--force'],
  ]) {
    const { status, stderr } = called(args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, /would overwrite the/)
  }
  assert.deepEqual(readFileSync(at('own/weights.safetensors')), weights)
  assert.equal(called(['export', smallVocoder, '-o', at('file.pt')]).status, 0)
  assert.match(called(['export', at('file.pt'), '-o', at('file.pt')]).stderr, /would overwrite the model itself/)
})

test('convert replaces a model only if the user agrees, or with --force', () => {
  const convert = ['convert', smallVocoder, '-o', at('kept')]
  assert.equal(called(convert).status, 0)
  const config = readFileSync(at('kept/config.json'))
  put('kept/config.json', 'mine')
  for (const [args, options] of [
    [convert, {}],
    [convert, { typed: 'n\n' }],
    [['--json', ...convert], { typed: 'y\n' }],
  ] as const) {
    const { status, stderr } = called(args, options)
    assert.equal(status, 2)
    assert.match(stderr, /is not empty.*--force/s)
    assert.equal(readFileSync(at('kept/config.json'), 'utf8'), 'mine')
  }
  const agreed = called(convert, { typed: 'y\n' })
  assert.equal(agreed.status, 0, agreed.stderr)
  assert.match(agreed.stderr, /kept is not empty\. Overwrite\? \[y\/N\]/)
  assert.deepEqual(readFileSync(at('kept/config.json')), config)
  assert.equal(called([...convert, '--force']).status, 0)
})

test('the weights of a model folder are read with the config beside them', () => {
  assert.equal(called(['convert', smallVocoder, '-o', at('beside')]).status, 0)
  const [folder, file] = ['beside', 'beside/weights.safetensors'].map(
    name => JSON.parse(called(['--json', 'inspect', at(name)]).stdout) as Record<string, unknown>,
  )
  assert.deepEqual({ ...file, path: '' }, { ...folder, path: '' })
})

test('convert creates a model folder, and overwrites one only with --force', () => {
  assert.equal(called(['convert', smallVocoder, '-o', at('model')]).status, 0)
  assert.match(called(['inspect', at('model')]).stdout, /channels: 8[\s\S]*refinement iterations: none/)
  const again = called(['convert', smallVocoder, '-o', at('model')])
  assert.equal(again.status, 2)
  assert.match(again.stderr, /--force/)
  assert.equal(called(['convert', smallVocoder, '-o', at('model'), '--force']).status, 0)
})

test('convert writes the mel scale of the checkpoint into the config', () => {
  const stats = put('stats.json', '{"mean": -2, "std": 1.5}')
  const weights = golden('lmnt-conditional-c8-l6/weights.pt')
  const args = ['--convention', 'tacotron2', '--mel-log', 'log10', '--mel-stats', stats]
  const { status, stderr } = called(['convert', weights, '-o', at('scaled'), ...args])
  assert.equal(status, 0, stderr)
  const { mel } = JSON.parse(readFileSync(at('scaled/config.json'), 'utf8'))
  assert.deepEqual([mel.hop, mel.logarithm], [256, 'log10'])
  assert.deepEqual(mel.normalisation, { kind: 'standardise', mean: [-2], deviation: [1.5] })
})

test('convert refuses a mel scale for a generator, and statistics of other bands', () => {
  const generator = golden('lmnt-unconditional-c8-l6/weights.pt')
  const none = called(['convert', generator, '-o', at('x'), '--mel-log', 'log10'])
  assert.deepEqual([none.status, /takes no mel/.test(none.stderr)], [2, true])
  const stats = put('three.json', '{"mean": [1, 2, 3], "std": [1, 2, 3]}')
  const weights = golden('lmnt-conditional-c8-l6/weights.pt')
  assert.match(called(['convert', weights, '-o', at('x'), '--mel-stats', stats]).stderr, /1 or 80/)
})
