/** Reading and writing whole files with typed errors. A file that is written is complete or absent: never half. */
import { constants, type Stats } from 'node:fs'
import {
  access,
  type FileHandle,
  mkdir,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { abortError, DiffWaveError } from './errors.js'
import { MAX_FILE_BYTES } from './limits.js'
import { noteMadeFolder } from './made-folders.js'
import { permissionHint } from './permission.js'
import { systemCode } from './system-code.js'
import { openTemporary, tidyOnce } from './temporary.js'

/** Shortens a path for messages. */
function shortPath(path: string): string {
  return path.length <= 100 ? path : `${path.slice(0, 99)}…`
}

function notADirectory(path: string, cause?: unknown): DiffWaveError {
  return new DiffWaveError('NOT_A_DIRECTORY', 'a file stands where a folder should be', { where: path, cause })
}

/** Converts an error of the file system to one of ours. */
export function fileError(error: unknown, path: string, doing: 'read' | 'write'): DiffWaveError {
  if (error instanceof DiffWaveError) return error
  const details = { where: path, cause: error }
  switch (systemCode(error)) {
    case 'ENOENT':
      return doing === 'read'
        ? new DiffWaveError('FILE_NOT_FOUND', 'there is no such file or folder', details)
        : new DiffWaveError('NOT_WRITABLE', 'the folder to write into does not exist', details)
    case 'ENOTDIR':
      return notADirectory(path, error)
    case 'EISDIR':
      return new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', details)
    case 'ENAMETOOLONG':
      return new DiffWaveError(doing === 'read' ? 'NOT_READABLE' : 'NOT_WRITABLE', 'the name is too long', {
        ...details,
        where: shortPath(path),
        hint: 'Choose a shorter one. Most file systems allow 255 bytes per name, and 4,096 per path.',
      })
    case 'ELOOP':
      return new DiffWaveError(
        doing === 'read' ? 'NOT_READABLE' : 'NOT_WRITABLE',
        'symbolic links lead in a circle',
        details,
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return new DiffWaveError('DISK_FULL', 'the disk is full', {
        ...details,
        hint: 'Free some space and try again. The file that was there before is intact.',
      })
    case 'ERR_ACCESS_DENIED':
      return new DiffWaveError(
        doing === 'read' ? 'NOT_READABLE' : 'NOT_WRITABLE',
        `Node’s permission model does not allow to ${doing} the file`,
        { ...details, hint: permissionHint(error, path) },
      )
    default: {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
      return doing === 'read'
        ? new DiffWaveError('NOT_READABLE', `the file cannot be read: ${reason}`, details)
        : new DiffWaveError('NOT_WRITABLE', `the file cannot be written: ${reason}`, details)
    }
  }
}

/**
 * Reads a file. The bytes are in memory of their own.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_FILE`, `NOT_READABLE`, `TOO_LARGE`
 */
export async function readFileBytes(
  path: string,
  options: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const maxBytes = options.maxBytes ?? MAX_FILE_BYTES
  try {
    const { size } = await regularFile(path)
    checkSize(size, maxBytes, path)
    if (size >= LARGE_BYTES) return await readBytes(path, { start: 0, end: size }, options.signal)
    return await readFile(path, options.signal === undefined ? {} : { signal: options.signal })
  } catch (error) {
    if (options.signal?.aborted) throw abortError(error)
    throw fileError(error, path, 'read')
  }
}

/** @throws DiffWaveError `NOT_A_FILE`, and what the file system says */
async function regularFile(path: string): Promise<Stats> {
  const status = await stat(path)
  if (status.isDirectory())
    throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
  if (!status.isFile()) throw new DiffWaveError('NOT_A_FILE', 'this is not a regular file', { where: path })
  return status
}

/** @throws DiffWaveError `TOO_LARGE` */
function checkSize(size: number, maxBytes: number, path: string): void {
  if (size <= maxBytes) return
  throw new DiffWaveError('TOO_LARGE', 'the file is too large', {
    expected: `at most ${maxBytes} bytes`,
    got: String(size),
    where: path,
  })
}

/**
 * From this size on, a file is read in pieces of up to `READ_BYTES`, because Node's own `readFile` reads only 2 ** 19
 * bytes at a time.
 */
const LARGE_BYTES = 2 ** 20
/** Max number of bytes per piece. The signal is checked between two pieces. */
const READ_BYTES = 2 ** 26

/** Reads bytes `start` to `end` − 1 of a file, or those of them that it has. */
async function readBytes(
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const bytes = Buffer.allocUnsafeSlow(end - start)
    let read = 0
    while (read < bytes.length) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(bytes, read, Math.min(bytes.length - read, READ_BYTES), start + read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return bytes.subarray(0, read)
  } finally {
    await file.close()
  }
}

/**
 * Reads bytes `start` to `end` − 1 of a file, or those of them that it has.
 *
 * @returns the bytes, and the size of the whole file
 * @throws DiffWaveError as `readFileBytes`
 */
export async function readFileRange(
  path: string,
  range: { readonly start: number; readonly end: number },
  { maxBytes = MAX_FILE_BYTES, signal }: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<{ readonly bytes: Uint8Array; readonly size: number }> {
  try {
    const { size } = await regularFile(path)
    const end = Math.max(range.start, Math.min(range.end, size))
    checkSize(end - range.start, maxBytes, path)
    return { bytes: await readBytes(path, { start: range.start, end }, signal), size }
  } catch (error) {
    if (signal?.aborted) throw abortError(error)
    throw fileError(error, path, 'read')
  }
}

/**
 * What is at a path.
 *
 * @param doing what is to be done at the path, which decides the code of errors
 * @throws DiffWaveError `NOT_READABLE`, or `NOT_WRITABLE`
 */
export async function kindOfPath(
  path: string,
  doing: 'read' | 'write' = 'read',
): Promise<'file' | 'directory' | 'other' | 'missing'> {
  try {
    const status = await stat(path)
    return status.isFile() ? 'file' : status.isDirectory() ? 'directory' : 'other'
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return 'missing'
    throw fileError(error, path, doing)
  }
}

/** Whether two paths lead to the same file, through links or otherwise; false if either does not exist. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([fileIdentity(one), fileIdentity(other)])
  return first !== null && first === second
}

/** A text that is the same for all paths to the same file; null if there is no file. */
export async function fileIdentity(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return null
  }
}

/** How many times a write starts over because something removed its temporary file. */
const MAX_ATTEMPTS = 3

/**
 * Writes a file: first to a temporary file beside it, which is then flushed and renamed. Any number of processes and
 * workers may write the same path at once, and the last one to finish wins. This is our own code because
 * `write-file-atomic` does not notice that a full disk cut a write short, and replaces the old file with the incomplete
 * one.
 *
 * @throws DiffWaveError `NOT_WRITABLE`, `NOT_A_FILE`, `NOT_A_DIRECTORY`, `DISK_FULL`; what was there before is intact
 */
export async function writeFileBytes(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    // A pipe or a device is written to directly, because a rename would put a file in its place.
    if ((await kindToWrite(path)) === 'other') return await writeFile(path, bytes)
    for (let attempt = 1; ; attempt++) {
      try {
        // `writeFile` of a handle goes on until every byte is written, or throws.
        return await replaceFile(path, handle => handle.writeFile(bytes))
      } catch (error) {
        if (systemCode(error) !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw error
      }
    }
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}

/**
 * Writes a file from pieces as they arrive: first to a temporary file beside it, which is then flushed and renamed, or
 * removed if anything fails. A pipe or a device at `path` is written to directly.
 *
 * @param head bytes that replace the first ones after all pieces are written, such as a header that states their size
 * @throws DiffWaveError as `writeFileBytes`, and what the pieces throw
 */
export async function writeFilePieces(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  head?: () => Uint8Array,
): Promise<void> {
  // An error of the pieces is not one of the file system, whatever its code is.
  let fromPieces: { readonly error: unknown } | null = null
  const write = async (handle: FileHandle): Promise<void> => {
    const iterator = pieces[Symbol.asyncIterator]()
    const next = () =>
      iterator.next().catch((error: unknown) => {
        fromPieces = { error }
        throw error
      })
    try {
      for (let piece = await next(); !piece.done; piece = await next()) await handle.writeFile(piece.value)
    } finally {
      if (fromPieces === null) await iterator.return?.()
    }
  }
  try {
    if ((await kindToWrite(path)) === 'other') {
      const handle = await open(path, 'w')
      await write(handle).finally(() => handle.close())
      return
    }
    await replaceFile(path, async handle => {
      await write(handle)
      const bytes = head?.() ?? new Uint8Array(0)
      if (bytes.length > 0) await handle.write(bytes, 0, bytes.length, 0)
    })
  } catch (error) {
    if (fromPieces !== null) throw (fromPieces as { readonly error: unknown }).error
    throw fileError(error, path, 'write')
  }
}

/** What is at the path of a file to write. @throws DiffWaveError `NOT_A_FILE`, `NOT_WRITABLE` */
async function kindToWrite(path: string): Promise<'file' | 'other' | 'missing'> {
  const kind = await kindOfPath(path, 'write')
  if (kind !== 'directory') return kind
  throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
}

/** Max length of a chain of links, as on Linux (`MAXSYMLINKS`). */
const MAX_LINKS = 40

/** The path that links lead to, whether or not a file is there yet. @throws Error if links lead in a circle */
export async function linkTarget(path: string): Promise<string> {
  let target = path
  for (let links = 0; links < MAX_LINKS; links++) {
    const link = await readlink(target).catch(() => null)
    if (link === null) return target
    target = resolve(await realpath(dirname(target)), link)
  }
  // Fails with the error of a circle.
  return realpath(path)
}

/**
 * Replaces a file with what `write` puts into a temporary one. A link stays a link, and its target keeps its
 * permissions.
 */
async function replaceFile(path: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const target = await linkTarget(path)
  const mode = await stat(target).then(
    status => status.mode & 0o777,
    () => undefined,
  )
  await tidyOnce(dirname(target))
  const temporary = await openTemporary(target, mode)
  try {
    try {
      if (mode !== undefined) await temporary.handle.chmod(mode)
      await write(temporary.handle)
      await temporary.handle.sync()
    } finally {
      await temporary.handle.close()
    }
    await rename(temporary.path, target)
  } catch (error) {
    await rm(temporary.path, { force: true }).catch(() => {})
    throw error
  } finally {
    temporary.forget()
  }
}

/** Makes a folder and those above it. @throws DiffWaveError `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `DISK_FULL` */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw notADirectory(path, error)
    throw fileError(error, path, 'write')
  }
}

/** Does what Node’s recursive `mkdir` does, which reports a full disk as ENOENT. */
async function makeFolders(path: string, isParentMade = false): Promise<void> {
  try {
    await mkdir(path)
    noteMadeFolder(path)
  } catch (error) {
    if ((await kindOfPath(path).catch(() => 'missing')) === 'directory') return
    const parent = dirname(path)
    if (systemCode(error) !== 'ENOENT' || parent === path || isParentMade) throw error
    // Even if it is there now: another process or thread may have made it in the meantime.
    await makeFolders(parent)
    await makeFolders(path, true)
  }
}

/** Checks that a file can be written at a path, before long work starts. @throws DiffWaveError as `writeFileBytes` */
export async function checkWritable(path: string): Promise<void> {
  try {
    if ((await kindOfPath(path, 'write')) === 'directory') {
      throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
    }
    await access(dirname(await linkTarget(path)), constants.W_OK | constants.X_OK)
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}

/** Checks that a folder can be made at a path or written into, before long work starts. @throws as `makeFolder` */
export async function checkFolder(path: string): Promise<void> {
  const kind = await kindOfPath(path, 'write')
  if (kind === 'missing') return checkFolder(dirname(resolve(path)))
  if (kind !== 'directory') throw notADirectory(path)
  try {
    await access(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}

/** Flushes a folder's entries, so that a rename in it survives a power cut. */
export async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
