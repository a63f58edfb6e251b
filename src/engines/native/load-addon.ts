/** Where the compiled addon is, and how it is loaded. */
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { DiffWaveError } from '../../core/errors.js'
import { bundleHint } from '../../core/package.js'
import { isPermissionError, permissionHint } from '../../core/permission.js'
import type { Addon } from './addon.js'
import { checkConstants } from './constants.js'
import { nativeTarget } from './target.js'

let loaded: Addon | undefined

/** @throws DiffWaveError `ENGINE_UNAVAILABLE` */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded
  const platform = nativeTarget()
  const path = fileURLToPath(new URL(`../../../prebuilds/${platform}/diffwave.node`, import.meta.url))
  try {
    statSync(path)
  } catch (cause) {
    if (isPermissionError(cause)) throw unavailable('Node’s permission model does not allow reading it', path, cause)
    throw unavailable(`it is not built for ${platform}`, path, cause)
  }
  try {
    const addon = createRequire(import.meta.url)(path) as Addon
    checkConstants(typeof addon.constants === 'function' ? addon.constants() : {}, 'native', path)
    loaded = addon
    return loaded
  } catch (cause) {
    if (cause instanceof DiffWaveError) throw cause
    if (isPermissionError(cause)) throw unavailable('Node’s permission model does not allow addons', path, cause)
    throw unavailable(cause instanceof Error ? cause.message : String(cause), path, cause)
  }
}

function unavailable(reason: string, path: string, cause: unknown): DiffWaveError {
  return new DiffWaveError('ENGINE_UNAVAILABLE', `the native engine is not available: ${reason}`, {
    where: path,
    hint: isPermissionError(cause)
      ? permissionHint(cause, path)
      : (bundleHint() ?? 'With a C++ compiler: `npx diffwave build-native`.'),
    cause,
  })
}

/**
 * Threads that an engine uses by default. `availableParallelism` heeds the process's CPU affinity; `cpus().length`
 * would count cores that it may not use. A function, because the affinity can change while the process runs.
 */
export function availableThreads(): number {
  return availableParallelism()
}
