/** Settings of downloads: options, completed by the environment variables that replace them, and the cache. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_FILE_BYTES } from '../../core/limits.js'
import type { RemoteModelOptions } from './options.js'

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
    folder: options.folder ?? variable('DIFFWAVE_CACHE'),
    offline: options.offline ?? isSet('DIFFWAVE_OFFLINE'),
    refresh: options.refresh ?? false,
    maxBytes: options.maxBytes ?? MAX_FILE_BYTES,
    hub: options.hub ?? variable('HF_ENDPOINT'),
    token: options.token ?? variable('HF_TOKEN'),
    stallMs: options.stallMs ?? 30_000,
  }
}

/** Whether a variable is 1 or true. @throws DiffWaveError `BAD_OPTION` for another word, which would mean nothing */
function isSet(name: string): boolean {
  const value = process.env[name] ?? ''
  if (/^(1|true)$/i.test(value)) return true
  if (/^(0|false|)$/i.test(value)) return false
  throw new DiffWaveError('BAD_OPTION', 'neither yes nor no', { expected: '1 or 0', got: value, where: name })
}

/** The system's folder for this package's cache. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'diffwave')
  if (process.platform === 'win32')
    return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'diffwave', 'Cache')
  return join(homedir(), ...(process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']), 'diffwave')
}
