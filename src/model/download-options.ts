/** The options of every function that takes a model by its address. */
import { z } from 'zod'
import type { ExpectedFile } from '../core/file-source.js'
import { abortSignal, type FieldsOf, onProgress } from '../core/options.js'
import type { OnProgress } from '../core/progress.js'
import { type RemoteModelOptions, type RemoteOptions, remoteOptions } from './remote/options.js'

/** How a model is downloaded. They change nothing for a model on this machine. */
export interface DownloadOptions {
  /** Called as the weights arrive. The unit of its numbers is bytes. */
  readonly onProgress?: OnProgress | undefined
  /** Stops the download and the loading: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /**
   * Whether to use what was downloaded before. With false, the files are downloaded again; a browser then keeps none of
   * them. Default: true.
   */
  readonly cache?: boolean | undefined
  /**
   * Expected sizes and SHA-256 of the files, by name: `{ 'weights.safetensors': { sha256: '…' } }`. Default: what the
   * model folder states in its `files.json`, if it has one.
   */
  readonly files?: Readonly<Record<string, ExpectedFile>> | undefined
  /** In Node.js only: the folder of the cache, offline mode, limits, and the hub of `hf:owner/name`. */
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

/** The options as a download in Node.js takes them. */
export function remoteModelOptions({ cache = true, download, ...options }: DownloadOptions): RemoteModelOptions {
  return { ...options, ...download, refresh: !cache }
}
