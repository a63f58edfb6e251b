/** Exit statuses: 0 done, 1 failed, 2 called wrongly, 128 + signal where a signal ended the work. */
import { DiffWaveError, type ErrorCode } from '../core/errors.js'

/** Errors that lie in how the command was called, not in what it was given to work on. */
const usage: ReadonlySet<ErrorCode> = new Set(['BAD_OPTION', 'UNKNOWN_MODEL', 'UNKNOWN_LABEL', 'BAD_SCHEDULE'])

export function exitStatus(error: unknown): number {
  return error instanceof DiffWaveError && usage.has(error.code) ? 2 : 1
}

/** Thrown where some of several inputs failed: each was reported when it did. */
export class SomeFailed extends Error {
  constructor(readonly status: number) {
    super('some inputs failed')
  }
}
