/** A folder on disk as a source of files. */
import { join } from 'node:path'
import { defined } from './defined.js'
import { throwIfAborted } from './errors.js'
import type { FileSource } from './file-source.js'
import { filesBelow } from './folder.js'
import { readFileBytes, readFileRange } from './read-file.js'

/** @param folder path of the folder */
export function folderSource(folder: string): FileSource {
  const pathOf = (name: string) => join(folder, name)
  return {
    describe: name => (name === undefined ? folder : pathOf(name)),
    async read(name, { range, maxBytes, signal } = {}) {
      throwIfAborted(signal)
      const options = defined({ maxBytes, signal })
      if (range === undefined) return readFileBytes(pathOf(name), options)
      return (await readFileRange(pathOf(name), range, options)).bytes
    },
    async list() {
      return (await filesBelow(folder, /(?:)/)).map(name => ({ name }))
    },
  }
}
