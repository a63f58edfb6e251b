/** Removes a file, with errors that name it. */
import { rm } from 'node:fs/promises'
import { fileError } from './file-error.js'

/** Removes a file if it exists. @throws DiffWaveError `NOT_WRITABLE` */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (error) {
    throw fileError(error, path, 'write')
  }
}
