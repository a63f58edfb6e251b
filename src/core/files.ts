/** Reading and writing whole files with typed errors. A file that is written is complete or absent: never half. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DiffWaveError } from './errors.js'
import { MAX_FILE_BYTES } from './limits.js'

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** A file system's refusal as one of our errors. */
export function fileError(error: unknown, path: string, doing: 'read' | 'write'): DiffWaveError {
  if (error instanceof DiffWaveError) return error
  const details = { where: path, cause: error }
  switch (systemCode(error)) {
    case 'ENOENT':
      return doing === 'read'
        ? new DiffWaveError('FILE_NOT_FOUND', 'there is no such file', details)
        : new DiffWaveError('NOT_WRITABLE', 'the folder to write into does not exist', details)
    case 'ENOTDIR':
      return new DiffWaveError('NOT_A_DIRECTORY', 'a file stands where a folder should be', details)
    case 'EISDIR':
      return new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', details)
    case 'ENOSPC':
    case 'EDQUOT':
      return new DiffWaveError('DISK_FULL', 'the disk is full', {
        ...details,
        hint: 'Free some space and try again: what was in the file’s place before is still there.',
      })
    default: {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
      return doing === 'read'
        ? new DiffWaveError('NOT_READABLE', `the file cannot be read: ${reason}`, details)
        : new DiffWaveError('NOT_WRITABLE', `the file cannot be written: ${reason}`, details)
    }
  }
}

/**
 * A file's bytes, in memory of their own.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_FILE`, `NOT_READABLE`, `TOO_LARGE`
 */
export async function readFileBytes(
  path: string,
  options: { readonly maxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const maxBytes = options.maxBytes ?? MAX_FILE_BYTES
  try {
    const status = await stat(path)
    if (status.isDirectory())
      throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
    if (!status.isFile()) throw new DiffWaveError('NOT_A_FILE', 'this is not a regular file', { where: path })
    if (status.size > maxBytes) {
      throw new DiffWaveError('TOO_LARGE', 'the file is too large', {
        expected: `at most ${maxBytes} bytes`,
        got: String(status.size),
        where: path,
      })
    }
    return await readFile(path, options.signal === undefined ? {} : { signal: options.signal })
  } catch (error) {
    if (options.signal?.aborted) throw new DiffWaveError('ABORTED', 'stopped before it was done', { cause: error })
    throw fileError(error, path, 'read')
  }
}

/** Whether something lies at a path, and what. @throws DiffWaveError `NOT_READABLE` */
export async function kindOfPath(path: string): Promise<'file' | 'directory' | 'other' | 'missing'> {
  try {
    const status = await stat(path)
    return status.isFile() ? 'file' : status.isDirectory() ? 'directory' : 'other'
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return 'missing'
    throw fileError(error, path, 'read')
  }
}

/** Counts temporary files, so that two writes of one process never share one. */
let temporaries = 0

/**
 * Writes a file by way of a temporary one beside it, flushed and renamed. Own code: `write-file-atomic` takes a write that a full
 * disk cut short for a whole one, and puts the torso in the old file's place.
 *
 * @throws DiffWaveError `NOT_WRITABLE`, `NOT_A_FILE`, `NOT_A_DIRECTORY`, `DISK_FULL`; what was there before is intact
 */
export async function writeFileBytes(path: string, bytes: Uint8Array | string): Promise<void> {
  let temporary: string | null = null
  try {
    const kind = await kindOfPath(path)
    if (kind === 'directory') {
      throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
    }
    // A pipe or a device is written to as it is: a rename would put a file in its place.
    if (kind === 'other') {
      await writeFile(path, bytes)
      return
    }
    // A link stays one: what it points to is replaced, and keeps its permissions.
    const target = await realpath(path).catch(() => path)
    const mode = await stat(target).then(
      status => status.mode & 0o777,
      () => undefined,
    )
    const name = `${target}.${process.pid}.${temporaries++}.tmp`
    const handle = await open(name, 'wx', mode)
    temporary = name
    try {
      // Goes on until every byte is written, or throws.
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, target)
    temporary = null
  } catch (error) {
    if (temporary !== null) await rm(temporary, { force: true }).catch(() => {})
    throw fileError(error, path, 'write')
  }
}

/**
 * Writes a file from pieces as they come, by way of a temporary one beside it, flushed and renamed; the temporary one is removed
 * where anything fails. A pipe or a device at `path` is written to as it is.
 *
 * @param head bytes that replace the file's first ones once all is written, as a header that counts what follows
 * @throws DiffWaveError as `writeFileBytes`, and what the pieces throw
 */
export async function writeFilePieces(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  head?: () => Uint8Array,
): Promise<void> {
  const attempt = <T>(work: Promise<T>): Promise<T> =>
    work.catch(error => {
      throw fileError(error, path, 'write')
    })
  const kind = await kindOfPath(path)
  if (kind === 'directory') {
    throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
  }
  const target = kind === 'file' ? await attempt(realpath(path)) : path
  const temporary = kind === 'other' ? path : `${target}.${randomUUID().slice(0, 8)}`
  const handle = await attempt(open(temporary, kind === 'other' ? 'w' : 'wx'))
  try {
    try {
      if (kind === 'file') await attempt(handle.chmod((await attempt(stat(target))).mode))
      for await (const piece of pieces) await attempt(handle.writeFile(piece))
      if (kind !== 'other') {
        const bytes = head?.() ?? new Uint8Array(0)
        if (bytes.length > 0) await attempt(handle.write(bytes, 0, bytes.length, 0))
        await attempt(handle.sync())
      }
    } finally {
      await handle.close()
    }
    if (kind !== 'other') await attempt(rename(temporary, target))
  } catch (error) {
    if (kind !== 'other') await rm(temporary, { force: true })
    throw error
  }
}

/** Makes a folder and those above it. @throws DiffWaveError `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `DISK_FULL` */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      throw new DiffWaveError('NOT_A_DIRECTORY', 'a file stands where a folder should be', {
        where: path,
        cause: error,
      })
    }
    throw fileError(error, path, 'write')
  }
}

/** Whether a file could be written at a path, found out before long work starts. @throws DiffWaveError as `writeFileBytes` */
export async function checkWritable(path: string): Promise<void> {
  try {
    if ((await kindOfPath(path)) === 'directory') {
      throw new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path })
    }
    await access(dirname(path), constants.W_OK | constants.X_OK)
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
