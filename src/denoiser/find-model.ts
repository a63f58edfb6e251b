/** The model behind a text or a URL in Node.js: a shipped model's name, or a path. */
import { toPath } from '../core/path.js'
import type { ImportHints } from '../model/import/hints.js'
import type { ReadModel } from '../model/import/model-files.js'
import { readModel } from '../model/read-model.js'
import type { DownloadOptions } from './download-options.js'
import { modelPath } from './shipped-models.js'

/** @throws DiffWaveError `UNKNOWN_MODEL`, and as `readModel` */
export async function findModel(model: string | URL, hints: ImportHints, _: DownloadOptions): Promise<ReadModel> {
  return readModel(await modelPath(toPath(model, 'model')), hints)
}
