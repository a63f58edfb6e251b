/** Node's permission model (`node --permission`): which flag allows what it refused. */
import { isError } from './any-realm.js'
import { DiffWaveError } from './errors.js'
import { systemCode } from './system-code.js'

/** The flag that grants each permission, by Node's name of it. */
const flags: Readonly<Record<string, string>> = {
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
  WorkerThreads: '--allow-worker',
  ChildProcess: '--allow-child-process',
  WASI: '--allow-wasi',
}

/** Whether Node's permission model caused an error. */
export function isPermissionError(error: unknown): boolean {
  return ['ERR_ACCESS_DENIED', 'ERR_DLOPEN_DISABLED'].includes(systemCode(error))
}

/** Whether the permission model lets this process start worker threads. */
export function allowsThreads(): boolean {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } }
  return permission?.has('worker') ?? true
}

/**
 * @param purpose what needs worker threads, as the subject of a sentence
 * @throws DiffWaveError `ENGINE_UNAVAILABLE` if the permission model forbids them
 */
export function requireThreads(purpose: string): void {
  if (allowsThreads()) return
  throw new DiffWaveError(
    'ENGINE_UNAVAILABLE',
    `${purpose} is not available: Node’s permission model does not allow worker threads`,
    { hint: `Start Node with ${flags['WorkerThreads']}.` },
  )
}

/**
 * A sentence that names the flag with which Node allows what it refused.
 * @param path the file concerned, if it is about one
 */
export function permissionHint(error: unknown, path?: string): string {
  if (systemCode(error) === 'ERR_DLOPEN_DISABLED') return 'Start Node with --allow-addons.'
  const permission = isError(error) && 'permission' in error ? String(error.permission) : ''
  const flag = flags[permission] ?? '--allow-fs-read or --allow-fs-write'
  return `Start Node with ${flag}${flag.includes('-fs-') && path !== undefined ? `=${path}` : ''}.`
}
