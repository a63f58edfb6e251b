/** `diffwave interpolate` on the command line. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeWav } from '#src/audio/codecs/wav'
import { noiseWav, smallGenerator } from '../support/cli-inputs.js'
import { called, diffwaveBytes, scratch } from '../support/process.js'

const { at, put } = scratch()
const first = put('first.wav', noiseWav(0, 6000))
const second = put('second.wav', noiseWav(1, 6000))
const short = put('short.wav', noiseWav(2, 5000))
const model = ['-m', smallGenerator, '--engine', 'wasm']

test('interpolate gives the same mix in a file and in a pipe', () => {
  const args = ['interpolate', first, second, ...model, '--mix', '0.3', '--step', '20', '--steps', '2', '--seed', '1']
  const mixed = called([...args, '-o', at('mix.wav')])
  assert.equal(mixed.status, 0, mixed.stderr)
  const piped = diffwaveBytes([...args, '--stdout'])
  assert.deepEqual(decodeWav(piped.stdout, ''), decodeWav(readFileSync(at('mix.wav')), ''))
})

for (const [name, args, status, code] of [
  ['unequal lengths', [first, short], 1, 'BAD_AUDIO'],
  ['one recording', [first], 2, 'BAD_OPTION'],
] as const) {
  test(`interpolate refuses ${name}`, () => {
    const run = called(['interpolate', ...args, ...model, '-o', at('refused.wav')])
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, new RegExp(`^error\\[${code}\\]: `))
    assert.equal(run.stdout, '')
  })
}

test('interpolate overwrites neither recording', () => {
  const run = called(['interpolate', first, second, ...model, '-o', second, '--force'])
  assert.equal(run.status, 2)
  assert.match(run.stderr, /overwrite its input/)
})
