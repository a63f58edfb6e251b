/** Checks whether the files in a cache are those that were downloaded. */
import { stat } from 'node:fs/promises'
import { DiffWaveError } from '../../core/errors.js'
import { digestOf } from './digest.js'
import type { Downloaded } from './download.js'

/** Whether a file has this size and hash. */
export async function isCached(path: string, { bytes, sha256 }: Downloaded): Promise<boolean> {
  const status = await stat(path).catch(() => null)
  return status?.size === bytes && (await digestOf(path, 'sha256')) === sha256
}

/** The error for a model that is not in the cache in offline mode. */
export function notCached(where: string): DiffWaveError {
  return new DiffWaveError(
    'FILE_NOT_FOUND',
    'the model is not in the cache, and nothing is downloaded in offline mode',
    {
      where,
      hint: 'Load it once without download.offline and DIFFWAVE_OFFLINE.',
    },
  )
}
