/** Mels of other toolkits: their statistics are read, and their numbers are converted to a model's. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { zipSync } from 'fflate'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { rescaleMel } from '#src/audio/mel/rescale'
import { gaussian } from '#src/core/random'
import { readMelStatistics } from '#src/formats/mel-statistics'
import { encodeNpy } from '#src/formats/npy'
import { scratch } from '../support/process.js'

const files = scratch()
const npy = (shape: readonly number[], ...data: number[]) => encodeNpy({ shape, data: Float32Array.from(data) })

describe('readMelStatistics', () => {
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
    test(`reads statistics ${title}`, async () =>
      assert.deepEqual(await readMelStatistics(files.put(name, bytes)), expected))
  }

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
    ['text', 'hello', { code: 'UNSUPPORTED_FORMAT' }],
    ['JSON of something else', '{"mean": "x"}', { code: 'BAD_MEL' }],
    ['a mean of two bands and one deviation', '{"mean": [1, 2], "std": [1]}', { code: 'BAD_MEL' }],
  ] as const) {
    test(`refuses ${title}`, async () => assert.rejects(readMelStatistics(files.put('bad', bytes)), expected))
  }
})

describe('rescaleMel', () => {
  const convention = namedConventions.tacotron2
  const audio = { samples: gaussian(1, 0, 0, 4096).map(v => v / 10), sampleRate: 22_050 }
  const own = melSpectrogram(audio, convention)
  const statistics = { mean: Array.from({ length: 80 }, (_, i) => i / 40), deviation: [1.5] }
  const written = (change: (value: number, band: number) => number) => ({
    ...own,
    data: own.data.map((value, i) => change(value, Math.floor(i / own.frames))),
  })
  const close = (a: Float32Array) => assert.ok(a.every((value, i) => Math.abs(value - own.data[i]!) < 1e-5))

  test('converts a mel from log10', () => {
    close(
      rescaleMel(
        written(v => v / Math.LN10),
        { logarithm: 'log10' },
        convention,
      ).data,
    )
  })
  test('converts a mel from decibels', () => {
    close(
      rescaleMel(
        written(v => (20 * v) / Math.LN10),
        { logarithm: 'db' },
        convention,
      ).data,
    )
  })
  test('converts a mel from linear magnitudes', () => {
    close(rescaleMel(written(Math.exp), { logarithm: 'none' }, convention).data)
  })
  test('converts a mel from values normalised per band', () => {
    const normalised = written((v, band) => (v - statistics.mean[band]!) / 1.5)
    close(rescaleMel(normalised, { statistics }, convention).data)
  })
  test('converts a mel for a model with its own normalisation', () => {
    const lmnt = rescaleMel(own, { logarithm: 'ln' }, namedConventions.lmnt)
    const expected = Math.min(1, Math.max(0, 0.2 * (own.data[0]! / Math.LN10) + 0.8))
    assert.ok(Math.abs(lmnt.data[0]! - expected) < 1e-6)
  })
  test('refuses statistics of other bands, unknown options and overflow', () => {
    const two = { mean: [1, 2], deviation: [1, 2] }
    assert.throws(() => rescaleMel(own, { statistics: two }, convention), { code: 'BAD_MEL' })
    assert.throws(() => rescaleMel(own, { log: 'ln' } as never, convention), { code: 'BAD_OPTION' })
    const huge = { ...own, data: own.data.map(() => 1e6) }
    assert.throws(() => rescaleMel(huge, { logarithm: 'db' }, convention), { code: 'NOT_FINITE' })
  })
})
