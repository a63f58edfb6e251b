/** Values of another realm, as Jest and `vm` contexts have them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { resample } from '#src/audio/resample'
import { systemCode, systemReason } from '#src/core/system-code'
import { Vocoder } from '#src/vocoder'
import { smallVocoder } from '../support/cli-inputs.js'

test('mels and recordings of another realm are taken', async () => {
  const samples: Float32Array = runInNewContext('Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i / 10) / 4)')
  assert.ok(!(samples instanceof Float32Array))
  assert.equal((await resample({ samples, sampleRate: 22_050 }, 11_025)).samples.length, 2000)
  const mel = melSpectrogram({ samples, sampleRate: 22_050 }, namedConventions.lmnt)
  const foreign = { ...mel, data: runInNewContext('Float32Array.from(data)', { data: mel.data }) as Float32Array }
  for (const engine of ['native', 'wasm'] as const) {
    await using vocoder = await Vocoder.load(smallVocoder, { engine })
    const options = { seed: 1, steps: 2 }
    const [clip, expected] = [await vocoder.synthesize(foreign, options), await vocoder.synthesize(mel, options)]
    assert.deepEqual(clip.samples, expected.samples)
  }
})

test('errors of another realm keep their code and message', () => {
  const error = runInNewContext(`Object.assign(new Error('ENOENT: no such file, open'), { code: 'ENOENT' })`)
  assert.ok(!(error instanceof Error))
  assert.deepEqual([systemCode(error), systemReason(error)], ['ENOENT', 'no such file'])
})
