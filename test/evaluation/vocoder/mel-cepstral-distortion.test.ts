/** Mel-cepstral distortion and log-mel distance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logMelDistance } from '#src/evaluation/vocoder/log-mel-distance'
import { melCepstralDistortion } from '#src/evaluation/vocoder/mel-cepstral-distortion'

test('a cosine between two log mels is one cepstral coefficient, in either order', () => {
  const [bands, frames, height] = [80, 5, 0.3]
  const base = Float32Array.from({ length: bands * frames }, (_, i) => Math.sin(i))
  const waved = base.map((x, i) => x + height * Math.cos((Math.PI * 3 * (Math.floor(i / frames) + 0.5)) / bands))
  const [a, b] = [base, waved].map(data => ({ data, bands, frames }))
  // ln S² differs by 2·height·cos, that is by 2·c_3·cos: Δc_3 = height.
  assert.ok(Math.abs(melCepstralDistortion(a!, b!) - (10 / Math.LN10) * Math.SQRT2 * height) < 1e-4)
  assert.equal(melCepstralDistortion(a!, b!), melCepstralDistortion(b!, a!))
  assert.ok(Math.abs(logMelDistance(a!, b!) - (height * 2) / Math.PI) < 1e-3)
})
