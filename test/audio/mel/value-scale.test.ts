/** Recognition of the scale of a mel's values. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Audio } from '#src/audio/audio'
import { readWav } from '#src/audio/codecs/read-wav'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { likelyConventions, MelSummary, valueScale, valueScaleDoubt } from '#src/audio/mel/value-scale'
import { resample } from '#src/audio/resample'
import { golden } from '../../support/paths.js'
import { near } from '../../support/sounds.js'

const { lmnt, tacotron2, hifigan, amphion, vocos } = namedConventions
const { samples, sampleRate } = await readWav(golden('mel/LJ001-0001.wav'))
const speech = { samples: samples.slice(0, 60_000), sampleRate }
const natural = melSpectrogram(speech, tacotron2)
const at24k = await resample(speech, 24_000)

/** The mel with each number replaced. */
const mapped = ({ data, bands, frames }: Mel, change: (value: number, band: number) => number): Mel => ({
  data: data.map((value, i) => change(value, Math.floor(i / frames))),
  bands,
  frames,
})

function summaryOf(...pieces: readonly Mel[]): MelSummary {
  const summary = new MelSummary()
  for (const piece of pieces) summary.add(piece)
  return summary
}

/** Per band, mean 0 and deviation 1. */
function normalised(mel: Mel): Mel {
  const { data, bands, frames } = mel
  const rows = Array.from({ length: bands }, (_, band) => data.subarray(band * frames, (band + 1) * frames))
  const means = rows.map(row => row.reduce((sum, x) => sum + x, 0) / frames)
  const deviations = rows.map((row, b) => Math.sqrt(row.reduce((sum, x) => sum + (x - means[b]!) ** 2, 0) / frames))
  return mapped(mel, (value, band) => (value - means[band]!) / deviations[band]!)
}

/** As Coqui TTS: decibels from −100 to 0, or to 20 for `loud`, on −4 … 4. */
const symmetric = mapped(natural, ln => Math.max(-4, Math.min(4, (8 * (20 * (ln / Math.LN10) + 100)) / 100 - 4)))

describe('valueScale', () => {
  test('recognises every scale', () => {
    for (const [mel, scale] of [
      [natural, 'natural logarithm'],
      [melSpectrogram(speech, hifigan), 'natural logarithm'],
      [melSpectrogram(speech, lmnt), 'lmnt'],
      [mapped(natural, ln => ln / Math.LN10), 'log10'],
      [mapped(natural, ln => (20 * ln) / Math.LN10), 'decibels'],
      [symmetric, '-4 to 4'],
      [normalised(natural), 'normalised'],
      // With the statistics of Matcha-TTS for LJ Speech.
      [mapped(natural, ln => (ln + 5.536622) / 2.116101), 'normalised'],
      [mapped(natural, Math.exp), 'linear'],
      [mapped(natural, ln => Math.exp(2 * ln)), 'linear'],
      [mapped(melSpectrogram(at24k, vocos), Math.exp), 'linear'],
    ] as const) {
      assert.equal(valueScale(summaryOf(mel)), scale)
    }
  })

  test('takes no values for decibels that are far too low or too high', () => {
    const decibels = mapped(natural, ln => (20 * ln) / Math.LN10)
    for (const factor of [10, 10_000]) {
      assert.equal(valueScale(summaryOf(mapped(decibels, value => value * factor))), null, String(factor))
    }
    // 10·log₁₀ of magnitudes with a floor of 1e-20, of 16-bit integers.
    assert.equal(valueScale(summaryOf(mapped(decibels, value => Math.max(-400, value * 2) + 90))), 'decibels')
  })

  test('does not depend on the recording’s level, nor on reading it in pieces', () => {
    for (const gain of [0.02, 0.2]) {
      const samples = speech.samples.map(x => x * gain)
      const mel = melSpectrogram({ samples, sampleRate: speech.sampleRate }, tacotron2)
      assert.equal(valueScale(summaryOf(mel)), 'natural logarithm', String(gain))
      assert.equal(valueScale(summaryOf(mapped(mel, ln => ln / Math.LN10))), 'log10', String(gain))
      assert.equal(valueScale(summaryOf(mapped(mel, Math.exp))), 'linear', String(gain))
      assert.equal(valueScale(summaryOf(melSpectrogram({ ...speech, samples }, lmnt))), 'lmnt', String(gain))
    }
    near(summaryOf(natural, natural).median, summaryOf(natural).median, 1e-9)
  })
})

describe('likelyConventions', () => {
  const likely = (mel: Mel) => likelyConventions(mel.bands, summaryOf(mel))

  test('are those of the same bands and values, at any level', () => {
    for (const gain of [0.02, 1]) {
      const quieter = ({ samples, sampleRate }: Audio) => ({ samples: samples.map(x => x * gain), sampleRate })
      for (const convention of [tacotron2, hifigan]) {
        assert.deepEqual(likely(melSpectrogram(quieter(speech), convention)), ['tacotron2', 'hifigan'])
      }
      assert.deepEqual(likely(melSpectrogram(quieter(speech), lmnt)), ['lmnt'])
      for (const convention of [vocos, amphion]) {
        assert.deepEqual(likely(melSpectrogram(quieter(at24k), convention)), [convention.name], String(gain))
      }
    }
  })

  test('are none for another scale or number of bands', () => {
    const others = [mapped(natural, ln => ln / Math.LN10), mapped(natural, ln => (20 * ln) / Math.LN10)]
    const fewer = { data: natural.data.slice(0, 64 * natural.frames), bands: 64, frames: natural.frames }
    for (const mel of [...others, fewer]) assert.deepEqual(likely(mel), [])
  })
})

describe('valueScaleDoubt', () => {
  test('is null for a mel of the convention', () => {
    assert.equal(valueScaleDoubt(summaryOf(natural), tacotron2), null)
    assert.equal(valueScaleDoubt(summaryOf(melSpectrogram(speech, lmnt)), lmnt), null)
    assert.equal(valueScaleDoubt(summaryOf(melSpectrogram(at24k, vocos)), vocos), null)
  })

  test('tells filters of area 1 from filters of height 1 with the same number of bands', () => {
    const doubt = valueScaleDoubt(summaryOf(melSpectrogram(at24k, amphion)), vocos)
    assert.match(doubt!, /do not look like vocos.*area 1.*BigVGAN/)
  })

  test('names the expected convention and the scale that the mel seems to have', () => {
    for (const [mel, words] of [
      [mapped(natural, ln => ln / Math.LN10), /tacotron2.*decimal logarithm/],
      [symmetric, /tacotron2.*−4 … 4/],
      [normalised(natural), /tacotron2.*deviation 1/],
      [mapped(natural, ln => ln / 12), /do not look like tacotron2/],
    ] as const) {
      assert.match(valueScaleDoubt(summaryOf(mel), tacotron2)!, words)
    }
  })
})

test('MelSummary finds no median outside the values', () => {
  const constant = (value: number) => summaryOf({ data: new Float32Array(80).fill(value), bands: 80, frames: 1 }).median
  assert.deepEqual([-5, -100, 0, 200].map(constant), [-5, -100, 0, 200])
})

test('MelSummary finds the median to within 0.01', () => {
  const { median } = summaryOf(natural)
  const ordered = natural.data.slice().sort()
  near(median, ordered[ordered.length >> 1]!, 0.01)
})
