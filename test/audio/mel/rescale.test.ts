/** Conversion of mels between conventions and scales: it gives the mel that the other has, or is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type MelConvention, namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { conventionWith, convertMel, rescaleMel } from '#src/audio/mel/rescale'
import { gaussian } from '#src/core/random'
import { inCase } from '../../support/in-case.js'

const { tacotron2, hifigan, lmnt } = namedConventions
const audio = { samples: gaussian(1, 0, 0, 9000).map(v => v / 10), sampleRate: 22_050 }
const statistics = { mean: Array.from({ length: 80 }, (_, i) => i / 40 - 3), deviation: [1.5] }

describe('convertMel gives the mel that the other convention computes', () => {
  const edge: MelConvention = { ...hifigan, magnitudeEpsilon: 0 }
  const changes: readonly (readonly [string, MelConvention, MelConvention])[] = [
    ['log10 and statistics', conventionWith(tacotron2, { logarithm: 'log10', statistics }), tacotron2],
    ['to log10 and statistics', tacotron2, conventionWith(tacotron2, { logarithm: 'log10', statistics })],
    ['decibels with statistics', conventionWith(tacotron2, { logarithm: 'db', statistics }), tacotron2],
    ['no logarithm', conventionWith(tacotron2, { logarithm: 'none' }), tacotron2],
    ['filters of height 1', { ...tacotron2, filterNorm: 'none' }, tacotron2],
    ['a normalised window', { ...tacotron2, windowNormalised: true }, tacotron2],
    ['powers of a normalised window', { ...tacotron2, power: 2, windowNormalised: true }, { ...tacotron2, power: 2 }],
    ['a lower floor', { ...tacotron2, floor: 1e-10 }, tacotron2],
    ['half the hop', { ...tacotron2, hop: 128 }, tacotron2],
    ['a third of the hop, uncentred', { ...edge, hop: 86 }, { ...edge, hop: 258 }],
    ['centred with half the hop, to uncentred', { ...tacotron2, hop: 128 }, edge],
  ]
  test('from every scale, window, hop and framing', () => {
    for (const [title, from, to] of changes) {
      inCase(title, () => {
        const expected = melSpectrogram(audio, to)
        const mel = convertMel(melSpectrogram(audio, from), from, to)
        assert.deepEqual([mel.bands, mel.frames], [expected.bands, expected.frames])
        const worst = mel.data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.data[i]!)), 0)
        assert.ok(worst < 2e-5, String(worst))
      })
    }
  })
})

test('silence in a linear mel without a floor stays 0', () => {
  const linear: MelConvention = { ...tacotron2, logarithm: 'none', floor: 0, normalisation: null }
  const silence = { data: new Float32Array(160), bands: 80, frames: 2 }
  assert.deepEqual(convertMel(silence, conventionWith(linear, { logarithm: 'none' }), linear), silence)
  // Of some statistics, the value of silence is not exactly 0 on the way back.
  const mean = Array.from({ length: 80 }, (_, band) => 0.01 + band * 0.0137)
  const own = { mean, deviation: mean.map((_, band) => 0.3 + band * 0.011) }
  const normalised = convertMel(silence, linear, conventionWith(linear, { statistics: own }))
  const { data } = rescaleMel(normalised, { statistics: own }, linear)
  assert.ok(data.every(value => value >= 0 && value < 1e-6))
})

describe('convertMel refuses, and names the difference and the convention wanted', () => {
  const mel = melSpectrogram(audio, tacotron2)
  test('another rate, filter, hop, framing or window', () => {
    for (const [title, from, to, message] of [
      ['another rate', namedConventions.amphion, tacotron2, /tacotron2 \(sampleRate 22050.*amphion \(sampleRate 24000/],
      ['other filters', lmnt, tacotron2, /melScale slaney, minFrequency 0/],
      ['a coarser hop', tacotron2, { ...tacotron2, hop: 128 }, /hop 128/],
      ['a hop that is no multiple', { ...tacotron2, hop: 200 }, tacotron2, /hop 256/],
      ['another framing', hifigan, tacotron2, /magnitudeEpsilon 0, framing centre/],
      ['another window', { ...tacotron2, windowLength: 800 }, tacotron2, /windowLength 1024/],
    ] as const) {
      inCase(title, () =>
        assert.throws(() => convertMel(mel, from, to), {
          code: 'BAD_MEL',
          message,
          hint: /diffwave mel recording\.wav/,
        }),
      )
    }
  })

  test('values at a floor or limit that the other convention does not have', () => {
    const quiet = melSpectrogram({ ...audio, samples: new Float32Array(4000) }, tacotron2)
    const deep = { ...tacotron2, floor: 1e-10 }
    assert.throws(() => convertMel(quiet, tacotron2, deep), { code: 'BAD_MEL', message: /clipped/ })
    assert.ok(convertMel(melSpectrogram(audio, tacotron2), tacotron2, deep).frames > 0)
    const open: MelConvention = { ...lmnt, normalisation: { kind: 'affine', scale: 0.2, offset: 0.8, clamp: null } }
    const loud = melSpectrogram({ ...audio, samples: audio.samples.map(v => v * 1000) }, lmnt)
    assert.throws(() => convertMel(loud, lmnt, open), { code: 'BAD_MEL', message: /clipped/ })
  })

  test('another number of bands, and a mel shorter than one frame', () => {
    const few = { ...mel, bands: 40, frames: mel.frames * 2 }
    assert.throws(() => convertMel(few, tacotron2, tacotron2), { code: 'BAD_MEL', message: /bands/ })
    const three = { mean: [1, 2, 3], deviation: [1] }
    assert.throws(() => conventionWith(tacotron2, { statistics: three }), { code: 'BAD_MEL', message: /1 or 80/ })
    const edge: MelConvention = { ...hifigan, hop: 86 }
    const short = { data: new Float32Array(80).fill(-5), bands: 80, frames: 1 }
    assert.throws(() => convertMel(short, edge, { ...edge, hop: 258 }), { code: 'BAD_MEL', message: /at least 3/ })
  })
})

describe('rescaleMel', () => {
  const own = melSpectrogram(audio, tacotron2)
  const written = (change: (value: number, band: number) => number) => ({
    ...own,
    data: own.data.map((value, i) => change(value, Math.floor(i / own.frames))),
  })
  const close = (a: Float32Array) => assert.ok(a.every((value, i) => Math.abs(value - own.data[i]!) < 1e-5))

  test('converts a mel from log10', () => {
    close(
      rescaleMel(
        written(v => v / Math.LN10),
        { logarithm: 'log10' },
        tacotron2,
      ).data,
    )
  })

  test('converts a mel from decibels', () => {
    close(
      rescaleMel(
        written(v => (20 * v) / Math.LN10),
        { logarithm: 'db' },
        tacotron2,
      ).data,
    )
  })

  test('converts a mel of powers from decibels', () => {
    const power: MelConvention = { ...tacotron2, power: 2 }
    const decibels = written(v => (10 * v) / Math.LN10)
    close(rescaleMel(decibels, { logarithm: 'db' }, power).data)
  })

  test('converts a linear mel without a floor to decibels', () => {
    const linear: MelConvention = { ...tacotron2, logarithm: 'none', floor: 0 }
    const { data } = convertMel(written(Math.exp), linear, conventionWith(linear, { logarithm: 'db' }))
    close(data.map(v => (v / 20) * Math.LN10))
  })

  test('converts a mel from linear magnitudes', () => {
    close(rescaleMel(written(Math.exp), { logarithm: 'none' }, tacotron2).data)
  })

  test('converts a mel from values normalised per band', () => {
    const normalised = written((v, band) => (v - statistics.mean[band]!) / 1.5)
    close(rescaleMel(normalised, { statistics }, tacotron2).data)
  })

  test('converts a mel for a model with its own normalisation', () => {
    const { data } = rescaleMel(own, { logarithm: 'ln' }, lmnt)
    const expected = Math.min(1, Math.max(0, 0.2 * (own.data[0]! / Math.LN10) + 0.8))
    assert.ok(Math.abs(data[0]! - expected) < 1e-6)
  })

  test('refuses numbers in typed arrays, and names the field', () => {
    const ones = new Float32Array(80).fill(1)
    const typed = { mean: ones, deviation: ones } as never
    const inOptions = { code: 'BAD_OPTION', message: /statistics\.mean is of the wrong type.*got Float32Array/ }
    assert.throws(() => rescaleMel(own, { statistics: typed }, tacotron2), inOptions)
    const described = { ...tacotron2, normalisation: { kind: 'standardise', mean: [1], deviation: ones } } as never
    const inConvention = { code: 'BAD_CONFIG', message: /normalisation\.deviation is of the wrong type/ }
    assert.throws(() => rescaleMel(own, {}, described), inConvention)
    const clamped = { kind: 'affine', scale: 1, offset: 0, clamp: new Float32Array(2) }
    assert.throws(() => rescaleMel(own, {}, { ...tacotron2, normalisation: clamped } as never), { code: 'BAD_CONFIG' })
  })

  test('refuses statistics of other bands, unknown options and overflow', () => {
    const two = { mean: [1, 2], deviation: [1, 2] }
    assert.throws(() => rescaleMel(own, { statistics: two }, tacotron2), { code: 'BAD_MEL' })
    assert.throws(() => rescaleMel(own, { log: 'ln' } as never, tacotron2), { code: 'BAD_OPTION' })
    const huge = { ...own, data: own.data.map(() => 1e6) }
    assert.throws(() => rescaleMel(huge, { logarithm: 'db' }, tacotron2), { code: 'NOT_FINITE' })
  })
})
