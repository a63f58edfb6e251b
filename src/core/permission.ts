/** Node's permission model (`node --permission`): which flag allows what it refused. */

/** The flag that grants each permission, by Node's name of it. */
const flags: Readonly<Record<string, string>> = {
  FileSystemRead: '--allow-fs-read',
  FileSystemWrite: '--allow-fs-write',
  WorkerThreads: '--allow-worker',
  ChildProcess: '--allow-child-process',
  WASI: '--allow-wasi',
}

/**
 * A sentence that names the flag with which Node allows what it refused.
 * @param path the file concerned, if it is about one
 */
export function permissionHint(error: unknown, path?: string): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_DISABLED') {
    return 'Start Node with --allow-addons.'
  }
  const permission = error instanceof Error && 'permission' in error ? String(error.permission) : ''
  const flag = flags[permission] ?? '--allow-fs-read or --allow-fs-write'
  return `Start Node with ${flag}${flag.includes('-fs-') && path !== undefined ? `=${path}` : ''}.`
}
