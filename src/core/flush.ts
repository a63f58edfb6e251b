/** Flushes what was written to the disk. */
import { fsync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { isError } from './any-realm.js'

const flushDescriptor = promisify(fsync)

/** Flushes a file, or the entries of a folder. @throws Error of the system */
export async function flush(handle: FileHandle): Promise<void> {
  try {
    await handle.sync()
  } catch (error) {
    // The file handles of Yarn Plug'n'Play have no `sync`. Errors of the system have a code.
    if (!isError(error) || 'code' in error) throw error
    await flushDescriptor(handle.fd)
  }
}
