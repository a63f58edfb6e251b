/** Writes files. A file that is written is complete or absent: never half. */
import { constants } from 'node:fs'
import { access, type FileHandle, open, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileError, notADirectory, notAFile } from './file-error.js'
import { flush } from './flush.js'
import { kindOfPath } from './path-kind.js'
import { systemCode } from './system-code.js'
import { openTemporary, tidyOnce } from './temporary.js'

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
  throw notAFile(path)
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
      await flush(temporary.handle)
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

/** Checks that a file can be written at a path, before long work starts. @throws DiffWaveError as `writeFileBytes` */
export async function checkWritable(path: string): Promise<void> {
  try {
    await kindToWrite(path)
    const folder = dirname(await linkTarget(path))
    // `access` of a file that stands there would speak of its permissions.
    if (!(await stat(folder)).isDirectory()) throw notADirectory(folder)
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}
