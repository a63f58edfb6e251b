/** Reads a file by its path. */
import { toPath } from './path.js'
import { readFileBytes } from './read-file.js'

/** The bytes of a file, and its name for errors. */
export interface NamedFile {
  readonly bytes: Uint8Array
  readonly name: string
}

/**
 * Reads the file at a path.
 *
 * @param path of the file, as text or a `file:` URL
 * @param where names the argument in errors
 * @throws DiffWaveError `BAD_OPTION`, and as `readFileBytes`
 */
export async function readNamedFile(path: string | URL, where: string): Promise<NamedFile> {
  const name = toPath(path, where)
  return { bytes: await readFileBytes(name), name }
}
