/** The kinds of values that name or hold a model. */
import { blobSource, type DirectoryHandle, directorySource, type NamedBlob } from '../core/chosen-files.js'
import { describe } from '../core/describe.js'
import { DiffWaveError } from '../core/errors.js'
import type { FileSource } from '../core/file-source.js'
import { isObject } from '../core/is-object.js'

export type { DirectoryHandle, NamedBlob } from '../core/chosen-files.js'

/**
 * A model to load. In Node.js: the name of a shipped model, or the path or URL of a model folder or a checkpoint. In a
 * browser: the URL of a model folder. In both: the files of a model folder that a user chose (a `FileList` or an array
 * of `File`), the handle of such a folder, or any `FileSource`.
 */
export type ModelInput = string | URL | FileSource | ArrayLike<NamedBlob> | DirectoryHandle

/** The input as a source of files; null for text and URLs, which each platform reads in its own way. */
export function sourceOf(input: ModelInput): FileSource | null {
  if (typeof input === 'string' || input instanceof URL) return null
  if (isObject(input)) {
    if ('read' in input && typeof input.read === 'function') return input as FileSource
    if ('getFileHandle' in input && typeof input.getFileHandle === 'function') {
      return directorySource(input as DirectoryHandle)
    }
    if ('length' in input && typeof input.length === 'number') {
      const files = Array.from(input as ArrayLike<NamedBlob>)
      if (files.every(file => file instanceof Blob && typeof file.name === 'string')) return blobSource(files)
    }
  }
  throw new DiffWaveError('BAD_OPTION', 'not a model', {
    expected: 'a path or URL, a list of files, a folder’s handle, or an object with a function `read`',
    got: describe(input),
    where: 'model',
  })
}
