/** Digests of files. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** A file's digest in hexadecimal digits. @param prefix bytes before the file's */
export async function digestOf(path: string, algorithm: 'sha256' | 'sha1', prefix = ''): Promise<string> {
  const hash = createHash(algorithm).update(prefix)
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}
