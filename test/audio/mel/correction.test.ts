/** The correction moves audio towards a mel. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { correctionObstacle, MelCorrection } from '#src/audio/mel/correction'
import { sliceMel } from '#src/audio/mel/frames'
import { melSpectrogram } from '#src/audio/mel/mel'
import { gaussian } from '#src/core/random'
import { decodeSafetensors } from '#src/formats/safetensors'
import { relativeError } from '../../support/numbers.js'
import { golden } from '../../support/paths.js'

const convention = namedConventions.tacotron2
const frames = 12
const noise = gaussian(1, 0, 0, frames * convention.hop).map(x => 0.1 * x)
const voice = gaussian(1, 1, 0, noise.length).map((x, n) => 0.2 * Math.sin(n / 15) + 0.02 * x)
const mel = sliceMel(melSpectrogram({ samples: voice, sampleRate: 22_050 }, convention), 0, frames)

/** Mean distance of two mels, in nepers. */
function melDistance(audio: Float32Array): number {
  const own = melSpectrogram({ samples: audio, sampleRate: 22_050 }, convention)
  let sum = 0
  for (let band = 0; band < 80; band++) {
    for (let f = 0; f < frames; f++) {
      sum += Math.abs(own.data[band * own.frames + f]! - mel.data[band * frames + f]!)
    }
  }
  return sum / (80 * frames)
}

describe('the mel correction', () => {
  test('brings audio nearer to the mel with each pass', () => {
    const distances = [1, 2, 4].map(passes =>
      melDistance(new MelCorrection(convention, { passes, iterations: 5, relaxation: 1 }).correct(noise, mel)),
    )
    const before = melDistance(noise)
    assert.ok(distances[0]! < before / 2, `${before} → ${distances[0]}`)
    assert.ok(distances[1]! < distances[0]! && distances[2]! < distances[1]!, `${distances}`)
  })

  test('goes past the mel with relaxation, by a factor between a half and two', () => {
    const level = (relaxation: number, scale: number) => {
      const settings = { passes: 1, iterations: 1, relaxation }
      const made = new MelCorrection(convention, settings).correct(
        voice.map(x => scale * x),
        mel,
      )
      // The ends differ from the mel: its frames there contain audio beyond them.
      return Math.hypot(...made.subarray(3 * convention.hop, (frames - 3) * convention.hop))
    }
    // Audio of the mel itself needs a gain of 1, so audio at half its level one of 2, which becomes 2 · 1.5.
    const own = level(1, 1)
    for (const [scale, relaxation, expected] of [
      [1, 1.5, 1],
      [0.5, 1, 1],
      [0.5, 1.5, 1.5],
      [0.25, 1.5, 2],
      [4 / 3, 1.5, 0.875],
    ] as const) {
      const actual = level(relaxation, scale) / own
      assert.ok(Math.abs(actual - expected) < 0.01, `${scale}, ${relaxation}: ${actual} instead of ${expected}`)
    }
  })

  test('agrees with PyTorch', () => {
    const path = golden('pytorch-windows/golden.safetensors')
    const { tensors } = decodeSafetensors(readFileSync(path), path)
    const of = (name: string, clip: number) => {
      const { data, shape } = tensors.get(name)!
      const width = data.length / shape[0]!
      return data.slice(clip * width, (clip + 1) * width)
    }
    const correction = new MelCorrection(convention, { passes: 1, iterations: 5, relaxation: 1 })
    for (const clip of [0, 1]) {
      const whole = { data: of('mel', clip), bands: 80, frames: tensors.get('mel')!.shape[2]! }
      const own = sliceMel(whole, 0, whole.frames - 1)
      const actual = correction.correct(of('start', clip), own)
      const error = relativeError(actual, of('corrected_noise', clip))
      assert.ok(error < 1e-5, `clip ${clip}: ${error}`)
    }
  })

  test('gives the same bytes in pieces, and lags no more than it states', () => {
    for (const passes of [1, 3]) {
      const correction = new MelCorrection(convention, { passes, iterations: 3, relaxation: 1.7 })
      for (const length of [noise.length, noise.length - 128, 900]) {
        const audio = noise.subarray(0, length)
        const whole = correction.correct(audio, mel)
        const targets = correction.targets()
        const stream = correction.stream(targets)
        const given: number[] = []
        let heard = 0
        for (let at = 0; at < length; at += 384) {
          const end = Math.min(length, at + 384)
          const needed = Math.min(frames, Math.ceil(end / convention.hop) + 1)
          targets.push(sliceMel(mel, heard, needed))
          heard = needed
          given.push(...stream.push(audio.subarray(at, end), end === length))
          assert.ok(given.length >= end - correction.lag)
          targets.forget(stream.neededFrame)
        }
        assert.deepEqual(Float32Array.from(given), whole, `${passes} passes, ${length} samples`)
      }
    }
  })

  test('has the gradient that finite differences show', () => {
    const correction = new MelCorrection(convention, { passes: 2, iterations: 5, relaxation: 1.7 })
    const weights = gaussian(1, 3, 0, noise.length)
    const loss = (audio: Float32Array) => correction.correct(audio, mel).reduce((sum, x, n) => sum + x * weights[n]!, 0)
    // In the quiet audio, gains reach their bound.
    for (const level of [1, 1e-3]) {
      const audio = noise.map(x => level * x)
      const gradient = correction.gradient(audio, mel, weights)
      const direction = gaussian(1, 4, 0, noise.length)
      const size = 1e-4 * level
      const moved = (sign: number) => audio.map((x, n) => x + sign * size * direction[n]!)
      const slope = (loss(moved(1)) - loss(moved(-1))) / (2 * size)
      const expected = gradient.reduce((sum, g, n) => sum + g * direction[n]!, 0)
      assert.ok(Math.abs(slope / expected - 1) < 1e-2, `${level}: slope ${slope}, gradient says ${expected}`)
    }
  })

  test('has a finite gradient in silence', () => {
    const correction = new MelCorrection(convention, { passes: 2, iterations: 5, relaxation: 1.7 })
    const silence = new Float32Array(noise.length)
    assert.ok(correction.gradient(silence, mel, noise).every(Number.isFinite))
    assert.ok(correction.correct(silence, mel).every(x => x === 0))
  })

  test('names what a convention lacks for it', () => {
    assert.equal(correctionObstacle(convention), null)
    assert.match(correctionObstacle(namedConventions.hifigan)!, /centred/)
    assert.match(correctionObstacle({ ...convention, power: 2 })!, /power 1/)
    assert.match(correctionObstacle({ ...convention, windowLength: 800 })!, /windowLength/)
    assert.match(correctionObstacle({ ...convention, hop: 512 })!, /two and a half hops/)
  })
})
