/** Finds a model by a shipped model's name, a path, or an address on the web, in Node.js. */
import { toPath } from '../core/path.js'
import { type DownloadOptions, remoteModelOptions } from './download-options.js'
import type { ImportHints } from './import/hints.js'
import type { ReadModel } from './import/model-files.js'
import { readModel } from './read-model.js'
import { isRemote } from './remote/address.js'
import { modelPath } from './shipped-models.js'

/** @throws DiffWaveError `UNKNOWN_MODEL`, and as `remoteModel` and `readModel` */
export async function findModel(model: string | URL, hints: ImportHints, options: DownloadOptions): Promise<ReadModel> {
  const source = isRemote(String(model)) ? String(model) : toPath(model, 'model')
  return readModel(await modelPath(source, remoteModelOptions(options)), hints)
}
