/** Changing the sample rate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resample } from '#src/audio/resample'
import { gaussian } from '#src/core/random'

test('resampling keeps the phase and level of a tone to −100 dB', async () => {
  for (const [from, to] of [
    [22050, 16000],
    [8000, 22050],
    [44100, 22050],
  ] as const) {
    const tone = (rate: number, i: number) => 0.5 * Math.sin((2 * Math.PI * 1000 * i) / rate)
    const converted = await resample(
      Float32Array.from({ length: from / 2 }, (_, i) => tone(from, i)),
      from,
      to,
    )
    assert.equal(converted.length, to / 2)
    let signal = 0
    let error = 0
    for (let i = 1000; i < converted.length - 1000; i++) {
      signal += tone(to, i) ** 2
      error += (converted[i]! - tone(to, i)) ** 2
    }
    assert.ok(10 * Math.log10(signal / error) > 100, `${from} → ${to}`)
  }
  await assert.rejects(resample(new Float32Array(9), 0, 8000), { code: 'BAD_OPTION' })
})

test('conversions do not affect those after them or beside them', async () => {
  const samples = gaussian(1, 0, 0, 20_000).map(x => x * 0.1)
  const other = gaussian(2, 0, 0, 30_000).map(x => x * 0.1)
  const fresh = await resample(samples, 16_000, 22_050)
  await resample(other, 48_000, 8000)
  assert.deepEqual(await resample(samples, 16_000, 22_050), fresh)
  const both = await Promise.all([resample(samples, 16_000, 22_050), resample(other, 48_000, 8000)])
  assert.deepEqual(both[0], fresh)
  assert.deepEqual(both[1], await resample(other, 48_000, 8000))
})

test('a conversion that is stopped does not affect the next one', async () => {
  const samples = gaussian(1, 0, 0, 60_000).map(x => x * 0.1)
  const fresh = await resample(samples, 16_000, 22_050)
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  await assert.rejects(resample(samples, 16_000, 22_050, { signal: stop.signal }), { code: 'ABORTED' })
  assert.deepEqual(await resample(samples, 16_000, 22_050), fresh)
})

test('samples count as they are when the call begins', async () => {
  const samples = gaussian(1, 0, 0, 60_000).map(x => x * 0.1)
  for (const rate of [22_050, 16_000]) {
    const unchanged = await resample(samples, 16_000, rate)
    const reused = samples.slice()
    const pending = resample(reused, 16_000, rate)
    reused.fill(0.5)
    assert.deepEqual(await pending, unchanged)
  }
})
