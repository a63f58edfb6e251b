/** Checks bytes against the size and the hash that a source announced. */
import { DiffWaveError } from './errors.js'
import type { FileFacts } from './file-source.js'

/**
 * SHA-256 of bytes in lower-case hexadecimal digits. Null if there is no Web Crypto, as on a page that is not from
 * `https:` or from this machine.
 */
export async function sha256(bytes: Uint8Array): Promise<string | null> {
  const subtle = globalThis.crypto?.subtle
  if (subtle === undefined) return null
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Checks size and SHA-256, as far as they are known.
 *
 * @param where names the file in errors
 * @throws DiffWaveError `CORRUPTED`
 */
export async function checkIntegrity(
  bytes: Uint8Array,
  facts: Pick<FileFacts, 'bytes' | 'sha256'>,
  where: string,
): Promise<void> {
  const hint = 'Download it again; if that does not help, the copy on the server is damaged.'
  if (facts.bytes !== undefined && facts.bytes !== bytes.length) {
    throw new DiffWaveError('CORRUPTED', 'the file has the wrong size', {
      expected: `${facts.bytes} bytes`,
      got: String(bytes.length),
      where,
      hint,
    })
  }
  if (facts.sha256 === undefined) return
  const found = await sha256(bytes)
  if (found === null || found === facts.sha256) return
  throw new DiffWaveError('CORRUPTED', 'the file has the wrong SHA-256', {
    expected: facts.sha256,
    got: found,
    where,
    hint,
  })
}
