/** The high band follows the mel's highest bands in level, and its filter lets only frequencies above the mel pass. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type MelConvention, namedConventions } from '#src/audio/mel/convention'
import { cornerFrequencies } from '#src/audio/mel/filters'
import { frameLevels, highBandFilter, highBandObstacle, levelBands, samplesPerNoise } from '#src/audio/mel/high-band'
import { melSpectrogram } from '#src/audio/mel/mel'
import { gaussian } from '#src/core/random'

const { tacotron2, vocos } = namedConventions
const sampleRate = 22_050

/** Gain of the filter at a frequency, in dB. */
function decibels(filter: Float64Array, hertz: number): number {
  let [re, im] = [0, 0]
  for (const [k, h] of filter.entries()) {
    re += h * Math.cos((2 * Math.PI * hertz * k) / sampleRate)
    im += h * Math.sin((2 * Math.PI * hertz * k) / sampleRate)
  }
  return 20 * Math.log10(Math.hypot(re, im))
}

describe('the filter of a high band', () => {
  const filter = highBandFilter(tacotron2, { from: 7000, gain: -6, slope: -4 })
  /** Noise in every third sample has a third of the power. */
  const ofEveryThird = 10 * Math.log10(3)

  test('has the stated gain and slope above the mel', () => {
    for (const hertz of [8600, 9000, 9500, 10_000]) {
      const expected = ofEveryThird - 6 - (4 * (hertz - 8000)) / 1000
      assert.ok(Math.abs(decibels(filter, hertz) - expected) < 0.5, `${hertz} Hz: ${decibels(filter, hertz)} dB`)
    }
  })

  test('passes nothing below the mel’s edge, and less at half the sample rate', () => {
    for (let hertz = 0; hertz <= 7000; hertz += 100) assert.ok(decibels(filter, hertz) < -50, `${hertz} Hz`)
    assert.ok(Math.abs(decibels(filter, 8000) - (ofEveryThird - 6 - 6)) < 1, 'half the amplitude at the edge')
    assert.ok(decibels(filter, sampleRate / 2) < decibels(filter, 10_000) - 8)
  })
})

test('noise in every D-th sample has the band’s spectrum, and is as loud at any time', () => {
  const filter = highBandFilter(tacotron2, { from: 7000, gain: 0, slope: 0 })
  const every = samplesPerNoise(tacotron2)
  assert.equal(every, 3)
  // 8 kHz, and the same with a rate at which the band takes just half of the frequencies; or a little more.
  assert.equal(samplesPerNoise({ sampleRate: 32_000, maxFrequency: 8000 }), 2)
  assert.equal(samplesPerNoise({ sampleRate: 32_000, maxFrequency: 7999 }), 1)
  assert.equal(samplesPerNoise({ sampleRate: 32_000, maxFrequency: 15_999.999 }), 8)
  // The variance of a sample, and its covariances with the samples after it, must not depend on its place modulo D.
  for (let distance = 0; distance < 4; distance++) {
    const covariances = [0, 1, 2].map(phase => {
      let sum = 0
      for (let k = phase; k < filter.length; k += every) sum += filter[k]! * (filter[k + distance] ?? 0)
      return sum
    })
    const [least, most] = [Math.min(...covariances), Math.max(...covariances)]
    assert.ok(most - least < 0.02, `${distance} samples apart: ${covariances}`)
  }
})

describe('the level of a high band', () => {
  const samples = gaussian(1, 0, 0, 40_000).map(value => value / 10)
  const conventions: readonly (readonly [string, MelConvention])[] = [
    ['tacotron2', tacotron2],
    ['powers, log10 and a normalised window', { ...tacotron2, power: 2, logarithm: 'log10', windowNormalised: true }],
    ['filters of height 1', { ...tacotron2, filterNorm: 'none' }],
    [
      'filters of which some lie between two bins',
      { ...tacotron2, power: 2, bands: 512, fftSize: 256, windowLength: 256 },
    ],
  ]
  test('is the deviation of white noise, whose mel it reads, in every convention', () => {
    for (const [title, convention] of conventions) {
      const mel = melSpectrogram({ samples, sampleRate }, convention)
      const levels = frameLevels(convention, levelBands(convention, 5000), mel)
      const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length
      // The mean magnitude of noise is √π/2 of its root mean square. Powers have the mean square itself.
      const expected = 0.1 * (convention.power === 2 ? 1 : Math.sqrt(Math.PI) / 2)
      assert.ok(Math.abs(mean / expected - 1) < 0.05, `${title}: ${mean}, expected ${expected}`)
    }
  })

  test('comes from the bands whose centres are at `from` or above', () => {
    const { first, factors } = levelBands(tacotron2, 7000)
    assert.deepEqual([first, factors.length], [77, 3])
    const mel = { data: new Float32Array(80).fill(-11.5), bands: 80, frames: 1 }
    const level = () => frameLevels(tacotron2, { first, factors }, mel)[0]!
    const quiet = level()
    mel.data[76] = 0
    assert.equal(level(), quiet)
    mel.data[77] = 0
    assert.ok(level() > 1000 * quiet)
    assert.equal(levelBands(tacotron2, cornerFrequencies(tacotron2)[78]!).first, 77)
  })

  test('is 0 for powers below 0, which a model may predict', () => {
    const convention: MelConvention = { ...tacotron2, power: 2, logarithm: 'none' }
    const mel = { data: new Float32Array(80).fill(-1), bands: 80, frames: 1 }
    assert.deepEqual(frameLevels(convention, levelBands(convention, 7000), mel), Float32Array.of(0))
  })
})

test('a mel that reaches half the sample rate, or has no band above `from`, allows no high band', () => {
  const band = { from: 7000, gain: 0, slope: 0 }
  assert.equal(highBandObstacle(tacotron2, band), null)
  assert.match(highBandObstacle(vocos, band)!, /half the sample rate/)
  assert.match(highBandObstacle(tacotron2, { ...band, from: 7900 })!, /above `from`/)
  // All filters lie between two bins.
  const narrow: MelConvention = { ...tacotron2, minFrequency: 7001, maxFrequency: 7019 }
  assert.match(highBandObstacle(narrow, band)!, /above `from`/)
})
