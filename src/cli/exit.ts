/** Exit statuses: 0 done, 1 failed, 2 called wrongly, 128 + signal if a signal ended the work. */
import { DiffWaveError, type ErrorCode } from '../core/errors.js'
import { systemCode } from '../core/system-code.js'

export const FAILED = 1
export const CALLED_WRONGLY = 2

/** Statuses of the signals that end the work. */
export const signalStatus = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** Errors that lie in how the command was called, not in what it was given to work on. */
const usage: ReadonlySet<ErrorCode> = new Set(['BAD_OPTION', 'UNKNOWN_MODEL', 'UNKNOWN_LABEL', 'BAD_SCHEDULE'])

export function exitStatus(error: unknown): number {
  return error instanceof DiffWaveError && usage.has(error.code) ? CALLED_WRONGLY : FAILED
}

/** Whether an output was a pipe, named as a file like `/dev/stdout`, and its reader has left. */
export function hasReaderLeft(error: unknown): boolean {
  return error instanceof DiffWaveError && error.code === 'NOT_WRITABLE' && systemCode(error.cause) === 'EPIPE'
}

/** Thrown if some of several inputs failed: each was reported when it did. */
export class SomeFailed extends Error {
  constructor(readonly status: number) {
    super('some inputs failed')
  }
}
