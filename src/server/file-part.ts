/** Reads a part of a file that another program writes. */
import { open } from 'node:fs/promises'

/** A part of a file, and the size of all of it. */
export interface FilePart {
  readonly size: number
  readonly bytes: Uint8Array
}

/**
 * Bytes from `start` on: `limit` of them, or as many as there are. The file is open only that long, since its folder
 * may be moved or deleted at any time.
 */
export async function readPart(path: string, start: number, limit: number): Promise<FilePart> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    const wanted = Math.max(0, Math.min(limit, size - start))
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, start)
    return { size, bytes: buffer.subarray(0, bytesRead) }
  } finally {
    await handle.close()
  }
}
