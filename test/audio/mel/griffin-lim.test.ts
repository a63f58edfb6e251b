/** Audio from a mel by Griffin-Lim. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { namedConventions } from '#src/audio/mel/convention'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { melSpectrogram } from '#src/audio/mel/mel'
import { gaussian } from '#src/core/random'
import { meanDifference } from '../../support/numbers.js'
import { golden } from '../../support/paths.js'

test('Griffin-Lim fits its mel, is reproducible by seed and can be aborted', async () => {
  const audio = await readWav(golden('mel/LJ001-0001.wav'))
  const convention = namedConventions.tacotron2
  const mel = melSpectrogram({ ...audio, samples: audio.samples.slice(10_000, 18_000) }, convention)
  const options = { iterations: 20, length: 8000 }
  const first = await griffinLim(mel, convention, options)
  assert.ok(meanDifference(melSpectrogram(first, convention).data, mel.data) < 0.2)
  assert.deepEqual(await griffinLim(mel, convention, options), first)
  assert.notDeepEqual(await griffinLim(mel, convention, { ...options, seed: 1 }), first)
  await assert.rejects(griffinLim(mel, convention, { signal: AbortSignal.abort() }), { code: 'ABORTED' })
  const start = Float32Array.of(0, Number.NaN)
  await assert.rejects(griffinLim(mel, convention, { start }), { code: 'NOT_FINITE' })
  for (const wrong of [{ relaxation: 2 }, { momentum: 1 }]) {
    await assert.rejects(griffinLim(mel, convention, wrong), { code: 'BAD_OPTION' })
  }
})

test('Griffin-Lim refuses a length that the mel’s frames do not cover', async () => {
  for (const [name, most] of [
    ['tacotron2', 3 * 256],
    ['amphion', 4 * 256 - 1],
  ] as const) {
    const convention = namedConventions[name]
    const { bands } = convention
    const mel = { data: gaussian(1, 0, 0, 3 * bands).map(x => x - 5), bands, frames: 3 }
    const made = await griffinLim(mel, convention, { iterations: 1, length: most })
    assert.equal(made.samples.length, most)
    for (const length of [most + 1, 2 ** 28]) {
      await assert.rejects(griffinLim(mel, convention, { iterations: 1, length }), {
        code: 'BAD_OPTION',
        message: `the length is more than the mel covers, expected at most ${most} samples, got ${length} (length)`,
      })
    }
  }
})

test('Griffin-Lim can be stopped while it inverts the mel', async () => {
  const samples = gaussian(1, 0, 0, 100 * 256).map(x => 0.1 * x)
  const mel = melSpectrogram({ samples, sampleRate: 22_050 }, namedConventions.tacotron2)
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  const options = { iterations: 1, signal: stop.signal }
  await assert.rejects(griffinLim(mel, namedConventions.tacotron2, options), { code: 'ABORTED' })
})
