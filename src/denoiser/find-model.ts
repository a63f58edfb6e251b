/** Finds a model by a shipped model's name, a path, or an address on the web, in Node.js. */
import { toPath } from '../core/path.js'
import type { ImportHints } from '../model/import/hints.js'
import type { ReadModel } from '../model/import/model-files.js'
import { readModel } from '../model/read-model.js'
import { isRemote } from '../model/remote/address.js'
import type { DownloadOptions } from './download-options.js'
import { modelPath } from './shipped-models.js'

/** @throws DiffWaveError `UNKNOWN_MODEL`, and as `remoteModel` and `readModel` */
export async function findModel(
  model: string | URL,
  hints: ImportHints,
  { download, cache = true, ...options }: DownloadOptions,
): Promise<ReadModel> {
  const source = isRemote(String(model)) ? String(model) : toPath(model, 'model')
  return readModel(await modelPath(source, { ...options, ...download, refresh: download?.refresh ?? !cache }), hints)
}
