/** Options for loading models by address. */
import { z } from 'zod'
import type { ExpectedFile } from '../../core/file-source.js'
import { MAX_FILE_BYTES } from '../../core/limits.js'
import type { FieldsOf } from '../../core/options.js'
import type { OnProgress } from '../../core/progress.js'

/** Options of downloads: the cache, its use, limits and access. */
export interface RemoteOptions {
  /**
   * Folder of the cache. Default: `DIFFWAVE_CACHE`, else the system's cache folder. For a hub without `DIFFWAVE_CACHE`,
   * the folder that all Hugging Face programs share.
   */
  readonly folder?: string | undefined
  /** Whether only the cache is used. Default: whether `DIFFWAVE_OFFLINE` is 1 or true. */
  readonly offline?: boolean | undefined
  /** Max bytes of each file. Default: 2 GiB, the limit of a file. */
  readonly maxBytes?: number | undefined
  /** Base URL of the hub. Default: `HF_ENDPOINT`, else the public hub. */
  readonly hub?: string | undefined
  /** Access token of the hub. Default: `HF_TOKEN`. It is sent only to the hub. */
  readonly token?: string | undefined
  /** Milliseconds without a byte after which a connection counts as stalled. Default: 30,000. */
  readonly stallMs?: number | undefined
}

/** Options of one download. */
export interface RemoteModelOptions extends RemoteOptions {
  /** Receives the bytes of all files so far. The total is null until it is known. */
  readonly onProgress?: OnProgress | undefined
  /** Stops the download. The bytes that have arrived are kept, and the next download continues from there. */
  readonly signal?: AbortSignal | undefined
  /** Sizes and SHA-256 of the files by name. Default: those in `files.json` beside them. */
  readonly files?: Readonly<Record<string, ExpectedFile>> | undefined
  /**
   * Whether cached models are downloaded again. If false, models from a web server are never requested again. Default:
   * false.
   */
  readonly refresh?: boolean | undefined
}

/** Schema of `RemoteOptions`. */
export const remoteOptions = z.strictObject({
  folder: z.string().min(1).optional(),
  offline: z.boolean().optional(),
  maxBytes: z.number().int().min(1).max(MAX_FILE_BYTES).optional(),
  hub: z.url({ protocol: /^https?$/ }).optional(),
  token: z.string().min(1).optional(),
  stallMs: z.number().int().min(1).max(3_600_000).optional(),
} satisfies FieldsOf<RemoteOptions>)
