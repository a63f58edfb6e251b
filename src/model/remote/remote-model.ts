/** Loads models by address, and downloads them into a cache once. */
import { DiffWaveError } from '../../core/errors.js'
import { sentError } from '../../core/sent-error.js'
import { orAborted } from '../../core/until-aborted.js'
import { remoteAddress } from './address.js'
import type { RemoteModelOptions } from './options.js'
import { downloadSettings } from './settings.js'

/**
 * Returns the path of a model folder or checkpoint file in the cache, and downloads it first if it is missing.
 *
 * @param source `https://…/folder`, the URL of a checkpoint, `hf:owner/name`, `hf:owner/name/folder@revision`
 * @throws DiffWaveError `BAD_OPTION`, `FILE_NOT_FOUND` (on the server, or in the cache in offline mode),
 * `NOT_READABLE`, `DOWNLOAD_FAILED`, `TOO_LARGE`, `CORRUPTED`, `MISSING_PACKAGE` (for a hub), `NOT_WRITABLE`,
 * `DISK_FULL`, `ABORTED`
 */
export async function remoteModel(source: string, options: RemoteModelOptions = {}): Promise<string> {
  const settings = downloadSettings(options)
  const address = remoteAddress(source)
  const load = async () =>
    address.kind === 'web'
      ? (await import('./web.js')).webModel(address, settings)
      : (await import('./hub.js')).hubModel(address, settings)
  try {
    return await inTurn(JSON.stringify([address, settings.folder]), load, options.signal)
  } catch (error) {
    throw withCacheHint(error)
  }
}

/** Adds to an error of a cache that cannot be written, as in a container's home folder, how to name another one. */
function withCacheHint(error: unknown): unknown {
  const isOfCache = error instanceof DiffWaveError && ['NOT_WRITABLE', 'NOT_A_DIRECTORY'].includes(error.code)
  if (!isOfCache || error.hint !== undefined) return error
  const { code, problem, details } = sentError(error)
  const hint = 'Name a folder for downloads in DIFFWAVE_CACHE, or in the option download.folder.'
  return new DiffWaveError(code, problem, { ...details, hint, cause: error.cause })
}

/** The latest call for each model. */
const turns = new Map<string, Promise<unknown>>()

/**
 * Runs calls for the same model one after the other, so that the second finds the first one's download in the cache.
 */
async function inTurn<T>(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const before = turns.get(key)
  const own = Promise.resolve(before && orAborted(before, signal)).then(work)
  const settled = Promise.allSettled([before, own])
  turns.set(key, settled)
  try {
    return await own
  } finally {
    void settled.then(() => {
      if (turns.get(key) === settled) turns.delete(key)
    })
  }
}
