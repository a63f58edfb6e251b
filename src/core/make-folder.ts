/** Makes folders. */
import { constants } from 'node:fs'
import { access, mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileError, notADirectory } from './file-error.js'
import { flush } from './flush.js'
import { noteMadeFolder } from './made-folders.js'
import { kindOfPath } from './path-kind.js'
import { systemCode } from './system-code.js'

/** Makes a folder and those above it. @throws DiffWaveError `NOT_WRITABLE`, `NOT_A_DIRECTORY`, `DISK_FULL` */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw notADirectory(path, error)
    throw fileError(error, path, 'write')
  }
}

/**
 * Does what Node’s recursive `mkdir` does. That one reports a full disk as ENOENT. Where no folder can be made, as in
 * /proc or below a removed working directory, it never ends.
 */
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
    await flush(handle)
  } finally {
    await handle.close()
  }
}
