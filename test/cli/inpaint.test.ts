/** `diffwave inpaint` on the command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/wav-file'
import { noiseWav, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { called, diffwave, scratch } from '../support/process.js'

const { at, put } = scratch()
const recording = put('first.wav', noiseWav(0, 6000))
const slow = put('slow.wav', noiseWav(3, 6000, 16_000))
const wasm = ['--engine', 'wasm']

for (const [kind, model] of [
  ['vocoder', smallVocoder],
  ['generator', smallGenerator],
] as const) {
  test(`inpaint with a ${kind} keeps the rest of the recording unchanged`, async () => {
    const output = at(`${kind}.wav`)
    const run = diffwave([
      ...['--json', 'inpaint', recording, '-o', output, '-m', model, ...wasm],
      ...['--gaps', '0.1-0.11', '0.2-0.21', '--rounds', '2', '--seed', '5'],
    ])
    assert.equal(run.status, 0, run.stderr)
    const { steps, seed, seconds } = JSON.parse(run.stdout)
    assert.deepEqual([steps, seed, Math.round(seconds * 22050)], [12, 5, 6000])
    const [before, after] = [await readWav(recording), await readWav(output)]
    assert.deepEqual(after.samples.slice(0, 2100), before.samples.slice(0, 2100))
    assert.notDeepEqual(after.samples.slice(2205, 2400), before.samples.slice(2205, 2400))
  })
}

for (const [name, args, status, code] of [
  ['a gap outside', [recording, '--gaps', '1-2'], 2, 'BAD_OPTION'],
  ['a gap that is no gap', [recording, '--gaps', '0.1'], 2, 'BAD_OPTION'],
  ['no gap', [recording], 2, 'BAD_OPTION'],
  ['another rate', [slow, '--gaps', '0.1-0.11'], 1, 'SAMPLE_RATE_MISMATCH'],
] as const) {
  test(`inpaint refuses ${name}`, () => {
    const run = called(['inpaint', ...args, '-m', smallVocoder, ...wasm, '-o', at('refused.wav')])
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, new RegExp(`^error\\[${code}\\]: `))
    assert.equal(run.stdout, '')
  })
}
