/** Where the diffusion runs and where the recording lies: there and back; what is known is met, and never made more of than sound has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { gaussian } from '#src/core/random'
import { dataDomain } from '#src/data-domain/data-domain'
import { agreeing } from '#src/repair/fill'

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
  const domain = dataDomain(null, { prior: null, signalScale: 5, subbands: null })
  const half = Float32Array.from(weight, (_, i) => (i < 100 ? 1 : i < 200 ? 0.5 : 0))
  const met = agreeing(domain, nothing, samples, half)
  for (const [i, share] of half.entries()) assert.ok(Math.abs(met[i]! - 5 * share * samples[i]!) < 1e-6)
})

test('under an envelope what agrees sounds as the recording does, up to the mel’s highest frequency, and more so each time', () => {
  const domain = dataDomain({ mel, convention }, { prior, signalScale: 1, subbands: null })
  // Low enough that the envelope covers it.
  const low = samples.map((_, i) => (samples[i - 1] ?? 0) + 2 * samples[i]! + (samples[i + 1] ?? 0))
  const once = agreeing(domain, nothing, low, weight)
  const twice = agreeing(domain, once, low, weight)
  const [first, second] = [once, twice].map(data => error(domain.toAudio(data), low, 2048, length - 2048))
  assert.ok(first! < 0.3, `${first} off`)
  assert.ok(second! < first!, `${second} off after ${first}`)
})

test('a recording that is far louder than its mel whitens to no more than any sound has', () => {
  const domain = dataDomain({ mel, convention }, { prior, signalScale: 1, subbands: null })
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

test('in subbands audio comes back as it was, each band lifted by its gain, and so is white noise', () => {
  const gains = Array.from({ length: 16 }, (_, band) => 0.5 + band)
  const domain = dataDomain(null, { prior: null, signalScale: 1, subbands: { kind: 'mdct', gains } })
  // Not whole blocks: silence fills the last.
  const whole = domain.fromAudio(samples.subarray(0, 1003))
  assert.equal(whole.length, 1008)
  assert.ok(error(domain.toAudio(whole).subarray(0, 1003), samples.subarray(0, 1003), 0, 1003) < 1e-6)
  const white = domain.fromAudio(gaussian(2, 0, 0, 16_384))
  const power = (band: number) => {
    let sum = 0
    for (let i = band; i < white.length; i += 16) sum += white[i]! ** 2
    return sum / (white.length / 16)
  }
  for (const band of [0, 7, 15]) assert.ok(Math.abs(Math.sqrt(power(band)) / gains[band]! - 1) < 0.1)
  const all = Math.sqrt(white.reduce((sum, x) => sum + x * x, 0) / white.length)
  assert.ok(Math.abs(all / domain.whiteGain - 1) < 0.05)
  const half = Float32Array.from(weight, (_, i) => (i < 100 ? 1 : 0))
  const met = domain.toAudio(agreeing(domain, nothing, samples, half))
  assert.ok(error(met, samples, 0, 100) < 1e-5)
  assert.ok(met.subarray(100).every(x => Math.abs(x) < 1e-5))
})
