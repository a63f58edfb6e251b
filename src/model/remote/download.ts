/**
 * Downloads one file. The bytes that have arrived are in a separate file beside the target. An interrupted download
 * continues from there, in this process or a later one. The target is either complete, with the announced bytes, or
 * absent.
 */
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import { fileError } from '../../core/file-error.js'
import type { FileFacts } from '../../core/file-source.js'
import { flush } from '../../core/flush.js'
import { makeFolder } from '../../core/make-folder.js'
import { identityTag, liveness, ownIdentity, parseIdentityTag, TAG_PATTERN } from '../../core/process-identity.js'
import type { OnProgress } from '../../core/progress.js'
import { digestOf } from './digest.js'
import { Interrupted, request } from './request.js'

/** Number of consecutive attempts without a new byte after which a download fails. */
const MAX_ATTEMPTS = 5
/** Max bytes of a file name. */
const MAX_NAME_BYTES = 255
/** Milliseconds before the second attempt. Each further attempt waits twice as long. */
const FIRST_WAIT_MS = 250

export interface Download {
  readonly url: URL
  /** Path of the file. Its folder is created. */
  readonly target: string
  /** Known size and hash of the file, which are checked. */
  readonly facts: Pick<FileFacts, 'bytes' | 'sha256'>
  readonly maxBytes: number
  readonly stallMs: number
  readonly authorization?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Receives the number of bytes so far, and the total if it is known. */
  readonly onBytes: OnProgress
}

/** Size and hash of a downloaded file. */
export type Downloaded = Required<Pick<FileFacts, 'bytes' | 'sha256'>>

/**
 * Downloads a file.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_READABLE`, `DOWNLOAD_FAILED`, `TOO_LARGE`, `CORRUPTED`, `NOT_WRITABLE`,
 * `DISK_FULL`, `ABORTED`
 */
export async function download(file: Download): Promise<Downloaded> {
  throwIfAborted(file.signal)
  checkSize(file.facts.bytes ?? 0, file)
  const part = await adoptPart(file.target)
  const resumed = part.bytes > 0
  try {
    return await completed(file, part)
  } catch (error) {
    const isWrong = error instanceof DiffWaveError && (error.code === 'CORRUPTED' || error.code === 'TOO_LARGE')
    if (isWrong) await rm(part.path, { force: true })
    // The bytes of an earlier download may belong to another version of the file.
    if (isWrong && error.code === 'CORRUPTED' && resumed) return download(file)
    throw error
  }
}

/** The file of the bytes that have arrived: `PATH.TAG.VALIDATOR.part`. The tag identifies the writing process. */
interface Part {
  path: string
  bytes: number
  /** The server's ETag, which identifies the version of the file; null if there is no reliable one. */
  etag: string | null
}

/** What follows the target's name in that of a part: the writer's tag, and the entity tag in hexadecimal digits. */
const PART = new RegExp(String.raw`^\.(${TAG_PATTERN})\.([0-9a-f]*)\.part$`)

function partPath(target: string, etag: string | null): string {
  const validator = Buffer.from(etag ?? '').toString('hex')
  return `${target}.${identityTag(ownIdentity())}.${validator}.part`
}

/** Takes over the part of a dead process by renaming it, or else begins a new one. */
async function adoptPart(target: string): Promise<Part> {
  const folder = dirname(target)
  await makeFolder(folder)
  const names = await readdir(folder).catch(error => {
    throw fileError(error, folder, 'read')
  })
  for (const name of names) {
    const match = name.startsWith(basename(target)) ? PART.exec(name.slice(basename(target).length)) : null
    const writer = match === null ? null : parseIdentityTag(match[1]!)
    if (match === null || writer === null) continue
    const own = identityTag(writer) === identityTag(ownIdentity())
    if (!own && liveness(writer) !== 'dead') continue
    if (own && running.has(join(folder, name))) continue
    const etag = Buffer.from(match[2]!, 'hex').toString() || null
    const path = partPath(target, etag)
    try {
      await rename(join(folder, name), path)
      return { path, bytes: (await stat(path)).size, etag }
    } catch {
      // Another process took it first.
    }
  }
  const path = partPath(target, null)
  // Two downloads of one process must not share a part.
  return { path: running.has(path) ? `${path.slice(0, -5)}-${running.size}.part` : path, bytes: 0, etag: null }
}

/** The parts that this process is writing. */
const running = new Set<string>()

async function completed(file: Download, part: Part): Promise<Downloaded> {
  running.add(part.path)
  try {
    let fruitless = 0
    let reason = ''
    let most = part.bytes
    while (fruitless < MAX_ATTEMPTS) {
      try {
        await attempt(file, part)
        return await finished(file, part)
      } catch (error) {
        throwIfAborted(file.signal)
        if (!(error instanceof Interrupted)) throw error
        reason = error.message
        fruitless = part.bytes > most ? 1 : fruitless + 1
        most = Math.max(most, part.bytes)
      }
      const wait = FIRST_WAIT_MS * 2 ** (fruitless - 1)
      if (fruitless < MAX_ATTEMPTS)
        await sleep(wait, undefined, file.signal === undefined ? {} : { signal: file.signal })
    }
    throw new DiffWaveError('DOWNLOAD_FAILED', `the download failed ${MAX_ATTEMPTS} times: ${reason}`, {
      where: file.url.href,
      hint: 'What has arrived is kept: the same call continues from there.',
    })
  } catch (error) {
    throwIfAborted(file.signal)
    throw error
  } finally {
    running.delete(part.path)
  }
}

