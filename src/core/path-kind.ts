/** What is at a path, and which paths lead to the same file. */
import { stat } from 'node:fs/promises'
import { fileError } from './file-error.js'
import { systemCode } from './system-code.js'

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
