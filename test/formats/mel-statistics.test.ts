/** The statistics of other toolkits' mels. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { zipSync } from 'fflate'
import { readMelStatistics } from '#src/formats/mel-statistics'
import { encodeNpy } from '#src/formats/npy'
import { inCase } from '../support/in-case.js'
import { scratch } from '../support/process.js'

const files = scratch()
const npy = (shape: readonly number[], ...data: number[]) => encodeNpy({ shape, data: Float32Array.from(data) })

describe('readMelStatistics', () => {
  test('reads the statistics of every toolkit', async () => {
    for (const [title, name, bytes, expected] of [
      ['of ParallelWaveGAN', 'a.npy', npy([2, 2], 1, 2, 3, 4), { mean: [1, 2], deviation: [3, 4] }],
      [
        'as mean and scale',
        'b.npz',
        zipSync({ 'mean.npy': npy([1], 5), 'scale.npy': npy([1], 2) }),
        { mean: [5], deviation: [2] },
      ],
      [
        'of ESPnet, from sums',
        'c.npz',
        zipSync({ 'count.npy': npy([], 4), 'sum.npy': npy([2], 8, 4), 'sum_square.npy': npy([2], 52, 5) }),
        { mean: [2, 1], deviation: [3, 0.5] },
      ],
      ['of Matcha', 'd.json', '{"mel_mean": -5.5, "mel_std": 2}', { mean: [-5.5], deviation: [2] }],
    ] as const) {
      await inCase(title, async () => assert.deepEqual(await readMelStatistics(files.put(name, bytes)), expected))
    }
  })

  test('refuses hostile and damaged files with a code', async () => {
    for (const [title, bytes, expected] of [
      [
        'HDF5 of a newer layout, with the way to convert it',
        Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10, 2, 8, 8, 0, 0, 0, 0),
        { code: 'UNSUPPORTED_FORMAT', hint: /h5py/ },
      ],
      ['HDF5 cut short', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10), { code: 'TRUNCATED' }],
      ['a mel', npy([3, 2], 1, 2, 3, 4, 5, 6), { code: 'BAD_MEL', message: /\[3, 2\]/ }],
      ['a deviation of 0', npy([2, 1], 1, 0), { code: 'BAD_MEL', message: /not positive/ }],
      [
        'an array of far more numbers than bands',
        zipSync({ 'mean.npy': npy([100_000], ...new Float32Array(100_000)), 'scale.npy': npy([1], 1) }),
        { code: 'BAD_MEL', message: /too many numbers/ },
      ],
      ['an infinite deviation', npy([2, 1], 1, Number.POSITIVE_INFINITY), { code: 'BAD_MEL', message: /not positive/ }],
      ['a mean that is not a number', npy([2, 1], Number.NaN, 1), { code: 'BAD_MEL', message: /no mean/ }],
      [
        'sums of two bands and squares of one',
        zipSync({ 'count.npy': npy([], 4), 'sum.npy': npy([2], 8, 4), 'sum_square.npy': npy([1], 52) }),
        { code: 'BAD_MEL', message: /no mean/ },
      ],
      ['JSON of four megabytes', `{"mean":1,"std":1}${' '.repeat(4_000_000)}`, { code: 'UNSUPPORTED_FORMAT' }],
      ['text', 'hello', { code: 'UNSUPPORTED_FORMAT' }],
      ['JSON of something else', '{"mean": "x"}', { code: 'BAD_MEL' }],
      ['a mean of two bands and one deviation', '{"mean": [1, 2], "std": [1]}', { code: 'BAD_MEL' }],
    ] as const) {
      await inCase(title, async () => assert.rejects(readMelStatistics(files.put('bad', bytes)), expected))
    }
  })
})
