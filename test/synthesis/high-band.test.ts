/** A vocoder with a high band adds noise above its mel, and streams the same bytes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { sliceMel } from '#src/audio/mel/frames'
import { frameLevels, highBandFilter, levelBands } from '#src/audio/mel/high-band'
import { gaussian } from '#src/core/random'
import { draws } from '#src/core/random-streams'
import { Vocoder } from '#src/vocoder'
import { collect } from '../support/audio.js'
import { lmntDiffusion, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'

const convention = namedConventions.tacotron2
const highBand = { from: 7000, gain: -2, slope: -3 }
const frames = 20
const mel = { data: gaussian(1, 0, 0, 80 * frames).map(value => value / 2 - 4), bands: 80, frames }

function vocoder(band: typeof highBand | null, refine = 0, mel: 'tacotron2' | 'hifigan' = 'tacotron2'): Vocoder {
  const refinement = refine === 0 ? null : { iterations: refine }
  const diffusion = { ...lmntDiffusion, highBand: band, refinement }
  return new Vocoder(fakeModel(smallVocoderConfig({ mel, diffusion })))
}

describe('a vocoder with a high band', () => {
  test('adds filtered noise of its seed at the mel’s level, and nothing else', async () => {
    const seed = 5
    const plain = await vocoder(null).synthesize(mel, { seed })
    const full = await vocoder(highBand).synthesize(mel, { seed })
    const levels = frameLevels(convention, levelBands(convention, highBand.from), mel)
    const filter = highBandFilter(convention, highBand)
    // The band of 3 kHz is narrower than a third of the 11 kHz below half the sample rate.
    const every = 3
    const white = gaussian(seed, draws.highBand, 0, Math.ceil((frames * 256) / every))
    for (let n = 0; n < frames * 256; n++) {
      const [frame, share] = [Math.floor(n / 256), (n % 256) / 256]
      const level = levels[frame]! + share * ((levels[frame + 1] ?? levels[frame]!) - levels[frame]!)
      let noise = 0
      for (let m = 0; every * m <= n; m++) noise += (filter[n - every * m] ?? 0) * white[m]!
      const added = full.samples[n]! - plain.samples[n]!
      assert.ok(Math.abs(added - level * noise) < 1e-6, `sample ${n}: ${added}, expected ${level * noise}`)
    }
  })

  test('streams the bytes of the whole, however the mel arrives, also after refinement', async () => {
    async function* arriving(size: number) {
      for (let f = 0; f < frames; f += size) yield sliceMel(mel, f, Math.min(frames, f + size))
    }
    // The frames of the first lie in the middle of a hop, those of the second at its start.
    for (const [refine, name] of [
      [0, 'hifigan'],
      [2, 'tacotron2'],
    ] as const) {
      const { samples } = await vocoder(highBand, refine, name).synthesize(mel, { seed: 3 })
      for (const [chunkFrames, source] of [
        [1, arriving(7)],
        [4, mel],
        [frames, arriving(1)],
      ] as const) {
        const stream = vocoder(highBand, refine, name).stream(source, { seed: 3, chunkFrames })
        assert.deepEqual(await collect(stream), samples, `${refine} iterations, ${chunkFrames} frames at a time`)
      }
    }
  })

  test('looks no further ahead than one without', () => {
    assert.equal(vocoder(highBand).stream(mel).lookAhead, vocoder(null).stream(mel).lookAhead)
  })

  test('gives a clip of one frame, and the start of a longer one, its noise', async () => {
    const whole = await vocoder(highBand).synthesize(mel, { seed: 2 })
    const part = await vocoder(highBand).synthesize(mel, { seed: 2, length: 300 })
    assert.deepEqual(part.samples, whole.samples.subarray(0, 300))
    const one = await vocoder(highBand).synthesize(sliceMel(mel, 0, 1), { seed: 2 })
    assert.equal(one.samples.length, 256)
    assert.ok(one.samples.every(Number.isFinite))
  })
})
