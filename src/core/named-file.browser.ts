/** Reads a file by its URL. */
import { DiffWaveError } from './errors.js'
import { fetchFile } from './url-source.js'

/** The bytes of a file, and its name for errors. */
export interface NamedFile {
  readonly bytes: Uint8Array
  readonly name: string
}

/**
 * Downloads the file at a URL.
 *
 * @param address relative to the page's
 * @param where names the argument in errors
 * @throws DiffWaveError `BAD_OPTION`, and as `fetchFile`
 */
export async function readNamedFile(address: string | URL, where: string): Promise<NamedFile> {
  let url: URL
  try {
    url = new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href)
  } catch (cause) {
    throw new DiffWaveError('BAD_OPTION', 'not a URL', { got: String(address), where, cause })
  }
  return { bytes: await fetchFile(url), name: url.protocol === 'data:' ? where : url.href }
}
