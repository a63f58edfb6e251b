/** Where the files of one model come from: a folder on disk, a URL, files that a user chose, a hub's repository. */

import type { OnProgress } from './progress.js'

/** What a source knows of a file before it is read. */
export interface FileFacts {
  /** Name within the source, parts separated by `/`. */
  readonly name: string
  /** Size in bytes, if it is known. */
  readonly bytes?: number
  /** SHA-256 of the bytes in lower-case hexadecimal digits, if it is known. */
  readonly sha256?: string
}

/** What one file must have. */
export interface ExpectedFile {
  /** Size in bytes. */
  readonly bytes?: number | undefined
  /** SHA-256 in lower-case hexadecimal digits. */
  readonly sha256?: string | undefined
}

/** How a file is read. */
export interface ReadFileOptions {
  /** More bytes than this are refused. Default: `MAX_FILE_BYTES`. */
  readonly maxBytes?: number
  /** Reads bytes `start` to `end` − 1 only. Default: all. */
  readonly range?: { readonly start: number; readonly end: number }
  /** Called as the bytes arrive, with their number. */
  readonly onProgress?: OnProgress | undefined
  /** Stops the reading. */
  readonly signal?: AbortSignal | undefined
}

/** Files by name. Readers of models know only this, so a model can come from anywhere. */
export interface FileSource {
  /** What errors call the source, or a file of it: a path or a URL. */
  describe(name?: string): string
  /**
   * A file's bytes, in memory of their own, checked against what `list` says of it.
   *
   * @throws DiffWaveError `FILE_NOT_FOUND`, `TOO_LARGE`, `NOT_READABLE`, `DOWNLOAD_FAILED`, `CORRUPTED`, `ABORTED`
   */
  read(name: string, options?: ReadFileOptions): Promise<Uint8Array>
  /** What the user should know once files have been read, as that they could not be kept in a cache. */
  readonly notes?: readonly string[]
  /** The files that it has. Absent if it cannot tell, as a plain web server cannot. */
  list?(): Promise<readonly FileFacts[]>
}

/**
 * What a list in JSON says of files: `{ "weights.safetensors": { "bytes": 123, "sha256": "…" } }`. Entries of another
 * form are ignored, and so is another kind of file: it may have the list's name by chance.
 */
export function expectedFilesOf(list: unknown): Readonly<Record<string, ExpectedFile>> {
  if (typeof list !== 'object' || list === null) return {}
  const files: [string, ExpectedFile][] = []
  for (const [name, value] of Object.entries(list)) {
    const { bytes, sha256 } = Object(value) as { readonly bytes?: unknown; readonly sha256?: unknown }
    const size = Number.isSafeInteger(bytes) && (bytes as number) >= 0 ? { bytes: bytes as number } : {}
    const digest = typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : null
    files.push([name, { ...size, ...(digest === null ? {} : { sha256: digest }) }])
  }
  return Object.fromEntries(files)
}
