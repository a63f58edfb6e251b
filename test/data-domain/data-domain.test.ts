/** Every data domain encodes and decodes, streams, scales, and can be made to agree with known audio. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { readWhole } from '#src/audio/mel/feed'
import { melSpectrogram } from '#src/audio/mel/mel'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import { decodeWhole, encodedInParts } from '#src/data-domain/data-domain'
import { type DomainConfig, domainOf } from '#src/data-domain/domain-of'
import { agreeing } from '#src/repair/fill'
import { Cropper } from '#src/training/data/crop'
import { smallVocoderConfig } from '../support/configs.js'

const convention = namedConventions.tacotron2
const length = 24 * convention.hop
const samples = gaussian(1, 0, 0, length).map(z => 0.1 * z)
const mel = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
const envelope = { kind: 'mel-envelope', follows: 'bands', floor: 1e-4 } as const
const energy = { kind: 'mel-energy', minEnergy: 0, maxEnergy: 10, floor: 0.1 } as const
const plain = { prior: null, signalScale: 1, subbands: null }
const nothing = new Float32Array(length)
const weight = new Float32Array(length).fill(1)
const gains = Array.from({ length: 16 }, (_, band) => 0.5 + band)
const subbands = domainOf({
  network: { frontEnd: null },
  mel: null,
  diffusion: { ...plain, subbands: { kind: 'mdct', gains } },
})

const error = (a: Float32Array, b: Float32Array, from: number, to: number) => {
  let [squares, power] = [0, 0]
  for (let i = from; i < to; i++) {
    squares += (a[i]! - b[i]!) ** 2
    power += b[i]! ** 2
  }
  return Math.sqrt(squares / power)
}
const rms = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length)
/** Low-passed, so that an envelope covers it. */
const low = samples.map((_, i) => (samples[i - 1] ?? 0) + 2 * samples[i]! + (samples[i + 1] ?? 0))

const domains: Readonly<Record<string, DomainConfig>> = {
  waveform: { network: { frontEnd: null }, mel: null, diffusion: { ...plain, signalScale: 5 } },
  'energy prior': {
    network: { frontEnd: null },
    mel: convention,
    diffusion: { ...plain, prior: energy, signalScale: 3 },
  },
  'envelope prior': {
    network: { frontEnd: null },
    mel: convention,
    diffusion: { ...plain, prior: envelope, signalScale: 4 },
  },
  subbands: { network: { frontEnd: null }, mel: null, diffusion: { ...plain, subbands: { kind: 'mdct', gains } } },
}

for (const [name, config] of Object.entries(domains)) {
  describe(`the domain ${name}`, () => {
    const domain = domainOf(config)
    const own = config.mel === null ? null : mel

    if (own === null) {
      test('encoding in parts has the bytes of the whole', () => {
        const clip = samples.subarray(0, 1001)
        const whole = domain.encode(clip, null)
        const part = encodedInParts(domain, clip)
        for (const length of [16, 96, 100, 2048]) {
          for (let start = 0; start < clip.length; start += Math.ceil(length / 16) * 16) {
            assert.deepEqual(part(start, length), whole.subarray(start, start + length))
          }
        }
      })
    }

    test('decoding the encoded audio returns it', () => {
      const back = decodeWhole(domain, domain.encode(low, own), own)
      assert.ok(error(back, low, 2048, length - 2048) < (name === 'envelope prior' ? 0.3 : 1e-6))
    })

    test('a decoder gives the same bytes for pieces of any size', () => {
      const data = domain.encode(samples, own)
      const whole = decodeWhole(domain, data, own)
      for (const size of [16, 592, 4096]) {
        const decoder = domain.decoder(own === null ? null : readWhole(own))
        const pieces = []
        for (let at = 0; at < data.length; at += size) pieces.push(decoder.push(data.subarray(at, at + size)))
        assert.deepEqual(concatenateAudio([...pieces, decoder.flush()]), whole)
      }
    })

    test('a sample affects data up to `reach` when they are decoded and encoded again', () => {
      const at = 3000
      const changed = low.with(at, low[at]! + 0.5)
      const [before, after] = [low, changed].map(audio =>
        domain.encode(decodeWhole(domain, domain.encode(audio, own), own), own),
      )
      const difference = before!.map((y, i) => Math.abs(after![i]! - y))
      const beyond = difference.filter((_, i) => Math.abs(i - at) > domain.reach)
      // Nothing, but for the tails of an envelope's windows, 100 dB lower.
      assert.ok(Math.max(...beyond) <= (name === 'envelope prior' ? 1e-5 * Math.max(...difference) : 0))
    })

    test('louder audio has the data that `gain` says', () => {
      const louder = low.map(x => 2 * x)
      const audio = { samples: louder, sampleRate: convention.sampleRate }
      const its = own === null ? null : melSpectrogram(audio, convention)
      const first = own === null ? null : melSpectrogram({ ...audio, samples: low }, convention)
      const expected = domain.encode(low, first).map(y => domain.gain(2) * y)
      assert.ok(error(domain.encode(louder, its), expected, 2048, length - 2048) < 1e-3)
    })

    test('the noise and the decoder read the mel only if they use it', () => {
      const asked: string[] = []
      const reader = (name: string) => () => {
        asked.push(name)
        return { take: () => [] }
      }
      const mels = { nextReader: reader('next'), lastReader: reader('last') }
      domain.noise(mels)
      domain.decoder(mels)
      assert.deepEqual(asked, name === 'energy prior' ? ['next'] : name === 'envelope prior' ? ['last'] : [])
    })

    if (own !== null) {
      test('the trainer’s data equal those of the domain, at every gain', () => {
        const model = smallVocoderConfig({
          mel: 'tacotron2',
          diffusion: { training: { kind: 'cosine', steps: 10 }, ...config.diffusion, clamp: false },
        })
        const clip = { name: 'a.wav', label: '', samples: Int16Array.from(samples, x => Math.round(32768 * x)) }
        const audio = Float32Array.from(clip.samples, x => x / 32768)
        const ownMel = melSpectrogram({ samples: audio, sampleRate: convention.sampleRate }, convention)
        const data = domain.encode(audio, ownMel)
        for (const gain of [1, 0.5]) {
          const crop = new Cropper(model, domainOf(model)).crop(clip, 1024, 2048, gain)
          const expected = data.slice(1024, 3072).map(y => domain.gain(gain) * y)
          assert.ok(error(crop.audio, expected, 0, 2048) < 1e-3, `gain ${gain}`)
          assert.ok(Math.abs(rms(crop.audio) / rms(expected) - 1) < 1e-3, `${rms(crop.audio)} ${rms(expected)}`)
        }
      })
    }
  })
}

