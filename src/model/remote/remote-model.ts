/** Models by address, downloaded into a cache once. */
import { throwIfAborted } from '../../core/errors.js'
import { check } from '../../core/options.js'
import { remoteAddress } from './address.js'
import { hubModel } from './hub.js'
import { remoteOptions } from './options.js'
import { downloadSettings, type RemoteModelOptions } from './settings.js'
import { webModel } from './web.js'

export type { RemoteModelOptions } from './settings.js'

/**
 * Path of a model in the cache: a model folder, or a checkpoint file. It is downloaded if it is not there.
 *
 * @param source `https://…/folder`, the URL of a checkpoint, `hf:owner/name`, `hf:owner/name/folder@revision`
 * @throws DiffWaveError `BAD_OPTION`, `FILE_NOT_FOUND` (on the server, or in the cache in offline mode),
 * `NOT_READABLE`, `DOWNLOAD_FAILED`, `TOO_LARGE`, `CORRUPTED`, `NOT_WRITABLE`, `DISK_FULL`, `ABORTED`
 */
export async function remoteModel(source: string, options: RemoteModelOptions = {}): Promise<string> {
  const { onProgress, signal, files, ...remote } = options
  const checked = check(remoteOptions, remote, 'download')
  const settings = downloadSettings({ ...checked, onProgress, signal, files })
  const address = remoteAddress(source)
  const load = () => (address.kind === 'web' ? webModel(address, settings) : hubModel(address, settings))
  return inTurn(JSON.stringify([address, settings.cache]), load, signal)
}

/** The last call for each model. */
const turns = new Map<string, Promise<unknown>>()

/** Calls for the same model wait for each other: the second finds in the cache what the first has downloaded. */
async function inTurn<T>(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const before = turns.get(key)
  const own = Promise.resolve(before && waitFor(before, signal)).then(work)
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

/** Waits until another call has ended. @throws DiffWaveError `ABORTED` */
function waitFor(other: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      try {
        throwIfAborted(signal)
      } catch (error) {
        reject(error)
      }
    }
    abort()
    signal?.addEventListener('abort', abort, { once: true })
    void other.then(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
  })
}
