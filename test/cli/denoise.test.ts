/** `diffwave denoise` on the command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { noiseWav, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { called, jsonLines, scratch } from '../support/process.js'

const { at, put } = scratch()
const first = put('first.wav', noiseWav(0, 6000))
const slow = put('slow.wav', noiseWav(3, 6000, 16_000))

test('denoise reports the step it started at, and resamples other rates', async () => {
  const run = called([
    ...['--json', 'denoise', first, slow, '-o', at('clean'), '-m', smallGenerator],
    ...['--snr', '10', '--steps', '2'],
  ])
  assert.equal(run.status, 0, run.stderr)
  const { step, noise } = jsonLines(run.stdout)[0] as { step: number; noise: number }
  assert.ok(step > 0 && noise > 0.02 && noise < 0.05, run.stdout)
  assert.equal((await readWav(at('clean/slow.wav'))).samples.length, Math.round((6000 * 22050) / 16000))
})

test('denoise notes what is odd about a recording before the bar of progress', () => {
  const args = ['denoise', slow, '-o', at('noted.wav'), '-m', smallGenerator, '--snr', '10', '--steps', '1', '-y']
  assert.match(called(args, { typed: '' }).stderr, /^note: .*slow\.wav was resampled from 16000 to 22050 Hz\n/)
})

test('denoise notes that a model of a lower rate cuts off high frequencies', () => {
  const fast = put('fast.wav', noiseWav(1, 6000, 48_000))
  const run = called(['denoise', fast, '-o', at('fast.wav.wav'), '-m', smallGenerator, '--snr', '10', '--steps', '1'])
  assert.equal(run.status, 0, run.stderr)
  assert.match(run.stderr, /^note: .*no sound above 11025 Hz, because the model makes 22050 Hz/m)
})

test('denoise refuses two levels of noise, a vocoder and a named schedule', () => {
  for (const [args, status, code] of [
    [['-m', smallGenerator, '--snr', '3', '--noise', '0.1'], 2, 'BAD_OPTION'],
    [['-m', smallVocoder], 1, 'BAD_CONFIG'],
    [['-m', smallGenerator, '--steps', 'fast'], 2, 'BAD_OPTION'],
  ] as const) {
    const run = called(['denoise', first, ...args, '-o', at('refused.wav')])
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, new RegExp(`^error\\[${code}\\]: `))
    assert.equal(run.stdout, '')
    if (code === 'BAD_CONFIG')
      assert.match(
        run.stderr,
        /the model is of the wrong kind, expected a generator, got a vocoder\nhint: .*remove noise/,
      )
  }
})

test('denoise and interpolate ask for a generator, unless DIFFWAVE_MODEL names one', () => {
  for (const words of [
    ['denoise', first],
    ['interpolate', first, first],
  ]) {
    const run = called([...words, '-o', at('unnamed.wav')], { env: { DIFFWAVE_MODEL: '' } })
    assert.equal(run.status, 2)
    assert.match(run.stderr, /^error\[BAD_OPTION\]: no model is named.*--model.*\nhint: .*`digits`.*`speech`/)
    const named = called([...words, '--steps', '1', '--step', '3', '-o', at(`named-${words[0]}.wav`)], {
      env: { DIFFWAVE_MODEL: smallGenerator },
    })
    assert.equal(named.status, 0, named.stderr)
  }
})
