/** Models on a plain web server, in the cache of this package. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { expectedFilesOf, type FileFacts } from '../../core/file-source.js'
import { folderSource } from '../../core/folder-source.js'
import { MAX_CONFIG_BYTES } from '../../core/limits.js'
import { kindOfPath } from '../../core/path-kind.js'
import { readFileBytes } from '../../core/read-file.js'
import { removeFile } from '../../core/remove-file.js'
import { fileUrl, LIST_FILE } from '../../core/url-source.js'
import { writeFileBytes } from '../../core/write-file.js'
import { decodeTorch } from '../../formats/pytorch.js'
import { decodeSafetensors, isSafetensors } from '../../formats/safetensors.js'
import { CONFIG_FILE, readModelFrom, WEIGHTS_FILE } from '../read-folder.js'
import type { WebAddress } from './address.js'
import { isCached, notCached } from './cached.js'
import { type Downloaded, download } from './download.js'
import { bytesOfAll } from './progress.js'
import { cacheFolder, type DownloadSettings } from './settings.js'

type Stated = NonNullable<DownloadSettings['files']>
/**
 * The record of a complete model in the cache and its files. It is written last. An earlier one is kept until then: it
 * states the hashes of its files, so it stands for no others, and a refresh that fails at once leaves the model usable.
 */
const RECORD = 'source.json'

const recordSchema = z.object({
  url: z.string(),
  files: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
})

/**
 * Returns the path of the model in the cache, and downloads it first if it is missing.
 *
 * @throws DiffWaveError as `download`
 */
export async function webModel({ url, file }: WebAddress, settings: DownloadSettings): Promise<string> {
  const key = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
  const folder = join(settings.folder ?? cacheFolder(), 'web', `${url.hostname.replace(/[^\w.-]/g, '_')}-${key}`)
  const path = file === null ? folder : join(folder, file)
  const names = file === null ? [CONFIG_FILE, WEIGHTS_FILE] : [file]
  if ((!settings.refresh || settings.offline) && (await isWhole(folder, names))) return path
  if (settings.offline) throw notCached(url.href)
  const stated = settings.files ?? (await statedFiles(fileUrl(url, LIST_FILE), folder, settings))
  const progress = bytesOfAll(names.length, settings.onProgress)
  const files: Record<string, Downloaded> = {}
  for (const [i, name] of names.entries()) {
    files[name] = await download({
      ...settings,
      url: file === null ? fileUrl(url, name) : url,
      target: join(folder, name),
      facts: factsOf(stated, name),
      maxBytes: name === CONFIG_FILE ? Math.min(MAX_CONFIG_BYTES, settings.maxBytes) : settings.maxBytes,
      onBytes: progress(i),
    })
  }
  await (file === null ? checkModel(folder, url, settings.signal) : checkCheckpoint(path, url))
  await writeFileBytes(join(folder, RECORD), new TextEncoder().encode(JSON.stringify({ url: url.href, files })))
  return path
}

/** Whether all files of the record exist unchanged, and the record lists these names. */
async function isWhole(folder: string, names: readonly string[]): Promise<boolean> {
  const path = join(folder, RECORD)
  try {
    if ((await kindOfPath(path)) !== 'file') return false
    const { files } = recordSchema.parse(JSON.parse(new TextDecoder().decode(await readFileBytes(path))))
    if (!names.every(name => Object.hasOwn(files, name))) return false
    for (const [name, facts] of Object.entries(files)) if (!(await isCached(join(folder, name), facts))) return false
    return true
  } catch {
    return false
  }
}

/**
 * Checks that a download is a model, so that nothing else stays in the cache.
 *
 * @throws DiffWaveError as `readModelFrom`
 */
async function checkModel(folder: string, url: URL, signal: AbortSignal | undefined): Promise<void> {
  const describe = (name?: string) => (name === undefined ? url.href : fileUrl(url, name).href)
  try {
    await readModelFrom({ ...folderSource(folder), describe }, defined({ signal }))
  } catch (error) {
    for (const name of [CONFIG_FILE, WEIGHTS_FILE]) await removeFile(join(folder, name))
    throw error
  }
}

/**
 * Checks that a download is a whole checkpoint, so that a web page or a truncated file does not stay in the cache.
 * Whether its network is known is checked later by the reader.
 *
 * @throws DiffWaveError as `decodeTorch` and `decodeSafetensors`
 */
async function checkCheckpoint(path: string, url: URL): Promise<void> {
  try {
    const bytes = await readFileBytes(path)
    if (isSafetensors(bytes)) decodeSafetensors(bytes, url.href)
    else decodeTorch(bytes, url.href)
  } catch (error) {
    await removeFile(path)
    throw error
  }
}

/** Reads the list of files in a folder. It is empty if there is no list or an unreadable one. */
async function statedFiles(url: URL, folder: string, settings: DownloadSettings): Promise<Stated> {
  const target = join(folder, LIST_FILE)
  try {
    await download({ ...settings, url, target, facts: {}, maxBytes: MAX_CONFIG_BYTES, onBytes: () => {} })
  } catch (error) {
    const absent = ['FILE_NOT_FOUND', 'NOT_READABLE', 'TOO_LARGE']
    if (error instanceof DiffWaveError && absent.includes(error.code)) return {}
    throw error
  }
  try {
    // Some servers answer any name with a page.
    return expectedFilesOf(JSON.parse(new TextDecoder().decode(await readFileBytes(target))))
  } catch {
    return {}
  }
}

function factsOf(stated: Stated, name: string): Pick<FileFacts, 'bytes' | 'sha256'> {
  return Object.hasOwn(stated, name) ? defined(stated[name]!) : {}
}
