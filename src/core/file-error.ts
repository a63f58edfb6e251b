/** Errors of the file system as typed errors. */
import { dirname } from 'node:path'
import { DiffWaveError } from './errors.js'
import { permissionHint } from './permission.js'
import { firstLine, systemCode } from './system-code.js'

/** Shortens a path for messages. */
function shortPath(path: string): string {
  return path.length <= 100 ? path : `${path.slice(0, 99)}…`
}

/** The error of a path at which a file is and a folder should be. */
export function notADirectory(path: string, cause?: unknown): DiffWaveError {
  return new DiffWaveError('NOT_A_DIRECTORY', 'a file stands where a folder should be', { where: path, cause })
}

/** The error of a path at which a folder is and a file should be. */
export function notAFile(path: string, cause?: unknown): DiffWaveError {
  return new DiffWaveError('NOT_A_FILE', 'a folder stands where a file should be', { where: path, cause })
}

/** Converts an error of the file system to one of ours. */
export function fileError(error: unknown, path: string, doing: 'read' | 'write'): DiffWaveError {
  if (error instanceof DiffWaveError) return error
  const details = { where: path, cause: error }
  const code = doing === 'read' ? 'NOT_READABLE' : 'NOT_WRITABLE'
  switch (systemCode(error)) {
    case 'ENOENT':
      return doing === 'read'
        ? new DiffWaveError('FILE_NOT_FOUND', 'there is no such file or folder', details)
        : new DiffWaveError('NOT_WRITABLE', 'the folder to write into does not exist', details)
    case 'ENOTDIR':
      return notADirectory(path, error)
    case 'EISDIR':
      return notAFile(path, error)
    case 'ENAMETOOLONG':
      return new DiffWaveError(code, 'the name is too long', {
        ...details,
        where: shortPath(path),
        hint: 'Choose a shorter one. Most file systems allow 255 bytes per name, and 4,096 per path.',
      })
    case 'ELOOP':
      return new DiffWaveError(code, 'symbolic links lead in a circle', details)
    case 'ENOSPC':
    case 'EDQUOT':
      return new DiffWaveError('DISK_FULL', 'the disk is full', {
        ...details,
        hint: 'Free some space and try again. A file that was there before is intact.',
      })
    case 'ERR_ACCESS_DENIED':
      return new DiffWaveError(
        code,
        `Node’s permission model does not allow ${doing === 'read' ? 'reading' : 'writing'} the file`,
        {
          ...details,
          // A file is written under another name in its folder first, so the folder must be allowed.
          hint: permissionHint(error, doing === 'write' ? dirname(path) : path),
        },
      )
    default: {
      const done = doing === 'read' ? 'read' : 'written'
      return new DiffWaveError(code, `the file cannot be ${done}: ${firstLine(error)}`, details)
    }
  }
}
