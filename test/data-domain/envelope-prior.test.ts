import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readWav } from '#src/audio/codecs/read-wav'
import { namedConventions } from '#src/audio/mel/convention'
import type { MelReaders } from '#src/audio/mel/feed'
import { sliceMel } from '#src/audio/mel/frames'
import { melSpectrogram } from '#src/audio/mel/mel'
import type { MelPiece } from '#src/audio/mel/source'
import { framePadding } from '#src/audio/transforms/stft'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import { decodeWhole } from '#src/data-domain/data-domain'
import { EnvelopePriorDomain } from '#src/data-domain/envelope-prior'
import { FrameFilter } from '#src/data-domain/frame-filter'
import { emphasis, SpectralEnvelope, whiten } from '#src/data-domain/spectral-envelope'
import { envelopePriorSchema } from '#src/model/diffusion-config'
import { golden } from '../support/paths.js'

const convention = namedConventions.tacotron2
const prior = envelopePriorSchema.parse({ kind: 'mel-envelope', follows: 'formants' })
const envelope = new SpectralEnvelope(convention, prior)
const recording = await readWav(golden('mel/LJ001-0001.wav'))
const mel = melSpectrogram(recording, convention)

function coloured(white: Float32Array, of = mel, by = convention): Float32Array {
  return decodeWhole(new EnvelopePriorDomain(new SpectralEnvelope(by, prior), 1), white, of)
}

function decibels(signal: Float32Array, error: (i: number) => number): number {
  let [power, wrong] = [0, 0]
  for (let i = 0; i < signal.length; i++) {
    power += signal[i]! ** 2
    wrong += error(i) ** 2
  }
  return 10 * Math.log10(power / wrong)
}

/** The recording without what lies above the mel's range. */
function lowPassed(): Float32Array {
  const filter = new FrameFilter(convention)
  const bins = convention.fftSize / 2 + 1
  const passed = Math.floor((convention.maxFrequency * convention.fftSize) / convention.sampleRate)
  filter.pushGains(Float64Array.from({ length: bins }, (_, bin) => (bin <= passed ? 1 : 0)))
  filter.endGains()
  return filter.push(recording.samples, true)
}

/** Readers that take pieces from a function. */
function readers(take: () => MelPiece[]): MelReaders {
  return { nextReader: () => ({ take }), lastReader: () => ({ take }) }
}

describe('colouring', () => {
  test('gives white noise the spectrum of the mel', () => {
    const recorded = { ...recording, samples: recording.samples.slice(0, 60_000) }
    for (const by of [convention, namedConventions.hifigan, namedConventions.lmnt]) {
      const wanted = melSpectrogram(recorded, by)
      const made = melSpectrogram(
        { samples: coloured(gaussian(1, 0, 0, recorded.samples.length), wanted, by), sampleRate: 22050 },
        by,
      )
      // In units of ln: lmnt's numbers are 0.2·log10.
      const unit = by.logarithm === 'ln' ? 1 : Math.LN10 / 0.2
      const difference = made.data.map((value, i) => value - wanted.data[i]!)
      const size = difference.reduce((sum, d) => sum + Math.abs(d), 0) / difference.length
      const bias = difference.reduce((sum, d) => sum + d, 0) / difference.length
      assert.ok(size * unit < 0.6, `${by.name}: ${size * unit}`)
      assert.ok(Math.abs(bias * unit) < 0.25, `${by.name}: bias ${bias * unit}`)
    }
  })
})

describe('bands whose filters are so narrow that they hold no bin', () => {
  const by = {
    ...namedConventions.lmnt,
    bands: 128,
    fftSize: 512,
    windowLength: 512,
    logarithm: 'ln' as const,
    normalisation: null,
  }
  const envelope = new SpectralEnvelope(by, prior)
  const wanted = melSpectrogram(recording, by)

  test('have no say in the envelope, which stays finite', () => {
    assert.ok(envelope.bands.length < by.bands)
    const gains = envelope.gains(wanted, 100)
    assert.ok(
      gains.every(gain => gain >= prior.floor && gain < 10),
      String(Math.max(...gains)),
    )
    const made = coloured(gaussian(1, 0, 0, 20_000), wanted, by)
    const loudest = made.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0)
    assert.ok(loudest > 0.01 && loudest < 2, String(loudest))
  })
})

describe('whitening', () => {
  test('gives speech about the power of white noise, and colouring reverses it', () => {
    const white = whiten(recording.samples, mel, envelope)
    const power = white.reduce((sum, y) => sum + y * y, 0) / white.length
    assert.ok(power > 0.3 && power < 3, String(power))
    const back = coloured(white)
    const wanted = lowPassed()
    assert.ok(decibels(wanted, i => back[i]! - wanted[i]!) > 24)
  })

  test('gives the same data for louder audio', () => {
    const soft = recording.samples.map(x => x / 4)
    const [a, b] = [recording.samples, soft].map(samples =>
      whiten(samples, melSpectrogram({ samples, sampleRate: 22050 }, convention), envelope),
    )
    assert.ok(decibels(a!, i => a![i]! - b![i]!) > 20)
  })
})

