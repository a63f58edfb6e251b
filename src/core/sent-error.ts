/** Errors between threads. Structured cloning keeps only the message of an error. */
import { defined } from './defined.js'
import { DiffWaveError, type ErrorCode, type ErrorDetails } from './errors.js'

/** An error in the form in which it is sent. Its cause is left out, because it may contain anything. */
export interface SentError {
  readonly code: ErrorCode
  readonly problem: string
  readonly details: Omit<ErrorDetails, 'cause'>
}

/** Converts an error to what can be sent. */
export function sentError({ code, problem, expected, got, where, hint }: DiffWaveError): SentError {
  return { code, problem, details: defined({ expected, got, where, hint }) }
}

/** Converts it back. */
export function receivedError({ code, problem, details }: SentError): DiffWaveError {
  return new DiffWaveError(code, problem, details)
}