describe('the signal scale', () => {
  test('multiplies the data of a mel-envelope prior, their bound and their quantum', () => {
    const [one, four] = [1, 4].map(signalScale =>
      domainOf({ network: { frontEnd: null }, mel: convention, diffusion: { ...plain, prior: envelope, signalScale } }),
    )
    assert.ok(Math.abs(rms(four!.encode(samples, mel)) / rms(one!.encode(samples, mel)) - 4) < 1e-5)
    assert.equal(four!.maxAbs, 4 * one!.maxAbs)
    assert.equal(four!.whiteGain, 4 * one!.whiteGain)
    assert.equal(four!.quantum, 4 * one!.quantum!)
  })
})

describe('agreeing', () => {
  test('takes the known samples in proportion to their weight, without an envelope', () => {
    const domain = domainOf({ network: { frontEnd: null }, mel: null, diffusion: { ...plain, signalScale: 5 } })
    const half = Float32Array.from(weight, (_, i) => (i < 100 ? 1 : i < 200 ? 0.5 : 0))
    const met = agreeing(domain, null, nothing, { samples, weight: half })
    for (const [i, share] of half.entries()) assert.ok(Math.abs(met[i]! - 5 * share * samples[i]!) < 1e-6)
  })

  test('brings data under an envelope nearer to the recording with each call', () => {
    const domain = domainOf({ network: { frontEnd: null }, mel: convention, diffusion: { ...plain, prior: envelope } })
    const once = agreeing(domain, mel, nothing, { samples: low, weight })
    const twice = agreeing(domain, mel, once, { samples: low, weight })
    const [first, second] = [once, twice].map(data => error(decodeWhole(domain, data, mel), low, 2048, length - 2048))
    assert.ok(first! < 0.3, `${first} off`)
    assert.ok(second! < first!, `${second} off after ${first}`)
  })

  test('stays bounded if the recording is far louder than its mel', () => {
    const domain = domainOf({ network: { frontEnd: null }, mel: convention, diffusion: { ...plain, prior: envelope } })
    const met = agreeing(domain, mel, nothing, { samples: samples.map(x => 1000 * x), weight })
    const peak = met.reduce((max, y) => Math.max(max, Math.abs(y)), 0)
    assert.equal(peak, domain.maxAbs)
    assert.ok(peak < 100)
  })
})

describe('subbands', () => {
  test('multiply each band by its gain, and white noise by whiteGain', () => {
    // Not whole blocks: silence fills the last.
    const whole = subbands.encode(samples.subarray(0, 1003), null)
    assert.equal(whole.length, 1008)
    const back = decodeWhole(subbands, whole, null)
    assert.ok(error(back.subarray(0, 1003), samples.subarray(0, 1003), 0, 1003) < 1e-6)
    const white = subbands.encode(gaussian(2, 0, 0, 16_384), null)
    const power = (band: number) => {
      let sum = 0
      for (let i = band; i < white.length; i += 16) sum += white[i]! ** 2
      return sum / (white.length / 16)
    }
    for (const band of [0, 7, 15]) assert.ok(Math.abs(Math.sqrt(power(band)) / gains[band]! - 1) < 0.1)
    assert.ok(Math.abs(rms(white) / subbands.whiteGain - 1) < 0.05)
  })

  test('agree with known audio where it is known, and only there', () => {
    const half = Float32Array.from(weight, (_, i) => (i < 100 ? 1 : 0))
    const met = decodeWhole(subbands, agreeing(subbands, null, nothing, { samples, weight: half }), null)
    assert.ok(error(met, samples, 0, 100) < 1e-5)
    assert.ok(met.subarray(100).every(x => Math.abs(x) < 1e-5))
  })
})
