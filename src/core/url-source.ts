/** The files below a URL as a source of files: fetched, checked, and kept in a cache. */
import { concatenateBytes } from './concatenate.js'
import { DiffWaveError, throwIfAborted } from './errors.js'
import {
  type ExpectedFile,
  expectedFilesOf,
  type FileFacts,
  type FileSource,
  type ReadFileOptions,
} from './file-source.js'
import { checkIntegrity } from './integrity.js'
import { MAX_CONFIG_BYTES, MAX_FILE_BYTES } from './limits.js'
import { orAborted } from './until-aborted.js'
import { wrongFileHint } from './wrong-file.js'

/** What a server states about the version of a file. If the values are equal, so are the bytes. */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
  readonly length: string | null
}

/** Files that were downloaded before. */
export interface DownloadCache {
  get(url: URL): Promise<{ readonly bytes: Uint8Array; readonly validators: Validators } | null>
  /** @returns false if there is no room */
  put(url: URL, bytes: Uint8Array, validators: Validators): Promise<boolean>
}

export interface UrlSourceOptions {
  /** Default: null, none. */
  readonly cache?: DownloadCache | null
  /** The expected sizes and hashes of the files. Default: those in the folder's `files.json`. */
  readonly files?: Readonly<Record<string, ExpectedFile>> | undefined
}

/**
 * The file in which a folder may state the sizes and hashes of its files:
 * `{ "weights.safetensors": { "bytes": …, "sha256": "…" } }`.
 */
export const LIST_FILE = 'files.json'

/** Downloads one file. @throws DiffWaveError `FILE_NOT_FOUND`, `TOO_LARGE`, `DOWNLOAD_FAILED` */
export async function fetchFile(url: URL): Promise<Uint8Array> {
  return (await download(url, {})).bytes
}

/** The URL of a file of a folder, which ends in a slash. A signed URL has its signature in its query. */
export function fileUrl(folder: URL, name: string): URL {
  const url = new URL(name, folder)
  url.search = folder.search
  return url
}

/** @param folder URL of the folder, with or without a slash at its end */
export function urlSource(folder: URL, { cache = null, files }: UrlSourceOptions = {}): FileSource {
  const base = new URL(folder)
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  const urlOf = (name: string) => fileUrl(base, name)
  const notes: string[] = []
  let stated: Promise<Map<string, FileFacts>> | undefined
  const facts = async (signal: AbortSignal | undefined): Promise<Map<string, FileFacts>> => {
    stated ??= files === undefined ? statedFacts(urlOf(LIST_FILE), signal) : Promise.resolve(factsOf(files))
    const asked = stated
    try {
      return await asked
    } catch {
      // The call that asked was stopped. The others ask again.
      if (stated === asked) stated = undefined
      throwIfAborted(signal)
      return facts(signal)
    }
  }
  return {
    notes,
    describe: name => (name === undefined ? base : urlOf(name)).href,
    async read(name, options = {}) {
      const url = urlOf(name)
      const expected = (await facts(options.signal)).get(name) ?? { name }
      if (options.range !== undefined) return (await download(url, options)).bytes
      const kept = await keptBytes(url, expected, cache, options)
      if (kept !== null) return kept
      const { bytes, validators } = await download(url, options)
      await checkIntegrity(bytes, expected, url.href)
      if (cache !== null && !(await cache.put(url, bytes, validators)) && notes.length === 0) {
        notes.push('the model could not be cached: the browser’s storage is full')
      }
      return bytes
    },
  }
}

function factsOf(files: NonNullable<UrlSourceOptions['files']>): Map<string, FileFacts> {
  return new Map(
    Object.entries(files).map(([name, { bytes, sha256 }]) => [
      name,
      { name, ...(bytes === undefined ? {} : { bytes }), ...(sha256 === undefined ? {} : { sha256 }) },
    ]),
  )
}

/** Reads the list of a folder; empty if there is none, or if it cannot be read. */
async function statedFacts(url: URL, signal: AbortSignal | undefined): Promise<Map<string, FileFacts>> {
  try {
    const { bytes } = await download(url, { maxBytes: MAX_CONFIG_BYTES, signal })
    return factsOf(expectedFilesOf(JSON.parse(new TextDecoder().decode(bytes))))
  } catch {
    throwIfAborted(signal)
    return new Map()
  }
}

/** A browser's HTTP cache may assume that an old file is still right. This makes it ask. Node.js has no such cache. */
const fresh = { cache: 'no-cache' } as const

