/** Finds a model by its URL, in a browser. */
import { DiffWaveError } from '../core/errors.js'
import { openCache } from '../core/page-cache.browser.js'
import { urlSource } from '../core/url-source.js'
import { isCheckpointName } from './checkpoint-name.js'
import type { DownloadOptions } from './download-options.js'
import { type ImportHints, refuseHints } from './import/hints.js'
import type { ReadModel } from './import/model-files.js'
import { readModelFrom } from './read-folder.js'

/** @throws DiffWaveError `BAD_OPTION`, `UNSUPPORTED_FORMAT`, and as `readModelFrom` */
export async function findModel(
  model: string | URL,
  hints: ImportHints,
  { cache = true, files, download, ...options }: DownloadOptions,
): Promise<ReadModel> {
  if (download !== undefined) throw new DiffWaveError('BAD_OPTION', 'download is for Node.js', { where: 'download' })
  const url = folderUrl(model)
  refuseHints(hints, 'a model folder has its config', 'Edit config.json in the folder to change it.', url.href)
  const source = urlSource(url, { cache: cache ? await openCache() : null, files })
  const read = await readModelFrom(source, options)
  return { ...read, notes: source.notes ?? [], source: 'folder' }
}

/** Resolves the URL of a folder against that of the page. @throws DiffWaveError `BAD_OPTION`, `UNSUPPORTED_FORMAT` */
function folderUrl(model: string | URL): URL {
  // As a relative URL, it would be the page itself.
  if (model === '') {
    throw new DiffWaveError('BAD_OPTION', 'no model is named', {
      expected: 'the URL of a model folder, such as /models/speech',
      got: 'an empty string',
      where: 'model',
    })
  }
  let url: URL
  try {
    url = new URL(model, globalThis.document?.baseURI ?? globalThis.location?.href)
  } catch (cause) {
    throw new DiffWaveError('BAD_OPTION', 'not a URL', { got: String(model), where: 'model', cause })
  }
  // `hf:owner/name` and `blob:…` are URLs, but nothing lies below them.
  if (!URL.canParse('config.json', url.href)) {
    throw new DiffWaveError('BAD_OPTION', 'not the URL of a folder', {
      expected: 'the URL of a model folder, such as /models/speech',
      got: url.href,
      where: 'model',
      ...(url.protocol === 'hf:' ? { hint: 'A page cannot read from a hub: copy the folder to a web server.' } : {}),
    })
  }
  if (isCheckpointName(url.pathname)) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'a browser reads only model folders', {
      got: 'a checkpoint',
      where: url.href,
      hint: 'Convert it to a model folder with `npx diffwave convert`.',
    })
  }
  return url
}
