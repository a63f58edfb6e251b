/** Digests of files. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** Computes the digest of a file in hexadecimal digits. @param prefix text that is hashed before the file */
export async function digestOf(path: string, algorithm: 'sha256' | 'sha1', prefix = ''): Promise<string> {
  const hash = createHash(algorithm).update(prefix)
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}
