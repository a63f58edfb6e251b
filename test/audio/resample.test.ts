/** Changing the sample rate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resample } from '#src/audio/resample'
import { gaussian } from '#src/core/random'

const rateChanged = async (samples: Float32Array, sampleRate: number, to: number, options = {}) =>
  (await resample({ samples, sampleRate }, to, options)).samples

test('resampling keeps the shape of a tone to −100 dB, at any rates and up to the last sample', async () => {
  // One converter serves all of them. From the first pair to the second, its results shrink to a thousandth.
  for (const [from, to] of [
    [4000, 768_000],
    [384_000, 16_000],
    [352_800, 48_000],
    [22_050, 16_000],
    [8000, 22_050],
  ] as const) {
    const lower = Math.min(from, to)
    const seconds = 400 / lower
    const tone = (rate: number) =>
      Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => {
        const swell = Math.sin((Math.PI * i) / (seconds * rate)) ** 2
        return swell * Math.sin((2 * Math.PI * 0.11 * lower * i) / rate)
      })
    const farthest = (a: Float32Array, b: Float32Array) =>
      a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
    const [converted, expected] = [await rateChanged(tone(from), from, to), tone(to)]
    assert.equal(converted.length, expected.length)
    assert.ok(farthest(converted, expected) < 1e-5, `${from} → ${to}`)
    // Where a clip ends suddenly, it sounds as before silence.
    const half = tone(from).subarray(0, (seconds * from) / 2)
    const end = await rateChanged(half, from, to)
    const followed = await rateChanged(Float32Array.from([...half, ...new Float32Array(half.length)]), from, to)
    assert.ok(end.length > 0 && farthest(end, followed) < 1e-6, `${from} → ${to}`)
  }
})

test('resampling refuses what is not audio, and rates that are impossible or too far apart', async () => {
  const samples = Float32Array.of(0.5, -0.5)
  for (const [given, from, to, error] of [
    [samples, 0, 8000, { code: 'BAD_AUDIO', where: 'resample audio' }],
    [samples, 8000, Number.NaN, { code: 'BAD_OPTION', where: 'resample sampleRate' }],
    [samples, 2999, 768_000, { code: 'BAD_OPTION', where: 'resample', expected: /256/ }],
    [samples, 768_000, 2999, { code: 'BAD_OPTION', where: 'resample', expected: /256/ }],
    [[0.5] as never, 8000, 8000, { code: 'BAD_AUDIO', where: 'resample audio' }],
    [Float32Array.of(Number.NaN), 8000, 8000, { code: 'NOT_FINITE' }],
  ] as const) {
    await assert.rejects(resample({ samples: given, sampleRate: from }, to), error)
  }
  const same = await rateChanged(samples, 8000, 8000)
  assert.deepEqual(same, samples)
  assert.notEqual(same, samples)
  await assert.rejects(rateChanged(samples, 8000, 8000, { signal: AbortSignal.abort() }), { code: 'ABORTED' })
})

test('conversions do not affect those after them or beside them', async () => {
  const samples = gaussian(1, 0, 0, 5000).map(x => x * 0.1)
  const other = gaussian(2, 0, 0, 8000).map(x => x * 0.1)
  const fresh = await rateChanged(samples, 16_000, 22_050)
  await rateChanged(other, 48_000, 8000)
  assert.deepEqual(await rateChanged(samples, 16_000, 22_050), fresh)
  const both = await Promise.all([rateChanged(samples, 16_000, 22_050), rateChanged(other, 48_000, 8000)])
  assert.deepEqual(both[0], fresh)
  assert.deepEqual(both[1], await rateChanged(other, 48_000, 8000))
})

test('a conversion that is stopped does not affect the next one', async () => {
  const samples = gaussian(1, 0, 0, 60_000).map(x => x * 0.1)
  const fresh = await rateChanged(samples, 16_000, 22_050)
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  await assert.rejects(rateChanged(samples, 16_000, 22_050, { signal: stop.signal }), { code: 'ABORTED' })
  assert.deepEqual(await rateChanged(samples, 16_000, 22_050), fresh)
})

test('many samples at rates far apart do not need more room than there is', async () => {
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  // It has made the first results by then. All of them would take a second.
  await assert.rejects(rateChanged(new Float32Array(8000), 3000, 768_000, { signal: stop.signal }), { code: 'ABORTED' })
})

test('samples count as they are when the call begins', async () => {
  const samples = gaussian(1, 0, 0, 60_000).map(x => x * 0.1)
  for (const rate of [22_050, 16_000]) {
    const unchanged = await rateChanged(samples, 16_000, rate)
    const reused = samples.slice()
    const pending = rateChanged(reused, 16_000, rate)
    reused.fill(0.5)
    assert.deepEqual(await pending, unchanged)
  }
})
