/** Reads the bytes of what a page can pass as a file: a file that a user chose, a URL, or the bytes themselves. */
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import { fetchFile } from '../core/url-source.js'

/** A file that a user chose or dropped, the URL of one (relative to the page's), or its bytes. */
export type FileInput = Blob | ArrayBuffer | Uint8Array | string | URL

/**
 * @param where names the argument in errors
 * @throws DiffWaveError `BAD_OPTION`, `NOT_READABLE`, and as a download
 */
export async function bytesOf(input: FileInput, where: string): Promise<{ bytes: Uint8Array; name: string }> {
  if (input instanceof Uint8Array) return { bytes: input, name: where }
  if (input instanceof ArrayBuffer) return { bytes: new Uint8Array(input), name: where }
  if (input instanceof Blob) {
    const name = input instanceof File ? input.name : where
    try {
      return { bytes: new Uint8Array(await input.arrayBuffer()), name }
    } catch (cause) {
      const hint = 'It may have changed since it was chosen: choose it again.'
      throw new DiffWaveError('NOT_READABLE', 'the file cannot be read', { where: name, hint, cause })
    }
  }
  if (typeof input === 'string' || input instanceof URL) {
    let url: URL
    try {
      url = new URL(input, globalThis.document?.baseURI ?? globalThis.location?.href)
    } catch (cause) {
      throw new DiffWaveError('BAD_OPTION', 'not a URL', { got: String(input), where, cause })
    }
    return { bytes: await fetchFile(url), name: url.protocol === 'data:' ? where : url.href }
  }
  throw new DiffWaveError('BAD_OPTION', 'not a file', {
    expected: 'a File or Blob, a URL, an ArrayBuffer or a Uint8Array',
    got: describe(input),
    where,
  })
}
