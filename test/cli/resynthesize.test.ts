/** `diffwave resynthesize` on the command line. */
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { putTone, smallVocoder } from '../support/cli-inputs.js'
import { golden } from '../support/paths.js'
import { called, scratch } from '../support/process.js'

const files = scratch()
const { at } = files
const model = ['-m', smallVocoder, '--steps', '2']

test('resynthesize makes a copy of the same length at the model’s rate', async () => {
  const { status, stderr } = called(['resynthesize', putTone(files), ...model, '-o', at('r.wav')])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /resampled from 16000 to 22050 Hz/)
  assert.equal((await readWav(at('r.wav'))).samples.length, Math.round((2000 * 22050) / 16000))
})

test('resynthesize reads compressed recordings, whatever the extension', () => {
  copyFileSync(golden('audio/tones.flac'), at('mislabelled.wav'))
  const run = called(['resynthesize', golden('audio/tones.opus'), at('mislabelled.wav'), ...model, '-o', at('copies')])
  assert.equal(run.status, 0, run.stderr)
  assert.deepEqual(readdirSync(at('copies')).sort(), ['mislabelled.wav', 'tones.wav'])
})
