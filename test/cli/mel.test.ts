/** `diffwave mel` as a process. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readMel } from '#src/formats/mel-file'
import { putTone } from '../support/cli-inputs.js'
import { golden } from '../support/paths.js'
import { diffwave, diffwaveBytes, scratch } from '../support/process.js'

const files = scratch()
const { at, put } = files
const wav = putTone(files)
const lmnt = ['--convention', 'lmnt']

test('a mel is written in the format of the ending, in either case', async () => {
  for (const name of ['m.npy', 'M.NPY', 'M.SAFETENSORS']) {
    const run = diffwave(['mel', wav, '-o', at(name), ...lmnt])
    assert.equal(run.status, 0, run.stderr)
    assert.equal((await readMel(at(name))).mel.bands, 80)
  }
})

test('a mel goes to standard output, its line to stderr', () => {
  for (const output of ['-', '/dev/stdout']) {
    const run = diffwaveBytes(['mel', wav, '-o', output, ...lmnt])
    assert.equal(run.status, 0, run.stderr.toString())
    assert.deepEqual(run.stdout, readFileSync(at('m.npy')))
    assert.match(run.stderr.toString(), /^note: .*\n-: 80 bands/)
  }
})

test('FLAC and other compressed recordings are read', () => {
  const run = diffwave(['mel', golden('audio/tones.flac'), '-o', at('flac.npy'), ...lmnt])
  assert.equal(run.status, 0, run.stderr)
})

test('of several inputs a bad one is reported and the others are done', () => {
  const cut = put('cut.wav', readFileSync(wav).subarray(0, 30))
  const { status, stderr } = diffwave(['mel', cut, wav, '-o', at('mels'), ...lmnt])
  assert.equal(status, 1)
  assert.match(stderr, /error\[TRUNCATED\]/)
  assert.deepEqual(readdirSync(at('mels')), ['tone.npy'])
})

test('a recording that was cut short is read to its end, with a note', () => {
  const short = put('short.wav', readFileSync(wav).subarray(0, 2000))
  const { status, stderr } = diffwave(['mel', short, '-o', at('short.npy'), ...lmnt])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /note: .*short\.wav: .*read 1956 bytes/)
})

test('refused: no convention, or two', () => {
  const none = diffwave(['mel', wav, '-o', at('x.npy')])
  assert.deepEqual([none.status, /--convention or --model/.test(none.stderr)], [2, true])
  assert.equal(diffwave(['mel', wav, '-o', at('x.npy'), ...lmnt, '-m', 'speech']).status, 2)
})
