/** A source of the files of one model: a folder on disk, a URL, files that a user chose, or a hub's repository. */
import type { OnProgress } from './progress.js'

/** What a source knows about a file before it is read. */
export interface FileFacts {
  /** Name within the source, parts separated by `/`. */
  readonly name: string
  /** Size in bytes, if it is known. */
  readonly bytes?: number
  /** SHA-256 of the bytes in lower-case hexadecimal digits, if it is known. */
  readonly sha256?: string
}

/** The size and the hash that a file must have. */
export interface ExpectedFile {
  /** Size in bytes. */
  readonly bytes?: number | undefined
  /** SHA-256 in lower-case hexadecimal digits. */
  readonly sha256?: string | undefined
}

/** Options of reading a file. */
export interface ReadFileOptions {
  /** Max size in bytes; larger files are refused. Default: `MAX_FILE_BYTES`. */
  readonly maxBytes?: number
  /** Reads only bytes `start` to `end` − 1. Default: the whole file. */
  readonly range?: {
    /** First byte. */
    readonly start: number
    /** The byte after the last. */
    readonly end: number
  }
  /** Called as the bytes arrive. The unit of its numbers is bytes. */
  readonly onProgress?: OnProgress | undefined
  /** Stops the reading. */
  readonly signal?: AbortSignal | undefined
}

/** Files by name. Readers of models know only this interface, so a model can come from anywhere. */
export interface FileSource {
  /** The name of the source, or of a file in it, for errors: a path or a URL. */
  describe(name?: string): string
  /**
   * Reads a file. The bytes are in memory of their own, and are checked against what `list` says about the file.
   *
   * @throws DiffWaveError `FILE_NOT_FOUND`, `TOO_LARGE`, `NOT_READABLE`, `DOWNLOAD_FAILED`, `CORRUPTED`, `ABORTED`
   */
  read(name: string, options?: ReadFileOptions): Promise<Uint8Array>
  /** Sentences for the user after files have been read, for example that they could not be kept in a cache. */
  readonly notes?: readonly string[]
  /** Lists the files. Absent if the source cannot list them, like a plain web server. */
  list?(): Promise<readonly FileFacts[]>
}

/**
 * Reads a JSON list of files: `{ "weights.safetensors": { "bytes": 123, "sha256": "…" } }`. Entries of another form are
 * ignored. So is any other JSON, since a file may have the list's name by chance.
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
