/** Where inpainting's diffusion runs: what is known is met there, and whitening never makes more of it than sound has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedConventions } from '#src/audio/convention'
import { melSpectrogram } from '#src/audio/mel'
import { gaussian } from '#src/random'
import { agreeing, dataDomain } from '#src/repair/data-domain'

const convention = namedConventions.tacotron2
const length = 24 * convention.hop
const samples = gaussian(1, 0, 0, length).map(z => 0.1 * z)
const mel = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
const prior = { kind: 'mel-envelope', follows: 'bands', floor: 1e-4 } as const
const nothing = new Float32Array(length)
const weight = new Float32Array(length).fill(1)

const error = (a: Float32Array, b: Float32Array, from: number, to: number) => {
  let [squares, power] = [0, 0]
  for (let i = from; i < to; i++) {
    squares += (a[i]! - b[i]!) ** 2
    power += b[i]! ** 2
  }
  return Math.sqrt(squares / power)
}

test('without an envelope the known samples take the place of the predicted, by their weight', () => {
  const domain = dataDomain(null, { prior: null, signalScale: 5 })
  const half = Float32Array.from(weight, (_, i) => (i < 100 ? 1 : i < 200 ? 0.5 : 0))
  const met = agreeing(domain, nothing, samples, half)
  for (const [i, share] of half.entries()) assert.ok(Math.abs(met[i]! - 5 * share * samples[i]!) < 1e-6)
})

test('under an envelope what agrees sounds as the recording does, up to the mel’s highest frequency, and more so each time', () => {
  const domain = dataDomain({ mel, convention }, { prior, signalScale: 1 })
  // Low enough that the envelope covers it.
  const low = samples.map((_, i) => (samples[i - 1] ?? 0) + 2 * samples[i]! + (samples[i + 1] ?? 0))
  const once = agreeing(domain, nothing, low, weight)
  const twice = agreeing(domain, once, low, weight)
  const [first, second] = [once, twice].map(data => error(domain.toAudio(data), low, 2048, length - 2048))
  assert.ok(first! < 0.3, `${first} off`)
  assert.ok(second! < first!, `${second} off after ${first}`)
})

test('a recording that is far louder than its mel whitens to no more than any sound has', () => {
  const domain = dataDomain({ mel, convention }, { prior, signalScale: 1 })
  const met = agreeing(
    domain,
    nothing,
    samples.map(x => 1000 * x),
    weight,
  )
  const peak = met.reduce((most, y) => Math.max(most, Math.abs(y)), 0)
  assert.equal(peak, domain.most)
  assert.ok(peak < 100)
})
