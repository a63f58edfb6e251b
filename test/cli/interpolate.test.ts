/** `diffwave interpolate` on the command line. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeWav } from '#src/audio/codecs/wav'
import { noiseWav, smallGenerator } from '../support/cli-inputs.js'
import { called, calledBytes, scratch } from '../support/process.js'

const { at, put } = scratch()
const first = put('first.wav', noiseWav(0, 6000))
const second = put('second.wav', noiseWav(1, 6000))
const short = put('short.wav', noiseWav(2, 5000))
const model = ['-m', smallGenerator]

test('interpolate gives the same mix in a file and on standard output', () => {
  const args = ['interpolate', first, second, ...model, '--mix', '0.3', '--step', '20', '--steps', '2', '--seed', '1']
  const mixed = called([...args, '-o', at('mix.wav')])
  assert.equal(mixed.status, 0, mixed.stderr)
  const piped = calledBytes([...args, '--stdout'])
  assert.deepEqual(decodeWav(piped.stdout, ''), decodeWav(readFileSync(at('mix.wav')), ''))
})

test('interpolate refuses unequal lengths, one recording, and to overwrite a recording', () => {
  for (const [args, status, error] of [
    [[first, short, '-o', at('refused.wav')], 1, 'error[BAD_AUDIO]: '],
    [[first, '-o', at('refused.wav')], 2, 'error[BAD_OPTION]: '],
    [[first, second, '-o', second, '--force'], 2, 'error[BAD_OPTION]: the result would overwrite its input'],
  ] as const) {
    const run = called(['interpolate', ...args, ...model])
    assert.deepEqual([run.status, run.stdout], [status, ''])
    assert.ok(run.stderr.startsWith(error), run.stderr)
  }
})
