/** `diffwave export` on the command line. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { smallVocoder } from '../support/cli-inputs.js'
import { called, jsonLines, scratch } from '../support/process.js'

const { at } = scratch()

test('the extension or --to selects the format, and the file can be loaded as a model', () => {
  for (const [name, more, to] of [
    ['a.safetensors', [], 'safetensors'],
    ['a.pt', ['--type', 'BF16'], 'pytorch'],
    ['b.ckpt', ['--to', 'pytorch'], 'pytorch'],
  ] as const) {
    const { status, stdout, stderr } = called(['export', smallVocoder, '-o', at(name), ...more, '--json'])
    assert.equal(status, 0, stderr)
    assert.equal(jsonLines(stdout)[0]!['to'], to)
    assert.match(called(['inspect', at(name)]).stdout, /channels: 8/)
  }
})

test('--to triton writes a folder, and overwrites an older one', () => {
  const args = ['export', smallVocoder, '-o', at('served'), '--to', 'triton', '--name', 'voice', '--max-batch', '2']
  for (const more of [[], ['--part', 'denoiser']]) {
    const { status, stdout, stderr } = called([...args, ...more, '--json'])
    assert.equal(status, 0, stderr)
    const [{ to, files, inputs }] = jsonLines(stdout) as [Record<string, unknown[]>]
    assert.equal(to, 'triton')
    assert.equal(files!.length, 3)
    assert.deepEqual(
      (inputs as { name: string }[]).map(({ name }) => name),
      more.length === 0 ? ['mel', 'noise'] : ['audio', 'step', 'mel'],
    )
  }
})

test('options of another format are refused by name', () => {
  for (const [output, option, value] of [
    ['x.pt', '--steps', '4'],
    ['x.onnx', '--name', 'voice'],
    ['x.safetensors', '--max-batch', '2'],
  ] as const) {
    const { status, stderr } = called(['export', smallVocoder, '-o', at(output), option, value])
    assert.equal(status, 2)
    assert.match(stderr, new RegExp(`^error\\[BAD_OPTION\\].*${option}`))
  }
})

test('an extension of no format, or of another, is refused before the model is read', () => {
  for (const args of [
    ['missing', '-o', at('x.bin')],
    ['missing', '-o', at('x.pt'), '--to', 'safetensors'],
    ['missing', '-o', at('x.pt'), '--to', 'tflite'],
    ['missing', '-o', at('x.pt'), '--type', 'F8'],
  ]) {
    const { status, stderr } = called(['export', ...args])
    assert.equal(status, 2)
    assert.match(stderr, /^error\[BAD_OPTION\]/)
  }
  assert.ok(!existsSync(at('x.pt')))
})

test('an unknown model is refused with a suggestion', () => {
  const { status, stderr } = called(['export', 'speach', '-o', at('x.pt')])
  assert.equal(status, 2)
  assert.match(stderr, /Did you mean speech\?/)
})
