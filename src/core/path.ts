/** Paths as callers give them: text, or a `file:` URL. */
import { fileURLToPath } from 'node:url'
import { describe } from './describe.js'
import { DiffWaveError } from './errors.js'

/** A path in the file system: absolute or relative text, or a `file:` URL. */
export type PathLike = string | URL

/**
 * A path as text.
 *
 * @param where names the argument in errors
 * @throws DiffWaveError `BAD_OPTION` if it is neither a non-empty string nor a `file:` URL
 */
export function toPath(path: PathLike, where: string): string {
  const bad = (got: string) =>
    new DiffWaveError('BAD_OPTION', 'not a path', { expected: 'a non-empty string or a file: URL', got, where })
  if (path instanceof URL || (typeof path === 'string' && path.startsWith('file:'))) {
    try {
      return fileURLToPath(path)
    } catch {
      throw bad(String(path).slice(0, 100))
    }
  }
  if (typeof path !== 'string') throw bad(describe(path))
  if (path === '') throw bad('an empty string')
  if (path.includes('\0')) throw bad('a string with a null character')
  return path
}
