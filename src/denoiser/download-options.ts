/** Options for downloading a model. */
import { z } from 'zod'
import type { ExpectedFile } from '../core/file-source.js'
import { abortSignal, type FieldsOf, onProgress } from '../core/options.js'
import type { OnProgress } from '../core/progress.js'
import { type RemoteOptions, remoteOptions } from '../model/remote/options.js'

export interface DownloadOptions {
  /** Called as the weights arrive. The unit of its numbers is bytes. */
  readonly onProgress?: OnProgress | undefined
  /** Stops the download and the loading: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Whether to keep downloaded files and use them again. Default: true. */
  readonly cache?: boolean | undefined
  /**
   * Expected sizes and SHA-256 of the files, by name: `{ 'weights.safetensors': { sha256: '…' } }`. Default: what the
   * model folder states in its `files.json`, if it has one.
   */
  readonly files?: Readonly<Record<string, ExpectedFile>> | undefined
  /** In Node.js only: the cache folder, offline mode, limits, and the hub of `hf:owner/name`. */
  readonly download?: RemoteOptions | undefined
}

const expectedFiles = z.record(
  z.string(),
  z.strictObject({
    bytes: z.number().int().min(0).optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in lower case')
      .optional(),
  } satisfies FieldsOf<ExpectedFile>),
)

/** The fields of `DownloadOptions`, for schemas of options. */
export const downloadFields = {
  onProgress: onProgress.optional(),
  signal: abortSignal.optional(),
  cache: z.boolean().optional(),
  files: expectedFiles.optional(),
  download: remoteOptions.optional(),
} satisfies FieldsOf<DownloadOptions>
