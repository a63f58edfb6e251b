/** `diffwave inpaint` on the command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { noiseWav, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { called, scratch } from '../support/process.js'

const { at, put } = scratch()
const recording = put('first.wav', noiseWav(0, 6000))
const slow = put('slow.wav', noiseWav(3, 6000, 16_000))

test('inpaint keeps the rest of the recording unchanged, with a vocoder or a generator', async () => {
  for (const model of [smallVocoder, smallGenerator]) {
    const output = at('filled.wav')
    const run = called([
      ...['--json', 'inpaint', recording, '-o', output, '-m', model, '--force'],
      ...['--gaps', '0.1-0.11', '0.2-0.21', '--rounds', '2', '--seed', '5'],
    ])
    assert.equal(run.status, 0, run.stderr)
    const { steps, seed, seconds } = JSON.parse(run.stdout)
    assert.deepEqual([steps, seed, Math.round(seconds * 22050)], [12, 5, 6000])
    const [before, after] = [await readWav(recording), await readWav(output)]
    assert.deepEqual(after.samples.slice(0, 2100), before.samples.slice(0, 2100))
    assert.notDeepEqual(after.samples.slice(2205, 2400), before.samples.slice(2205, 2400))
  }
})

test('inpaint refuses a gap outside, a gap that is none, no gap and another rate', () => {
  for (const [args, status, code] of [
    [[recording, '--gaps', '1-2'], 2, 'BAD_OPTION'],
    [[recording, '--gaps', '0.1'], 2, 'BAD_OPTION'],
    [[recording], 2, 'BAD_OPTION'],
    [[slow, '--gaps', '0.1-0.11'], 1, 'SAMPLE_RATE_MISMATCH'],
  ] as const) {
    const run = called(['inpaint', ...args, '-m', smallVocoder, '-o', at('refused.wav')])
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, new RegExp(`^error\\[${code}\\]: `))
    assert.equal(run.stdout, '')
  }
  // A wrong call, though the last of the recordings has another fault.
  const several = called(['inpaint', recording, slow, '--gaps', '1-2', '-m', smallVocoder, '-o', at('refused')])
  assert.equal(several.status, 2, several.stderr)
  assert.match(several.stderr, /BAD_OPTION.*SAMPLE_RATE_MISMATCH/s)
})
