/** The polarity of recordings. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { readModel } from '#src/model/read-model'
import type { Clip, Dataset } from '#src/training/data/dataset'
import type { LoadProgress } from '#src/training/data/dataset-options'
import { normalisePolarity } from '#src/training/data/polarity'
import { code } from '../../support/errors.js'
import { golden } from '../../support/paths.js'

const { config } = await readModel(golden('pytorch-windows'))
const harmonics = { corner: 3000, noise: 0.3, phase: 'zero', pitch: 'mean' } as const
const prior = { kind: 'front-end', harmonics } as const
const model = { ...config, diffusion: { ...config.diffusion, prior } }

/** A voice: decaying answers to pulses, some noise. @param sign −1: inverted */
function voice(seed: number, sign: number): Int16Array {
  const noise = gaussian(seed, 0, 0, 12_000)
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

describe('normalisePolarity', () => {
  const training = [clip('a', 1, 1), clip('a', 2, 1), clip('b', 3, -1), clip('b', 4, -1)]
  const validation = [clip('b', 5, -1)]
  const data = { training, validation } as unknown as Dataset

  test('inverts recordings of folders with inverted polarity, also for validation', async () => {
    const found = await normalisePolarity(data, model)
    assert.deepEqual(found.training[0], training[0])
    assert.deepEqual(found.training[2]!.samples, voice(3, 1))
    assert.deepEqual(found.training[3]!.samples, voice(4, 1))
    assert.deepEqual(found.validation[0]!.samples, voice(5, 1))
  })

  test('clips the inverse of the lowest sample to the range', async () => {
    const loud = { ...clip('b', 3, -1), samples: voice(3, -1).fill(-32768, 100, 101) }
    const found = await normalisePolarity({ ...data, training: [loud, ...training.slice(2)] }, model)
    assert.equal(found.training[0]!.samples[100], 32767)
  })

  test('keeps recordings without voice as they are', async () => {
    const hiss = { ...clip('c', 6, 1), samples: Int16Array.from(gaussian(6, 0, 0, 20_000), z => 1000 * z) }
    const found = await normalisePolarity({ ...data, training: [hiss], validation: [] }, model)
    assert.deepEqual(found.training[0], hiss)
  })

  test('reports each recording, and stops at once on a signal', async () => {
    const stop = new AbortController()
    const reports: unknown[] = []
    const onProgress = (progress: LoadProgress) => {
      reports.push(progress)
      stop.abort()
    }
    await assert.rejects(normalisePolarity(data, model, { signal: stop.signal, onProgress }), code('ABORTED'))
    assert.deepEqual(reports, [{ stage: 'aligning', done: 1, total: 4 }])
  })
})
