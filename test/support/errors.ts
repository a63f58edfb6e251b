/** Matchers of errors for tests. */
import { DiffWaveError, type ErrorCode } from '#src/core/errors'

/** Matches an error of this package by its code and, if given, its message. */
export function code(expected: ErrorCode, message = /(?:)/): (error: unknown) => boolean {
  return error => error instanceof DiffWaveError && error.code === expected && message.test(error.message)
}
