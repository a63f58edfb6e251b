/** Where the files of one model come from: a folder on disk, a URL, files that a user chose, a hub's repository. */

/** What a source knows of a file before it is read. */
export interface FileFacts {
  /** Name within the source, parts separated by `/`. */
  readonly name: string
  /** Size in bytes, if it is known. */
  readonly bytes?: number
  /** SHA-256 of the bytes in lower-case hexadecimal digits, if it is known. */
  readonly sha256?: string
}

/** How a file is read. */
export interface ReadFileOptions {
  /** More bytes than this are refused. Default: `MAX_FILE_BYTES`. */
  readonly maxBytes?: number
  /** Reads bytes `start` to `end` − 1 only. Default: all. */
  readonly range?: { readonly start: number; readonly end: number }
  /** Stops the reading. */
  readonly signal?: AbortSignal
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
  /** The files that it has. Absent if it cannot tell, as a plain web server cannot. */
  list?(): Promise<readonly FileFacts[]>
}
