/** Commands whose results have one channel say so of recordings with several. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noiseWav, smallGenerator, smallVocoder } from '../../support/cli-inputs.js'
import { called, scratch } from '../../support/process.js'

const { at, put } = scratch()
const [first, second] = [put('first.wav', stereo(noiseWav(0, 12_000))), put('second.wav', stereo(noiseWav(1, 12_000)))]

/** Turns a mono WAV file of 2n samples into a stereo one of n. */
function stereo(wav: Uint8Array): Uint8Array {
  const view = new DataView(wav.buffer, wav.byteOffset)
  view.setUint16(22, 2, true)
  view.setUint32(28, 2 * view.getUint32(28, true), true)
  view.setUint16(32, 2 * view.getUint16(32, true), true)
  return wav
}

const fast = ['--steps', '1', '-o', at('made.wav'), '--force']
for (const [command, args] of [
  ['resynthesize', [first, '-m', smallVocoder, ...fast]],
  ['inpaint', [first, '-m', smallVocoder, '--gaps', '0.1-0.11', '--rounds', '1', ...fast]],
  ['denoise', [first, '-m', smallGenerator, '--snr', '20', ...fast]],
  ['interpolate', [first, second, '-m', smallGenerator, ...fast]],
  ['mel', [first, '-m', smallVocoder, '-o', at('made.npy')]],
] as const) {
  test(`${command} notes that it mixes channels`, () => {
    const run = called([command, ...args])
    assert.equal(run.status, 0, run.stderr)
    const notes = run.stderr.match(/^note: .*(first|second)\.wav was mixed down from 2 channels to one$/gm)
    assert.equal(notes?.length, command === 'interpolate' ? 2 : 1, run.stderr)
  })
}
