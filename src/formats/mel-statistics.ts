/**
 * Reads the mean and the standard deviation of mel bands from the files of other toolkits: ParallelWaveGAN's
 * `stats.npy` `[2, bands]` and `stats.h5`, ESPnet's `feats_stats.npz` (count, sum, sum of squares), other `.npz` files,
 * and JSON with one number each, as for Matcha.
 */
import type { MelStatisticsOfBands } from '../audio/mel/rescale.js'
import { DiffWaveError } from '../core/errors.js'
import { MAX_CONFIG_BYTES, MAX_MEL_BANDS } from '../core/limits.js'
import { type PathLike, toPath } from '../core/path.js'
import { readFileBytes } from '../core/read-file.js'
import { decodeNpy, isNpy } from './npy.js'
import { decodeNpz, npzNames } from './npz.js'
import { isZip } from './zip-signature.js'

/** Names of the mean and of the deviation in `.npz` and JSON files. */
const MEANS = ['mean', 'mel_mean']
const DEVIATIONS = ['deviation', 'scale', 'std', 'mel_std']

/**
 * Reads the statistics of mels from a file.
 *
 * @param path of the file, as text or a `file:` URL
 * @returns mean and standard deviation, `[bands]` each; one number each if they are those of all bands together
 * @throws DiffWaveError `BAD_MEL` (not statistics), `UNSUPPORTED_FORMAT` (other formats, and HDF5 of another
 * kind than h5py writes by default), `TRUNCATED`, `TOO_LARGE`, and as `readFileBytes`
 * @example
 * const statistics = await readMelStatistics('stats.npy')
 */
export async function readMelStatistics(path: PathLike): Promise<MelStatisticsOfBands> {
  const file = toPath(path, 'readMelStatistics path')
  const bytes = await readFileBytes(file)
  const [mean, deviation] = await decode(bytes, file)
  const isPair = mean !== undefined && deviation !== undefined && mean.length === deviation.length
  if (!isPair || mean.length < 1 || mean.length > MAX_MEL_BANDS || !mean.every(Number.isFinite)) {
    throw bad('the file holds no mean and deviation per band', file)
  }
  if (!deviation.every(value => Number.isFinite(value) && value > 0)) throw bad('a deviation is not positive', file)
  return { mean, deviation }
}

type Pair = readonly [readonly number[] | undefined, readonly number[] | undefined]

async function decode(bytes: Uint8Array, where: string): Promise<Pair> {
  const { decodeHdf5, isHdf5 } = await import('./hdf5.js')
  if (isHdf5(bytes)) {
    const arrays = decodeHdf5(bytes, [...MEANS, ...DEVIATIONS], MAX_MEL_BANDS, where)
    const found = (among: readonly string[]) => {
      const array = among.map(name => arrays.get(name)).find(array => array !== undefined)
      return array && [...array.data]
    }
    return [found(MEANS), found(DEVIATIONS)]
  }
  if (isNpy(bytes)) {
    const { shape, data } = decodeNpy(bytes, where)
    if (shape.length !== 2 || shape[0] !== 2) {
      throw new DiffWaveError('BAD_MEL', 'the array does not hold mel statistics', {
        expected: '[2, bands]: mean, then deviation',
        got: `[${shape.slice(0, 8).join(', ')}]`,
        where,
      })
    }
    const bands = shape[1]!
    if (bands > MAX_MEL_BANDS) return [undefined, undefined]
    return [[...data.subarray(0, bands)], [...data.subarray(bands)]]
  }
  if (isZip(bytes)) return decodeArchive(bytes, where)
  return decodeJson(bytes, where)
}

function decodeArchive(bytes: Uint8Array, where: string): Pair {
  const names = npzNames(bytes, where)
  const read = (name: string | undefined) => {
    if (name === undefined) return undefined
    const { data } = decodeNpz(bytes, name, where)
    // Checked first, because a JavaScript list takes several times the memory of the array.
    if (data.length > MAX_MEL_BANDS) throw bad(`the array ${name} has too many numbers`, where)
    return [...data]
  }
  const found = (among: readonly string[]) => read(names.find(name => among.includes(name)))
  if (!['count', 'sum', 'sum_square'].every(name => names.includes(name))) return [found(MEANS), found(DEVIATIONS)]
  const [count, sum, squares] = [read('count')![0]!, read('sum')!, read('sum_square')!]
  if (squares.length !== sum.length) return [undefined, undefined]
  const mean = sum.map(value => value / count)
  return [mean, squares.map((value, band) => Math.sqrt(Math.max(0, value / count - mean[band]! ** 2)))]
}

function decodeJson(bytes: Uint8Array, where: string): Pair {
  let json: unknown
  try {
    if (bytes.length > MAX_CONFIG_BYTES) throw new RangeError('too long')
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'not a file of mel statistics', {
      expected: '.npy, .npz, .h5 or JSON',
      where,
      cause: error,
    })
  }
  const entries = new Map(Object.entries(Object(json)))
  const found = (among: readonly string[]) => {
    const value = among.map(name => entries.get(name)).find(value => value !== undefined)
    const values: unknown = typeof value === 'number' ? [value] : value
    return Array.isArray(values) && values.every(value => typeof value === 'number') ? (values as number[]) : undefined
  }
  return [found(MEANS), found(DEVIATIONS)]
}

function bad(problem: string, where: string): DiffWaveError {
  return new DiffWaveError('BAD_MEL', problem, {
    expected:
      '[2, bands] in .npy; mean and scale in .h5, those or count, sum and sum_square in .npz; mean and std in JSON',
    where,
  })
}
