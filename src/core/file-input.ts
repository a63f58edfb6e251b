/** What a caller can pass as a file: its name, a file that a user chose, or its bytes. */
import { type NamedFile, readNamedFile } from '#platform/core/named-file'
import { isArrayBuffer, isBlob, isUint8Array } from './any-realm.js'
import { bytesOfBlob } from './chosen-files.js'
import { describe } from './describe.js'
import { DiffWaveError } from './errors.js'
import { MAX_FILE_BYTES } from './limits.js'

/**
 * A file. In Node.js: its path, as text or a `file:` URL. In a browser: its URL, relative to the page's. In both: a
 * `File` or `Blob`, or the bytes themselves, which must not change until the call has ended.
 */
export type FileInput = string | URL | Blob | ArrayBuffer | Uint8Array

/**
 * Reads the bytes of a file.
 *
 * @param where names the argument in errors
 * @returns the bytes, which may be the caller's, and the name of the file for errors
 * @throws DiffWaveError `BAD_OPTION`, `TOO_LARGE`, `NOT_READABLE`; `FILE_NOT_FOUND`, `NOT_A_FILE` or, in a browser,
 * `DOWNLOAD_FAILED`
 */
export async function bytesOf(input: FileInput, where: string): Promise<NamedFile> {
  if (typeof input === 'string' || input instanceof URL) return readNamedFile(input, where)
  if (isUint8Array(input) || isArrayBuffer(input)) {
    refuseTooLarge(input.byteLength, where)
    return { bytes: isUint8Array(input) ? input : new Uint8Array(input), name: where }
  }
  if (isBlob(input)) {
    const name = 'name' in input && typeof input.name === 'string' ? input.name : where
    return { bytes: await bytesOfBlob(input, name), name }
  }
  throw new DiffWaveError('BAD_OPTION', 'not a file', {
    expected: 'a path or URL, a File or Blob, an ArrayBuffer or a Uint8Array',
    got: describe(input),
    where,
  })
}

/** @throws DiffWaveError `TOO_LARGE` */
function refuseTooLarge(bytes: number, where: string): void {
  if (bytes <= MAX_FILE_BYTES) return
  throw new DiffWaveError('TOO_LARGE', 'the file is too large', {
    expected: `at most ${MAX_FILE_BYTES} bytes`,
    got: String(bytes),
    where,
  })
}
