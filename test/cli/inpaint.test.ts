/** `diffwave inpaint` on the command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { noiseWav, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { called, scratch } from '../support/process.js'

const { at, put } = scratch()
const recording = put('first.wav', noiseWav(0, 6000))
const empty = put('empty.wav', noiseWav(4, 0))
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

test('inpaint keeps the rate of a recording, and notes that of the model', async () => {
  const output = at('slow-filled.wav')
  const flags = ['--gaps', '0.1-0.11', '--steps', '2', '--rounds', '1', '--seed', '5']
  const run = called(['inpaint', slow, '-o', output, '-m', smallVocoder, ...flags])
  assert.equal(run.status, 0, run.stderr)
  assert.match(run.stderr, /^note: .*slow\.wav: The gaps are filled at .* 22050 Hz, and resampled to 16000 Hz\.$/m)
  const [before, after] = [await readWav(slow), await readWav(output)]
  assert.equal(after.sampleRate, 16_000)
  assert.deepEqual(after.samples.slice(0, 1568), before.samples.slice(0, 1568))
  assert.deepEqual(after.samples.slice(1792), before.samples.slice(1792))
  assert.notDeepEqual(after.samples.slice(1600, 1760), before.samples.slice(1600, 1760))
})

test('inpaint refuses a gap outside, a gap that is none and no gap', () => {
  for (const [args, status, code] of [
    [[recording, '--gaps', '1-2'], 2, 'BAD_OPTION'],
    [[recording, '--gaps', '0.1'], 2, 'BAD_OPTION'],
    [[recording], 2, 'BAD_OPTION'],
  ] as const) {
    const run = called(['inpaint', ...args, '-m', smallVocoder, '-o', at('refused.wav')])
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, new RegExp(`^error\\[${code}\\]: `))
    assert.equal(run.stdout, '')
  }
  // A wrong call, though the last of the recordings has another fault.
  const several = called(['inpaint', recording, empty, '--gaps', '1-2', '-m', smallVocoder, '-o', at('refused')])
  assert.equal(several.status, 2, several.stderr)
  assert.match(several.stderr, /BAD_OPTION.*BAD_WAV/s)
})
