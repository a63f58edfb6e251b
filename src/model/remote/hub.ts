/**
 * Models on a Hugging Face hub, in the cache that all Hugging Face programs share. It has a blob for each content, and
 * a folder of links to blobs for each commit. `@huggingface/hub` is an optional dependency that is loaded on first use.
 */
import { copyFile, realpath, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { fileError } from '../../core/file-error.js'
import { MAX_CONFIG_BYTES } from '../../core/limits.js'
import { makeFolder } from '../../core/make-folder.js'
import { missingPackage } from '../../core/optional-package.js'
import { readFileBytes } from '../../core/read-file.js'
import { writeFileBytes } from '../../core/write-file.js'
import { CONFIG_FILE, WEIGHTS_FILE } from '../read-folder.js'
import type { HubAddress } from './address.js'
import { notCached } from './cached.js'
import { digestOf } from './digest.js'
import { download } from './download.js'
import { bytesOfAll } from './progress.js'
import { Interrupted, reasonOf } from './request.js'
import type { DownloadSettings } from './settings.js'

type Hub = typeof import('@huggingface/hub')

const COMMIT = /^[0-9a-f]{40}$/
/** The hash of a file: SHA-256, or git's SHA-1. */
const DIGEST = /^([0-9a-f]{40}|[0-9a-f]{64})$/

/** A file in a repository. */
interface HubFile {
  readonly path: string
  readonly bytes: number
  /** SHA-256 of a large file, else git's SHA-1. */
  readonly digest: string
}

/**
 * Returns the path of the model in the cache, and downloads it first if it is missing.
 *
 * @throws DiffWaveError `MISSING_PACKAGE`, and as `download`
 */
export async function hubModel(address: HubAddress, settings: DownloadSettings): Promise<string> {
  const hub = await loadHub(describe(address))
  const { repository, folder, file } = address
  const root = join(
    settings.folder === undefined ? hub.getHFHubCachePath() : join(settings.folder, 'hub'),
    hub.getRepoFolderName({ type: 'model', name: repository }),
  )
  const names = file === null ? [CONFIG_FILE, WEIGHTS_FILE] : [file]
  const paths = names.map(name => (folder === '' ? name : `${folder}/${name}`))
  const commit = await commitOf(hub, address, root, settings)
  const snapshot = join(root, 'snapshots', commit)
  const target = file === null ? join(snapshot, folder) : join(snapshot, paths[0]!)
  const isThere = await Promise.all(paths.map(path => isWhole(root, join(snapshot, path))))
  if (isThere.every(Boolean) && (!settings.refresh || settings.offline)) return target
  if (settings.offline) throw notCached(describe(address))
  const files = await filesOf(hub, address, commit, paths, settings)
  const progress = bytesOfAll(files.length, settings.onProgress)
  const base = (settings.hub ?? hub.HUB_URL).replace(/\/+$/, '')
  for (const [i, { path, bytes, digest }] of files.entries()) {
    const blob = join(root, 'blobs', digest)
    const encoded = path.split('/').map(encodeURIComponent).join('/')
    const isLarge = digest.length === 64
    await download({
      ...settings,
      url: new URL(`${base}/${repository}/resolve/${commit}/${encoded}`),
      target: blob,
      facts: { bytes, ...(isLarge ? { sha256: digest } : {}) },
      maxBytes: basename(path) === CONFIG_FILE ? Math.min(MAX_CONFIG_BYTES, settings.maxBytes) : settings.maxBytes,
      authorization: settings.token === undefined ? undefined : `Bearer ${settings.token}`,
      onBytes: progress(i),
    })
    await checkBlob(blob, digest, `${describe(address)}, ${path}`)
    await link(blob, join(snapshot, path))
  }
  return target
}

async function loadHub(where: string): Promise<Hub> {
  // webpack takes an import for optional if it stands in a `try` block itself.
  try {
    return await import('@huggingface/hub')
  } catch (error) {
    throw missingPackage('@huggingface/hub', error, { what: 'a model on a hub', where })
  }
}

function describe({ repository, revision }: HubAddress): string {
  return `hf:${repository}@${revision}`
}

function credentials(settings: DownloadSettings) {
  const { hub, token } = settings
  return {
    ...(hub === undefined ? {} : { hubUrl: hub.replace(/\/+$/, '') }),
    ...(token === undefined ? {} : { accessToken: token }),
    fetch: boundedFetch(settings),
  }
}

/** Max bytes of a response of the hub's API. A page of a thousand files has 300 kB. */
const MAX_ANSWER_BYTES = 16_000_000
/** Max number of responses to one query. The list of a folder comes in pages of a thousand files. */
const MAX_ANSWERS = 100

/** A `fetch` with limits on the time, the size and the number of responses. */
function boundedFetch({ signal, stallMs }: DownloadSettings): typeof fetch {
  let answers = 0
  return async (input, init) => {
    if (answers++ === MAX_ANSWERS) throw new Interrupted(`the list of files has more than ${MAX_ANSWERS} pages`)
    const stall = AbortSignal.timeout(stallMs)
    const either = signal === undefined ? stall : AbortSignal.any([stall, signal])
    try {
      const response = await fetch(input, { ...init, signal: either })
      const pieces: Uint8Array[] = []
      let bytes = 0
      for await (const piece of response.body ?? []) {
        bytes += piece.length
        if (bytes > MAX_ANSWER_BYTES) throw new Interrupted(`the answer has more than ${MAX_ANSWER_BYTES} bytes`)
        pieces.push(piece)
      }
      // The body has been decompressed, so the header no longer applies.
      const headers = new Headers(response.headers)
      headers.delete('content-encoding')
      const body = response.status === 204 || response.status === 304 ? null : Buffer.concat(pieces)
      return new Response(body, { status: response.status, headers })
    } catch (error) {
      if (stall.aborted && !signal?.aborted) throw new Interrupted(`no answer for ${stallMs / 1000} s`)
      throw error
    }
  }
}

/** The commit of a revision now, or when the hub was last reached. */
async function commitOf(hub: Hub, address: HubAddress, root: string, settings: DownloadSettings): Promise<string> {
  const { repository, revision } = address
  if (COMMIT.test(revision)) return revision
  const ref = join(root, 'refs', ...revision.split('/'))
  const known = await readFileBytes(ref).then(
    bytes => new TextDecoder().decode(bytes).trim(),
    () => null,
  )
  const last = known !== null && COMMIT.test(known) ? known : null
  if (settings.offline) {
    if (last === null) throw notCached(describe(address))
    return last
  }
  try {
    const question = { name: repository, revision, additionalFields: ['sha'] as ['sha'] }
    const { sha } = await hub.modelInfo({ ...question, ...credentials(settings) })
    if (typeof sha !== 'string' || !COMMIT.test(sha)) throw new Error('the hub does not name a commit')
    // The cache may be one that can only be read.
    if (sha === last) return sha
    await makeFolder(dirname(ref))
    await writeFileBytes(ref, new TextEncoder().encode(sha))
    return sha
  } catch (error) {
    throwIfAborted(settings.signal)
    // A hub that cannot be reached does not make a downloaded model unusable.
    if (statusOf(error) === null && last !== null && !settings.refresh) return last
    throw hubError(error, address)
  }
}

/** Lists the files of a model. @throws DiffWaveError `FILE_NOT_FOUND`, and refusals of the hub */
async function filesOf(
  hub: Hub,
  address: HubAddress,
  commit: string,
  paths: readonly string[],
  settings: DownloadSettings,
): Promise<readonly HubFile[]> {
  const found = new Map<string, HubFile>()
  try {
    const { repository, folder } = address
    const listed = hub.listFiles({ repo: repository, revision: commit, path: folder, ...credentials(settings) })
    for await (const { path, size, oid, lfs } of listed) {
      const digest: unknown = lfs?.oid ?? oid
      const bytes: unknown = lfs?.size ?? size
      if (!paths.includes(path) || typeof digest !== 'string' || !DIGEST.test(digest)) continue
      if (typeof bytes !== 'number') continue
      found.set(path, { path, bytes, digest })
      if (found.size === paths.length) break
    }
  } catch (error) {
    throwIfAborted(settings.signal)
    throw hubError(error, address)
  }
  return paths.map(path => {
    const file = found.get(path)
    if (file !== undefined) return file
    throw new DiffWaveError('FILE_NOT_FOUND', `the repository has no ${path}`, {
      where: describe(address),
      hint: `A model has ${CONFIG_FILE} and ${WEIGHTS_FILE}; name a folder or a checkpoint: hf:owner/name/weights.pt.`,
    })
  })
}

function statusOf(error: unknown): number | null {
  const { statusCode } = Object(error) as { statusCode?: unknown }
  return typeof statusCode === 'number' ? statusCode : null
}

function hubError(error: unknown, address: HubAddress): DiffWaveError {
  if (error instanceof DiffWaveError) return error
  const status = statusOf(error)
  const details = { where: describe(address), cause: error }
  if (status === 401 || status === 403 || status === 404) {
    // Without a token, a hub also answers 401 for repositories that do not exist.
    return new DiffWaveError(
      status === 404 ? 'FILE_NOT_FOUND' : 'NOT_READABLE',
      'the hub has no model of that name that you may read',
      {
        ...details,
        got: `status ${status}`,
        hint: 'Check the name and the revision; a private repository needs an access token: set HF_TOKEN.',
      },
    )
  }
  return new DiffWaveError('DOWNLOAD_FAILED', `the request to the hub failed: ${reasonOf(error)}`, details)
}

/** Whether a file of a snapshot exists with the content that the name of its blob states. */
async function isWhole(root: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => null)
  if (real === null) return false
  const digest = basename(real)
  // Without links, snapshots contain copies, whose names do not state their content.
  if (dirname(real) !== (await realpath(join(root, 'blobs')).catch(() => null))) return true
  return isBlob(real, digest)
}

async function isBlob(path: string, digest: string): Promise<boolean> {
  if (/^[0-9a-f]{64}$/.test(digest)) return (await digestOf(path, 'sha256')) === digest
  return (await digestOf(path, 'sha1', `blob ${(await stat(path)).size}\0`)) === digest
}

async function checkBlob(path: string, digest: string, where: string): Promise<void> {
  if (await isBlob(path, digest)) return
  await rm(path, { force: true })
  throw new DiffWaveError('CORRUPTED', 'the file has the wrong checksum', { expected: digest, where })
}

/** Links a file of a snapshot to its blob, or copies it if the system allows no links. */
async function link(blob: string, path: string): Promise<void> {
  try {
    await makeFolder(dirname(path))
    await rm(path, { force: true })
    await symlink(relative(dirname(path), blob), path).catch(error => {
      const { code } = error as { code?: unknown }
      if (code === 'EEXIST') return
      if (code !== 'EPERM' && code !== 'ENOSYS') throw error
      return copyFile(blob, path)
    })
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}
