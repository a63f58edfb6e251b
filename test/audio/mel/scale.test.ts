/** Recognition of the scale of a mel's numbers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readWav } from '#src/audio/codecs/wav-file'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { looksTransposed, MelStatistics, melScale, melScaleDoubt } from '#src/audio/mel/scale'
import { resample } from '#src/audio/resample'
import { golden } from '../../support/paths.js'
import { near } from '../../support/sounds.js'

const { lmnt, tacotron2, hifigan, amphion, vocos } = namedConventions
const speech = await readWav(golden('mel/LJ001-0001.wav'))
const natural = melSpectrogram(speech, tacotron2)
const at24k = { samples: await resample(speech.samples, speech.sampleRate, 24_000), sampleRate: 24_000 }

/** The mel with each number replaced. */
const mapped = ({ data, bands, frames }: Mel, change: (value: number, band: number) => number): Mel => ({
  data: data.map((value, i) => change(value, Math.floor(i / frames))),
  bands,
  frames,
})

function statisticsOf(...pieces: readonly Mel[]): MelStatistics {
  const statistics = new MelStatistics()
  for (const piece of pieces) statistics.add(piece)
  return statistics
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

describe('melScale', () => {
  for (const [mel, scale] of [
    [natural, 'natural logarithm'],
    [melSpectrogram(speech, hifigan), 'natural logarithm'],
    [melSpectrogram(speech, lmnt), 'lmnt'],
    [mapped(natural, ln => ln / Math.LN10), 'log10'],
    [symmetric, '-4 to 4'],
    [normalised(natural), 'normalised per band'],
  ] as const) {
    test(`recognises ${scale}`, () => assert.equal(melScale(statisticsOf(mel)), scale))
  }

  test('does not depend on the recording’s level, nor on reading it in pieces', () => {
    for (const gain of [0.02, 0.2, 1]) {
      const samples = speech.samples.map(x => x * gain)
      const mel = melSpectrogram({ samples, sampleRate: speech.sampleRate }, tacotron2)
      assert.equal(melScale(statisticsOf(mel)), 'natural logarithm', String(gain))
      assert.equal(melScale(statisticsOf(mapped(mel, ln => ln / Math.LN10))), 'log10', String(gain))
    }
    near(statisticsOf(natural, natural).median, statisticsOf(natural).median, 1e-9)
  })
})

describe('melScaleDoubt', () => {
  test('is null for a mel of the convention', () => {
    assert.equal(melScaleDoubt(statisticsOf(natural), tacotron2), null)
    assert.equal(melScaleDoubt(statisticsOf(melSpectrogram(speech, lmnt)), lmnt), null)
    assert.equal(melScaleDoubt(statisticsOf(melSpectrogram(at24k, vocos)), vocos), null)
  })

  test('tells filters of area 1 from filters of height 1 with the same number of bands', () => {
    const doubt = melScaleDoubt(statisticsOf(melSpectrogram(at24k, amphion)), vocos)
    assert.match(doubt!, /do not look like vocos.*area 1.*BigVGAN/)
  })

  test('names the expected convention and the scale that the mel seems to have', () => {
    for (const [mel, words] of [
      [mapped(natural, ln => ln / Math.LN10), /tacotron2.*decimal logarithm/],
      [symmetric, /tacotron2.*−4 … 4/],
      [normalised(natural), /tacotron2.*per band/],
      [mapped(natural, ln => ln / 12), /do not look like tacotron2/],
    ] as const) {
      assert.match(melScaleDoubt(statisticsOf(mel), tacotron2)!, words)
    }
  })
})

test('MelStatistics finds the median to within 0.01', () => {
  const { median } = statisticsOf(natural)
  const ordered = natural.data.slice().sort()
  near(median, ordered[ordered.length >> 1]!, 0.01)
})

test('looksTransposed recognises a turned square mel by its level along each axis', () => {
  const bands = 80
  for (const start of [0, 40, 100]) {
    const data = Float32Array.from(
      { length: bands * bands },
      (_, i) => natural.data[Math.floor(i / bands) * natural.frames + start + (i % bands)]!,
    )
    const turned = data.map((_, i) => data[(i % bands) * bands + Math.floor(i / bands)]!)
    assert.equal(looksTransposed({ data, bands, frames: bands }), false, String(start))
    assert.equal(looksTransposed({ data: turned, bands, frames: bands }), true, String(start))
  }
})
