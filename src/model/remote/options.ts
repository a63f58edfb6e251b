/** Options of models by address. */
import { z } from 'zod'
import { MAX_FILE_BYTES } from '../../core/limits.js'
import type { FieldsOf } from '../../core/options.js'

/** Where downloads go, and what they may do. */
export interface RemoteOptions {
  /**
   * Folder of the cache. Default: `DIFFWAVE_CACHE`, else the system's folder for caches; for a hub without either, the
   * folder that all programs of Hugging Face share.
   */
  readonly cache?: string | undefined
  /** Only what is in the cache is used. Default: whether `DIFFWAVE_OFFLINE` is 1. */
  readonly offline?: boolean | undefined
  /** Downloads again what is in the cache. Models of a web server are else never asked for again. Default false. */
  readonly refresh?: boolean | undefined
  /** Max bytes of each file. Default 2 GiB, what a file may have. */
  readonly maxBytes?: number | undefined
  /** Base URL of the hub. Default: `HF_ENDPOINT`, else the public hub's. */
  readonly hub?: string | undefined
  /** Access token of the hub. Default: `HF_TOKEN`. It is sent to the hub alone. */
  readonly token?: string | undefined
  /** Milliseconds without a byte after which a connection counts as stalled. Default 30,000. */
  readonly stallMs?: number | undefined
}

/** Checks `RemoteOptions`. */
export const remoteOptions = z.strictObject({
  cache: z.string().min(1).optional(),
  offline: z.boolean().optional(),
  refresh: z.boolean().optional(),
  maxBytes: z.number().int().min(1).max(MAX_FILE_BYTES).optional(),
  hub: z.url({ protocol: /^https?$/ }).optional(),
  token: z.string().min(1).optional(),
  stallMs: z.number().int().min(1).max(3_600_000).optional(),
} satisfies FieldsOf<RemoteOptions>)
