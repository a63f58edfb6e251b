/** Settings of downloads: options, and the environment variables that replace them. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ExpectedFile } from '../../core/file-source.js'
import { MAX_FILE_BYTES } from '../../core/limits.js'
import type { OnProgress } from '../../core/progress.js'
import type { RemoteOptions } from './options.js'

/** Options of one download. */
export interface RemoteModelOptions extends RemoteOptions {
  /** Receives the bytes of all files so far. The total is null until it is known. */
  readonly onProgress?: OnProgress | undefined
  /** Stops the download. The bytes that have arrived are kept, and the next download continues from there. */
  readonly signal?: AbortSignal | undefined
  /** Sizes and SHA-256 of the files by name. Default: those in `files.json` beside them. */
  readonly files?: Readonly<Record<string, ExpectedFile>> | undefined
}

/** Options, completed by the environment variables. */
export interface DownloadSettings extends RemoteModelOptions {
  readonly offline: boolean
  readonly refresh: boolean
  readonly maxBytes: number
  readonly stallMs: number
}

export function downloadSettings(options: RemoteModelOptions): DownloadSettings {
  const variable = (name: string) => process.env[name] || undefined
  return {
    ...options,
    cache: options.cache ?? variable('DIFFWAVE_CACHE'),
    offline: options.offline ?? variable('DIFFWAVE_OFFLINE') === '1',
    refresh: options.refresh ?? false,
    maxBytes: options.maxBytes ?? MAX_FILE_BYTES,
    hub: options.hub ?? variable('HF_ENDPOINT'),
    token: options.token ?? variable('HF_TOKEN'),
    stallMs: options.stallMs ?? 30_000,
  }
}

/** The system's folder for this package's cache. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'diffwave')
  if (process.platform === 'win32')
    return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'diffwave', 'Cache')
  return join(homedir(), ...(process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']), 'diffwave')
}
