/** Models by address, downloaded into a cache once. */
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
  return address.kind === 'web' ? webModel(address, settings) : hubModel(address, settings)
}
