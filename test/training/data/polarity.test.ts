/** Which way up recordings are. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'
import { modelConfigSchema } from '#src/model/config'
import type { Clip, Dataset } from '#src/training/data/dataset'
import { upright } from '#src/training/data/polarity'

const model = modelConfigSchema.parse({
  format: 'diffwave',
  version: 1,
  kind: 'vocoder',
  sampleRate: 22050,
  network: {
    channels: 4,
    layers: 1,
    dilationCycle: 1,
    frontEnd: { kind: 'windows', kernel: 256, stride: 128, bins: 93, envelope: {} },
    inputMask: { steps: 200 },
    mel: { kind: 'frame-rate', bands: 80, hop: 256, encoder: [4] },
  },
  mel: namedConventions.tacotron2,
  diffusion: {
    training: { kind: 'cosine', steps: 200 },
    prediction: 'x0',
    clamp: false,
    prior: { kind: 'front-end', harmonics: {} },
  },
})

/** A voice: decaying answers to pulses, some noise. @param sign −1: upside down */
function voice(seed: number, sign: number): Int16Array {
  const noise = gaussian(seed, 0, 0, 20_000)
  let [one, two] = [0, 0]
  return Int16Array.from(noise, (z, n) => {
    const value = 1.6 * one - 0.8 * two + (n % (100 + 10 * seed) === 0 ? 1 : 0) + 0.01 * z
    two = one
    one = value
    return Math.round(sign * 6000 * value)
  })
}

const clip = (folder: string, seed: number, sign: number): Clip => ({
  name: `${seed}.wav`,
  folder,
  label: '',
  samples: voice(seed, sign),
})

describe('recordings', () => {
  const training = [clip('a', 1, 1), clip('a', 2, 1), clip('b', 3, -1), clip('b', 4, -1)]
  const validation = [clip('b', 5, -1)]
  const data = { training, validation } as unknown as Dataset

  test('of folders that are upside down are turned, those kept for validation, too', () => {
    const found = upright(data, model)
    assert.deepEqual(found.training[0], training[0])
    assert.deepEqual(found.training[2]!.samples, voice(3, 1))
    assert.deepEqual(found.training[3]!.samples, voice(4, 1))
    assert.deepEqual(found.validation[0]!.samples, voice(5, 1))
  })

  test('keep their range: the lowest sample has no opposite', () => {
    const loud = { ...clip('b', 3, -1), samples: voice(3, -1).fill(-32768, 100, 101) }
    const found = upright({ ...data, training: [loud, ...training.slice(2)] }, model)
    assert.equal(found.training[0]!.samples[100], 32767)
  })

  test('without voice stay as they are', () => {
    const hiss = { ...clip('c', 6, 1), samples: Int16Array.from(gaussian(6, 0, 0, 20_000), z => 1000 * z) }
    assert.deepEqual(upright({ ...data, training: [hiss], validation: [] }, model).training[0], hiss)
  })
})