describe('a streaming decoder', () => {
  test('gives the same bytes for any pieces, as soon as their frames arrive', () => {
    const white = gaussian(2, 0, 0, 20 * 256)
    const part = sliceMel(mel, 40, 60)
    for (const by of [convention, namedConventions.hifigan]) {
      const domain = new EnvelopePriorDomain(new SpectralEnvelope(by, prior), 1)
      const whole = coloured(white, part, by)
      assert.equal(whole.length, white.length)
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 9 }), sizes => {
          const arrived: MelPiece[] = []
          const decoder = domain.decoder(readers(() => arrived.splice(0)))
          const pieces: Float32Array[] = []
          let [fed, frames] = [0, 0]
          for (let i = 0; fed < white.length; i++) {
            const end = Math.min(white.length, fed + sizes[i % sizes.length]!)
            const ahead = Math.min(20, Math.ceil(end / 256) + 2)
            if (ahead > frames) arrived.push({ mel: sliceMel(part, frames, ahead), last: ahead === 20 })
            frames = Math.max(frames, ahead)
            pieces.push(decoder.push(white.subarray(fed, end)))
            if (end === white.length) pieces.push(decoder.flush())
            fed = end
            const given = pieces.reduce((sum, piece) => sum + piece.length, 0)
            assert.ok(given >= fed - domain.lookAhead)
          }
          assert.deepEqual(concatenateAudio(pieces), whole)
        }),
        { numRuns: 12 },
      )
    }
  })
})

test('a frame of the filter begins where the convention has it, and ends what is final', () => {
  for (const by of [convention, namedConventions.hifigan]) {
    const filter = new FrameFilter(by)
    for (let frame = 0; frame < 8; frame++) {
      filter.pushGains(new Float64Array(by.fftSize / 2 + 1).fill(frame === 6 ? 1 : 0))
    }
    const audio = filter.push(new Float32Array(16 * by.hop).fill(1), false)
    // A window is 0 at its first sample.
    assert.equal(
      audio.findIndex(x => x !== 0),
      6 * by.hop - framePadding(by) + 1,
    )
    assert.equal(audio.length, 8 * by.hop - framePadding(by))
  }
})

describe('the floor of the envelope', () => {
  test('is 1 for white noise of variance 1, in magnitudes and in powers', () => {
    const samples = gaussian(4, 0, 0, 60 * 256)
    for (const by of [convention, { ...convention, power: 2 as const }]) {
      const noise = melSpectrogram({ samples, sampleRate: 22_050 }, by)
      const own = new SpectralEnvelope(by, prior)
      // Bins in the midst of the bands, whose filters hold several.
      const gains = Array.from({ length: 50 }, (_, frame) => [...own.gains(noise, 5 + frame).subarray(150, 350)]).flat()
      const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length
      assert.ok(Math.abs(mean - 1) < 0.06, `power ${by.power}: ${mean}`)
    }
  })

  test('bounds the gains, so that silence stays finite', () => {
    const samples = new Float32Array(4096)
    const silence = melSpectrogram({ samples, sampleRate: 22050 }, convention)
    // The convention's own floor gives silence a gain of 1.2e-5.
    const bounded = new SpectralEnvelope(convention, { ...prior, floor: 0.01 })
    const covered = Math.floor((convention.maxFrequency * convention.fftSize) / convention.sampleRate)
    const gains = bounded.gains(silence, 4).subarray(0, covered)
    assert.ok(gains.every(gain => Math.abs(gain - 0.01) < 1e-9))
    // Above the mel's range they go on falling: by 50 dB in the first kHz.
    assert.ok(bounded.gains(silence, 4).at(-1)! < 1e-9)
    const white = whiten(samples, silence, bounded)
    assert.ok(white.every(y => y === 0))
  })
})

describe('emphasis', () => {
  test('is its own transpose, the identity at 0, and scaled colouring at 1', () => {
    const part = sliceMel(mel, 40, 60)
    const [a, b] = [gaussian(3, 0, 0, 20 * 256), gaussian(3, 1, 0, 20 * 256)]
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
    for (const exponent of [0.5, 1]) {
      const weigh = emphasis(part, envelope, exponent)
      const [left, right] = [dot(weigh(a), b), dot(a, weigh(b))]
      assert.ok(Math.abs(left - right) < 1e-4 * Math.sqrt(dot(weigh(a), weigh(a)) * dot(b, b)), `${left} ${right}`)
    }
    const unweighed = emphasis(part, envelope, 0)(a)
    const heard = emphasis(part, envelope, 1)(a)
    const colouredToo = coloured(a, part)
    const ratio = Math.sqrt(dot(heard, heard) / dot(colouredToo, colouredToo))
    assert.ok(decibels(heard, i => heard[i]! - ratio * colouredToo[i]!) > 60)
    assert.ok(decibels(a, i => unweighed[i]! - a[i]!) > 100)
  })
})
