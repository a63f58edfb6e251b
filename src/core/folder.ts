/** The files below a folder. */
import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { type DiffWaveError, throwIfAborted } from './errors.js'
import { fileError } from './file-error.js'
import { kindOfPath } from './path-kind.js'

export interface FilesBelowOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the error of a subfolder that cannot be read, which is then left out. Default: it is thrown. */
  readonly onUnreadable?: ((error: DiffWaveError) => void) | undefined
}

/**
 * Paths of the files below a folder whose names match, relative to it, in the order of `portablePath`. Links to folders
 * are followed, but each folder is entered only once, so that a link to a folder above ends. Folders that are reached
 * without links come first.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `NOT_READABLE`, `ABORTED`
 */
export async function filesBelow(
  folder: string,
  ending: RegExp,
  { signal, onUnreadable }: FilesBelowOptions = {},
): Promise<string[]> {
  const files: string[] = []
  const entered = new Set<string>()
  let linked: string[] = []
  const enter = async (below: string): Promise<void> => {
    throwIfAborted(signal)
    const path = join(folder, below)
    let entries: readonly Dirent[]
    try {
      const real = await realpath(path)
      if (entered.has(real)) return
      entered.add(real)
      entries = await listFolder(path)
    } catch (error) {
      const failure = fileError(error, path, 'read')
      if (below === '' || onUnreadable === undefined) throw failure
      onUnreadable(failure)
      return
    }
    for (const entry of entries) {
      const name = join(below, entry.name)
      if (entry.isDirectory()) await enter(name)
      else if (entry.isSymbolicLink() && (await isFolder(join(folder, name)))) linked.push(name)
      else if (ending.test(name)) files.push(name)
    }
  }
  await enter('')
  while (linked.length > 0) {
    const links = inOrder(linked)
    linked = []
    for (const link of links) await enter(link)
  }
  return inOrder(files)
}

/** Sorts paths by `portablePath`, so that every system has the same order. */
function inOrder(paths: readonly string[]): string[] {
  // Names contain no null characters.
  const keys = paths.map(path => `${portablePath(path)}\0${path}`)
  return keys.sort().map(key => key.slice(key.indexOf('\0') + 1))
}

/**
 * Writes a path as every system does: parts separated by `/`, characters composed (NFC). Windows separates parts by
 * `\`, and some file systems of macOS store decomposed characters (NFD), which copies to other systems keep.
 */
export function portablePath(path: string, separator: string = sep): string {
  return path.replaceAll(separator, '/').normalize('NFC')
}

/**
 * Lists what a folder contains.
 *
 * @throws DiffWaveError `FILE_NOT_FOUND`, `NOT_A_DIRECTORY`, `NOT_READABLE`
 */
export async function listFolder(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    throw fileError(error, path, 'read')
  }
}

/**
 * Whether there is nothing at a path to write, or only an empty folder.
 *
 * @throws DiffWaveError `NOT_WRITABLE`, `NOT_READABLE`
 */
export async function isVacant(path: string): Promise<boolean> {
  const kind = await kindOfPath(path, 'write')
  if (kind !== 'directory') return kind === 'missing'
  return (await listFolder(path)).length === 0
}

/**
 * Whether a file is one of those that macOS puts beside each file of a foreign disk (AppleDouble). It has the other
 * file's ending, but not its contents.
 */
export function isAppleDouble(path: string): boolean {
  return basename(path).startsWith('._')
}

/** Whether a link leads to a folder. A link that leads nowhere does not. */
async function isFolder(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => null)
  return status?.isDirectory() ?? false
}