/** Downloads over one connection. @throws Interrupted if it ends early */
async function attempt(file: Download, part: Part): Promise<void> {
  const stall = new AbortController()
  let timer = setTimeout(() => stall.abort(), file.stallMs)
  const signal = file.signal === undefined ? stall.signal : AbortSignal.any([stall.signal, file.signal])
  const resumes = part.bytes > 0 && part.etag !== null
  try {
    const response = await request(file.url, {
      headers: {
        'accept-encoding': 'identity',
        ...(resumes ? { range: `bytes=${part.bytes}-`, 'if-range': part.etag! } : {}),
      },
      authorization: file.authorization,
      signal,
    })
    const total = sizeOf(response, part, resumes)
    if (total !== null) checkSize(total, file)
    const isRest = response.status === 206 && resumes
    if (!isRest) part.bytes = 0
    if (response.status === 416) {
      await response.body?.cancel()
      part.etag = null
      throw new Interrupted('the server has no such part of the file')
    }
    // Ranges refer to the encoded bytes, so a download with an encoded body cannot continue from the middle.
    await rememberEtag(file.target, part, isEncoded(response) ? null : response.headers.get('etag'))
    const handle = await open(part.path, isRest ? 'a' : 'w').catch(error => {
      throw fileError(error, part.path, 'write')
    })
    try {
      for await (const bytes of chunks(response, signal)) {
        // The time for writing and reporting the bytes does not count as a stall of the server.
        clearTimeout(timer)
        await append(handle, bytes, part)
        checkSize(part.bytes, file)
        await file.onBytes({ done: part.bytes, total: file.facts.bytes ?? total })
        timer = setTimeout(() => stall.abort(), file.stallMs)
      }
    } finally {
      await handle.close()
    }
    if (total !== null && part.bytes < total) throw new Interrupted(`the connection ended after ${part.bytes} bytes`)
    if (total !== null && part.bytes > total) throw wrong(file, `${total} bytes`, String(part.bytes))
  } catch (error) {
    if (stall.signal.aborted && !file.signal?.aborted) {
      throw new Interrupted(`no byte for ${file.stallMs / 1000} s`, { cause: error })
    }
    throw error
  } finally {
    clearTimeout(timer)
    // Closes the connection if the body was not read to its end.
    stall.abort()
  }
}

/** Whether the server compressed the body, although that was not requested. */
function isEncoded({ headers }: Response): boolean {
  return !['identity', null].includes(headers.get('content-encoding'))
}

/** The size of the whole file that the response announces; null if it announces none. */
function sizeOf(response: Response, part: Part, resumes: boolean): number | null {
  const { status, headers } = response
  if (status === 206) {
    const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')
    if (match === null || !resumes || isEncoded(response) || Number(match[1]) !== part.bytes) {
      part.etag = null
      throw new Interrupted('the server sent a different part of the file')
    }
    return Number(match[2])
  }
  // The length of an encoded body is not that of the file.
  if (isEncoded(response)) return null
  const length = headers.get('content-length')
  return length !== null && /^\d+$/.test(length) ? Number(length) : null
}

/** Records the ETag in the name of the part. A weak ETag does not guarantee the same bytes. */
async function rememberEtag(target: string, part: Part, etag: string | null): Promise<void> {
  const named = etag?.startsWith('"') && basename(partPath(target, etag)).length <= MAX_NAME_BYTES
  const strong = named ? etag : null
  if (strong === part.etag) return
  const path = partPath(target, strong)
  if (running.has(path)) return
  await rename(part.path, path).catch(() => {})
  running.delete(part.path)
  running.add(path)
  part.path = path
  part.etag = strong
}

async function* chunks(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of response.body ?? []) yield bytes as Uint8Array
  } catch (error) {
    if (signal.aborted) throw error
    throw new Interrupted('the connection was lost', { cause: error })
  }
}

async function append(handle: FileHandle, bytes: Uint8Array, part: Part): Promise<void> {
  try {
    await handle.writeFile(bytes)
  } catch (error) {
    throw fileError(error, part.path, 'write')
  }
  part.bytes += bytes.length
}

/** Checks the whole file and renames it to the target. */
async function finished({ url, target, facts }: Download, part: Part): Promise<Downloaded> {
  const sha256 = await digestOf(part.path, 'sha256')
  if (facts.bytes !== undefined && facts.bytes !== part.bytes) {
    throw wrong({ url }, `${facts.bytes} bytes`, String(part.bytes))
  }
  if (facts.sha256 !== undefined && facts.sha256 !== sha256) throw wrong({ url }, facts.sha256, sha256)
  try {
    const handle = await open(part.path, 'r+')
    await flush(handle).finally(() => handle.close())
    await rename(part.path, target)
  } catch (error) {
    throw fileError(error, target, 'write')
  }
  return { bytes: part.bytes, sha256 }
}

function wrong({ url }: Pick<Download, 'url'>, expected: string, got: string): DiffWaveError {
  return new DiffWaveError('CORRUPTED', 'the file has the wrong size or checksum', {
    expected,
    got,
    where: url.href,
    hint: 'Download it again; if that does not help, the copy on the server is damaged.',
  })
}

function checkSize(bytes: number, { url, maxBytes }: Pick<Download, 'url' | 'maxBytes'>): void {
  if (bytes <= maxBytes) return
  throw new DiffWaveError('TOO_LARGE', 'the file is too large to be downloaded', {
    expected: `at most ${maxBytes} bytes`,
    got: `${bytes} or more`,
    where: url.href,
    hint: 'Raise download.maxBytes if you trust the server.',
  })
}
