/** The transforms of the windowed front end, and the envelope that a mel implies. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { sliceMel } from '#src/audio/mel/frames'
import { melSpectrogram } from '#src/audio/mel/mel'
import { gaussian } from '#src/core/random'
import { envelopeOf, FrontEndEnvelope } from '#src/model/front-end/envelope'
import { analysisRows, coverage, synthesisRows, WindowFilter, windowMargin } from '#src/model/front-end/windows'
import { networkSchema } from '#src/model/network'
import { initialParameters } from '#src/training/optimiser/initialise'
import { relativeError } from '../../support/numbers.js'

const shapes = [
  { kernel: 512, stride: 128 },
  { kernel: 24, stride: 8 },
  { kernel: 12, stride: 4 },
  { kernel: 8, stride: 8 },
]

for (const shape of shapes) {
  const frontEnd = { ...shape, bins: shape.kernel / 2 + 1 }
  const { kernel, stride, bins } = frontEnd
  const positions = 11
  const audio = gaussian(1, kernel, 0, positions * stride)
  const margin = windowMargin(frontEnd)
  const at = (p: number, n: number) => audio[p * stride - margin + n] ?? 0

  describe(`windows of ${kernel} every ${stride} samples`, () => {
    test('synthesis inverts analysis', () => {
      const [analysis, synthesis] = [analysisRows(frontEnd), synthesisRows(frontEnd)]
      const covered = coverage(frontEnd, 0, positions, positions)
      const sums = new Float64Array(audio.length)
      for (let p = 0; p < positions; p++) {
        for (let row = 0; row < 2 * bins; row++) {
          let coefficient = 0
          for (let n = 0; n < kernel; n++) coefficient += analysis[row * kernel + n]! * at(p, n)
          for (let n = 0; n < kernel; n++) {
            const t = p * stride - margin + n
            if (t >= 0 && t < sums.length) sums[t]! += coefficient * synthesis[row * kernel + n]!
          }
        }
      }
      assert.ok(
        relativeError(
          sums.map((sum, t) => sum / covered[t]!),
          audio,
        ) < 1e-5,
      )
    })

    test('a filter with gains of 1 is the identity, and other gains scale the bins', () => {
      const filter = new WindowFilter(frontEnd)
      const padded = new Float32Array(audio.length + 2 * margin)
      padded.set(audio, margin)
      const covered = coverage(frontEnd, 0, positions, positions)
      const filtered = (gain: number) => {
        const sums = new Float64Array(padded.length)
        filter.addAll(padded, new Float32Array(positions * bins).fill(gain), sums)
        return sums.slice(margin, margin + audio.length).map((sum, t) => sum / covered[t]!)
      }
      assert.ok(relativeError(filtered(1), audio) < 1e-5)
      assert.ok(
        relativeError(
          filtered(0.5).map(x => 2 * x),
          audio,
        ) < 1e-5,
      )
    })

    test('learned windows start as these transforms', () => {
      const network = networkSchema.parse({
        channels: 2,
        layers: 1,
        dilationCycle: 1,
        frontEnd: { kind: 'windows', kernel, stride, learned: true },
      })
      const parameters = initialParameters(network, 1)
      assert.deepEqual(parameters.get('front_end.analysis')!.data, analysisRows(frontEnd))
      assert.deepEqual(parameters.get('front_end.synthesis')!.data, synthesisRows(frontEnd))
      assert.deepEqual(parameters.get('front_end.analysis')!.shape, [2 * bins, 1, kernel])
    })
  })
}

describe('the envelope of a windowed front end', () => {
  const convention = namedConventions.tacotron2
  const network = networkSchema.parse({
    channels: 2,
    layers: 1,
    dilationCycle: 1,
    frontEnd: { kind: 'windows', kernel: 512, stride: 128, bins: 187, envelope: {} },
    mel: { kind: 'frame-rate', bands: 80, hop: 256 },
  })
  const envelope = envelopeOf(network, convention)!

  test('of the mel of white noise is the deviation of the noise', () => {
    const samples = gaussian(1, 0, 0, 200 * 256).map(x => 0.1 * x)
    const mel = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
    const deviations = envelope.deviations(mel, 400)
    const middle = deviations.filter((_, i) => i % 187 > 5 && i % 187 < 180)
    const mean = Math.sqrt(middle.reduce((sum, x) => sum + x * x, 0) / middle.length)
    assert.ok(Math.abs(mean / 0.1 - 1) < 0.1, `${mean}`)
  })

  test('has the same bytes for a mel in pieces', () => {
    const mel = { data: gaussian(2, 0, 0, 80 * 23).map(x => x - 4), bands: 80, frames: 23 }
    const whole = envelope.deviations(mel, 46)
    for (const size of [1, 4, 23]) {
      const stream = envelope.stream()
      const pieces: number[] = []
      for (let from = 0; from < 23; from += size) {
        const to = Math.min(23, from + size)
        pieces.push(...stream.push(sliceMel(mel, from, to), to === 23))
      }
      assert.deepEqual(Float32Array.from(pieces), whole, `${size} frames at a time`)
    }
  })

  test('needs a mel convention, and is null for a network without an envelope', () => {
    assert.throws(() => envelopeOf(network, null), { code: 'BAD_OPTION', message: /mel convention/ })
    assert.equal(envelopeOf({ frontEnd: null }, null), null)
    assert.ok(envelope instanceof FrontEndEnvelope)
  })
})
