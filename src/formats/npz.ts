/** NumPy's `.npz`: a zip archive of `.npy` files, stored (`np.savez`) or deflated (`np.savez_compressed`). */
import { DiffWaveError } from '../core/errors.js'
import { MAX_ARRAY_BYTES } from '../core/limits.js'
import type { Tensor } from '../core/tensor.js'
import { decodeNpy } from './npy.js'
import { readZipEntry, zipNames } from './zip.js'

const ENDING = '.npy'

/**
 * Names of the arrays in an archive, in order; none if it is not an `.npz`.
 * @throws DiffWaveError `BAD_ZIP`, `TOO_LARGE`
 */
export function npzNames(bytes: Uint8Array, where: string): string[] {
  return zipNames(bytes, where)
    .filter(name => name.endsWith(ENDING))
    .map(name => name.slice(0, -ENDING.length))
}

/** One array of an archive. @throws DiffWaveError as `decodeNpy` and `readZipEntry` */
export function decodeNpz(bytes: Uint8Array, name: string, where: string): Tensor {
  const entry = readZipEntry(bytes, name + ENDING, MAX_ARRAY_BYTES, where)
  if (entry.length === 0) throw new DiffWaveError('TRUNCATED', `the array ${name} is empty`, { where })
  return decodeNpy(entry, `${where}, array ${name}`)
}
