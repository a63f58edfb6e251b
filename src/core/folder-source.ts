/** A folder on disk as a source of files. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { defined } from './defined.js'
import { throwIfAborted } from './errors.js'
import type { FileSource } from './file-source.js'
import { fileError, readFileBytes } from './files.js'
import { filesBelow } from './folder.js'

/** @param folder path of the folder */
export function folderSource(folder: string): FileSource {
  const pathOf = (name: string) => join(folder, name)
  return {
    describe: name => (name === undefined ? folder : pathOf(name)),
    async read(name, { range, maxBytes, signal } = {}) {
      const path = pathOf(name)
      return range === undefined ? readFileBytes(path, defined({ maxBytes, signal })) : readRange(path, range, signal)
    },
    async list() {
      return (await filesBelow(folder, /(?:)/)).map(name => ({ name }))
    },
  }
}

/** Bytes `start` to `end` − 1 of a file, or those of them that it has. */
async function readRange(
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  throwIfAborted(signal)
  try {
    const handle = await open(path, 'r')
    try {
      const bytes = new Uint8Array(end - start)
      let filled = 0
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return bytes.subarray(0, filled)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw fileError(error, path, 'read')
  }
}
