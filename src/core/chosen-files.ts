/** Files that a user chose in a page, or dropped on it, as a source of files. */
import { DiffWaveError, throwIfAborted } from './errors.js'
import type { FileSource, ReadFileOptions } from './file-source.js'
import { MAX_FILE_BYTES } from './limits.js'
import { orAborted } from './until-aborted.js'

/** A `File`: bytes with a name. */
export interface NamedBlob extends Blob {
  readonly name: string
  /** Path below the folder that was chosen, its own name included; empty if single files were chosen. */
  readonly webkitRelativePath?: string
}

/** A `FileSystemFileHandle`, as far as it is used. */
export interface FileHandle {
  /** Opens the file. */
  getFile(): Promise<Blob>
}

/** A `FileSystemDirectoryHandle`, as far as it is used. */
export interface DirectoryHandle {
  /** Name of the folder; empty for the root of a page's own storage. */
  readonly name: string
  /** Finds a file of the folder by its name. */
  getFileHandle(name: string): Promise<FileHandle>
}

/** @param files by their own names: those of one model folder */
export function blobSource(files: readonly NamedBlob[]): FileSource {
  const byName = new Map(files.map(file => [file.name, file]))
  const folder = files[0]?.webkitRelativePath?.split('/')[0]
  const describe = (name?: string) => name ?? (folder || 'the chosen files')
  return {
    describe,
    async read(name, options) {
      const file = byName.get(name)
      if (file !== undefined) return bytesOfBlob(file, describe(name), options)
      throw new DiffWaveError('FILE_NOT_FOUND', 'the file is not among those chosen', {
        got: files.length === 0 ? 'none' : files.map(file => file.name).join(', '),
        where: name,
      })
    },
    async list() {
      return files.map(({ name, size }) => ({ name, bytes: size }))
    },
  }
}

export function directorySource(folder: DirectoryHandle): FileSource {
  // The root of the page's own storage has no name.
  const own = folder.name || 'the chosen folder'
  const describe = (name?: string) => (name === undefined ? own : `${own}/${name}`)
  return {
    describe,
    async read(name, options) {
      const where = describe(name)
      let file: Blob
      try {
        file = await (await folder.getFileHandle(name)).getFile()
      } catch (cause) {
        const missing = cause instanceof Error && cause.name === 'NotFoundError'
        if (missing) throw new DiffWaveError('FILE_NOT_FOUND', 'there is no such file', { where, cause })
        throw new DiffWaveError('NOT_READABLE', 'the page is not allowed to read the file', {
          where,
          hint: 'Choose the folder again and allow the page to read it.',
          cause,
        })
      }
      return bytesOfBlob(file, where, options)
    },
  }
}

/** The bytes of a file that a user chose. @throws DiffWaveError `TOO_LARGE`, `NOT_READABLE`, `ABORTED` */
export async function bytesOfBlob(
  file: Blob,
  where: string,
  { maxBytes = MAX_FILE_BYTES, range, onProgress, signal }: ReadFileOptions = {},
): Promise<Uint8Array> {
  throwIfAborted(signal)
  const part = range === undefined ? file : file.slice(range.start, range.end)
  if (part.size > maxBytes) {
    throw new DiffWaveError('TOO_LARGE', 'the file is too large', {
      expected: `at most ${maxBytes} bytes`,
      got: String(part.size),
      where,
    })
  }
  const buffer = await part.arrayBuffer().catch(cause => {
    throw new DiffWaveError('NOT_READABLE', 'the file cannot be read', {
      where,
      hint: 'It may have changed since it was chosen: choose it again.',
      cause,
    })
  })
  const bytes = new Uint8Array(buffer)
  await orAborted(onProgress?.({ done: bytes.length, total: bytes.length }), signal)
  return bytes
}