/** Returns a file from the cache if the server has the same version, or if the server cannot be reached. */
async function keptBytes(
  url: URL,
  expected: FileFacts,
  cache: DownloadCache | null,
  { signal, onProgress, maxBytes = MAX_FILE_BYTES }: ReadFileOptions,
): Promise<Uint8Array | null> {
  const kept = (await cache?.get(url)) ?? null
  if (kept === null || kept.bytes.length > maxBytes) return null
  const { bytes } = kept
  if (expected.sha256 !== undefined) {
    const fits = await checkIntegrity(bytes, expected, url.href).then(
      () => true,
      () => false,
    )
    if (!fits) return null
  } else {
    const now = await fetch(url, { ...fresh, method: 'HEAD', signal: signal ?? null }).catch(() => null)
    throwIfAborted(signal)
    if (now?.ok && !sameVersion(kept.validators, validatorsOf(now))) return null
  }
  await orAborted(onProgress?.({ done: bytes.length, total: bytes.length }), signal)
  return bytes
}

function validatorsOf({ headers }: Response): Validators {
  return {
    etag: headers.get('etag'),
    lastModified: headers.get('last-modified'),
    length: headers.get('content-encoding') === null ? headers.get('content-length') : null,
  }
}

/**
 * Whether a server stated the same version twice. Without an `ETag` or `Last-Modified` it states none: a damaged file
 * would stay for ever.
 */
function sameVersion(one: Validators, other: Validators): boolean {
  if (one.etag !== null || other.etag !== null) return one.etag === other.etag
  if (one.lastModified === null || one.lastModified !== other.lastModified) return false
  return one.length === other.length || one.length === null || other.length === null
}

/** @throws DiffWaveError `FILE_NOT_FOUND`, `TOO_LARGE`, `DOWNLOAD_FAILED`, `ABORTED` */
async function download(
  url: URL,
  { maxBytes = MAX_FILE_BYTES, range, onProgress, signal }: ReadFileOptions,
): Promise<{ readonly bytes: Uint8Array; readonly validators: Validators }> {
  throwIfAborted(signal)
  // A `data:` URL contains the file itself.
  const where = url.protocol === 'data:' ? 'a data: URL' : url.href
  const headers: Record<string, string> = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` }
  const response = await fetch(url, { ...fresh, headers, signal: signal ?? null }).catch(cause => {
    throw networkError(cause, where, signal)
  })
  checkStatus(response, where)
  const validators = validatorsOf(response)
  const announced = validators.length === null ? null : Number(validators.length)
  if (announced !== null && announced > maxBytes) throw tooLarge(maxBytes, String(announced), where)
  const bytes = await bodyOf(response, announced, maxBytes, where, { onProgress, signal })
  const hint = wrongFileHint(bytes)
  if (hint !== undefined) {
    throw new DiffWaveError('DOWNLOAD_FAILED', 'the server sent something other than the file', { where, hint })
  }
  // A server without support for ranges sends the whole file.
  if (range !== undefined && response.status === 200) return { bytes: bytes.slice(range.start, range.end), validators }
  return { bytes, validators }
}

/** @throws DiffWaveError `ABORTED` if the signal is the cause */
function networkError(cause: unknown, where: string, signal: AbortSignal | undefined): DiffWaveError {
  throwIfAborted(signal)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DiffWaveError('DOWNLOAD_FAILED', `the file cannot be downloaded: ${reason}`, {
    where,
    hint: 'Check the network, and that the server allows this page to read the file (CORS).',
    cause,
  })
}

function checkStatus({ ok, status }: Response, where: string): void {
  if (ok) return
  if (status === 404 || status === 410) {
    throw new DiffWaveError('FILE_NOT_FOUND', 'the server has no such file', { got: `HTTP status ${status}`, where })
  }
  throw new DiffWaveError('DOWNLOAD_FAILED', 'the server did not send the file', {
    got: `HTTP status ${status}`,
    where,
    hint: status === 401 || status === 403 ? 'The file needs a login.' : 'Try again later.',
  })
}

function tooLarge(maxBytes: number, got: string, where: string): DiffWaveError {
  return new DiffWaveError('TOO_LARGE', 'the file is too large', { expected: `at most ${maxBytes} bytes`, got, where })
}

/**
 * Collects the body of a response as it arrives. It takes no more memory than that, whatever size the server announces.
 */
async function bodyOf(
  response: Response,
  announced: number | null,
  maxBytes: number,
  where: string,
  { onProgress, signal }: Pick<ReadFileOptions, 'onProgress' | 'signal'>,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let done = 0
  const reader = response.body?.getReader()
  try {
    while (reader !== undefined) {
      const piece = await reader.read().catch(cause => {
        throw networkError(cause, where, signal)
      })
      if (piece.done) break
      pieces.push(piece.value)
      done += piece.value.length
      if (done > maxBytes) throw tooLarge(maxBytes, `more than ${maxBytes}`, where)
      await orAborted(onProgress?.({ done, total: announced }), signal)
    }
  } finally {
    // After an error, the rest is not wanted. A stream that has failed cannot be cancelled.
    await reader?.cancel().catch(() => undefined)
  }
  if (announced !== null && announced !== done) {
    throw new DiffWaveError('DOWNLOAD_FAILED', 'the download ended early', {
      expected: `${announced} bytes`,
      got: String(done),
      where,
      hint: 'Try again.',
    })
  }
  return concatenateBytes(pieces)
}
