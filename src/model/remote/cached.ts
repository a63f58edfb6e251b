/** Files in a cache: whether they are those that were downloaded. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { DiffWaveError } from '../../core/errors.js'
import type { Downloaded } from './download.js'

/** Whether a file has these bytes. */
export async function isCached(path: string, { bytes, sha256 }: Downloaded): Promise<boolean> {
  const status = await stat(path).catch(() => null)
  return status?.size === bytes && (await digestOf(path, 'sha256')) === sha256
}

/** A file's digest in hexadecimal digits. @param prefix bytes before the file's */
export async function digestOf(path: string, algorithm: 'sha256' | 'sha1', prefix = ''): Promise<string> {
  const hash = createHash(algorithm).update(prefix)
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

/** In offline mode nothing is downloaded. */
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
