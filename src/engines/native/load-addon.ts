/** Where the compiled addon is, and how it is loaded. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { DiffWaveError } from '../../core/errors.js'
import type { Addon } from './addon.js'
import { checkConstants } from './constants.js'
import { nativeTarget } from './target.js'

let loaded: Addon | undefined

/** @throws DiffWaveError `ENGINE_UNAVAILABLE` */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  const platform = nativeTarget()
  const path = fileURLToPath(new URL(`../../../prebuilds/${platform}/diffwave.node`, import.meta.url))
  if (!existsSync(path)) {
    throw new DiffWaveError(
      'ENGINE_UNAVAILABLE',
      `the native engine is not available: it is not built for ${platform}`,
      {
        where: path,
        hint: 'With a C++ compiler: `npx diffwave build-native`.',
      },
    )
  }
  try {
    const addon = createRequire(import.meta.url)(path) as Addon
    checkConstants(typeof addon.constants === 'function' ? addon.constants() : {}, 'native', path)
    loaded = addon
    return loaded
  } catch (cause) {
    if (cause instanceof DiffWaveError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DiffWaveError('ENGINE_UNAVAILABLE', `the native engine is not available: ${reason}`, {
      where: path,
      cause,
    })
  }
}

/**
 * Threads that an engine uses by default. `availableParallelism` heeds the process's CPU affinity; `cpus().length`
 * would count cores that it may not use. A function, because the affinity can change while the process runs.
 */
export function availableThreads(): number {
  return availableParallelism()
}
