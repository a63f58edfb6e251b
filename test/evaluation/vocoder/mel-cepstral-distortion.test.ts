/** Mel-cepstral distortion and log-mel distance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logMelDistance } from '#src/evaluation/vocoder/log-mel-distance'
import { melCepstralDistortion } from '#src/evaluation/vocoder/mel-cepstral-distortion'

/** A wave over the bands: one cepstral coefficient. */
const cosine = (coefficient: number, band: number, bands: number) =>
  Math.cos((Math.PI * coefficient * (band + 0.5)) / bands)
/** The distortion of a difference of 1 in one coefficient, in dB. */
const UNIT = (10 / Math.LN10) * Math.SQRT2

test('a cosine between two log mels is one cepstral coefficient, in either order', () => {
  const [bands, frames, height] = [80, 5, 0.3]
  const base = Float32Array.from({ length: bands * frames }, (_, i) => Math.sin(i))
  const waved = (coefficient: number) =>
    base.map((x, i) => x + height * cosine(coefficient, Math.floor(i / frames), bands))
  // ln S² differs by 2·height·cos, that is by 2·c_d·cos: Δc_d = height. Coefficients up to the 24th count.
  for (const [coefficient, expected] of [
    [3, UNIT * height],
    [24, UNIT * height],
    [25, 0],
  ] as const) {
    const [a, b] = [base, waved(coefficient)].map(data => ({ data, bands, frames }))
    assert.ok(Math.abs(melCepstralDistortion(a!, b!) - expected) < 1e-4)
    assert.equal(melCepstralDistortion(a!, b!), melCepstralDistortion(b!, a!))
    assert.ok(Math.abs(logMelDistance(a!, b!) - (height * 2) / Math.PI) < 1e-3)
  }
})

test('only frames within 40 dB of the loudest count, be it in one of the two mels', () => {
  const [bands, height] = [30, 0.1]
  const mel = (levels: readonly number[], heights: readonly number[]) => {
    const frames = levels.length
    const value = (i: number) =>
      Math.log(levels[i % frames]!) + heights[i % frames]! * cosine(5, Math.floor(i / frames), bands)
    return { data: Float32Array.from({ length: bands * frames }, (_, i) => value(i)), bands, frames }
  }
  const a = mel([1, 0.02, 0.005, 0.005], [0, 0, 0, 0])
  // Eight times as loud, which is the zeroth coefficient.
  const b = mel([8, 0.16, 0.04, 4], [0, height, height, 0])
  for (const found of [melCepstralDistortion(a, b), melCepstralDistortion(b, a)]) {
    assert.ok(Math.abs(found - (UNIT * height) / 3) < 1e-4, String(found))
  }
})
