/** The one error type of this package. Callers branch on `code`; people read `message` and `hint`. */
import { isError } from './any-realm.js'
import { defined } from './defined.js'

/** Every code an error of this package can carry. Codes are part of the public API: they are added, never renamed. */
export type ErrorCode =
  // arguments
  | 'BAD_OPTION'
  | 'UNKNOWN_MODEL'
  | 'UNKNOWN_LABEL'
  // files
  | 'FILE_NOT_FOUND'
  | 'NOT_A_FILE'
  | 'NOT_A_DIRECTORY'
  | 'NOT_READABLE'
  | 'NOT_WRITABLE'
  | 'DISK_FULL'
  | 'LOCKED'
  | 'UNSUPPORTED_FORMAT'
  | 'TRUNCATED'
  | 'TOO_LARGE'
  | 'DOWNLOAD_FAILED'
  | 'CORRUPTED'
  | 'BAD_WAV'
  | 'BAD_AUDIO'
  | 'BAD_NPY'
  | 'BAD_ZIP'
  | 'BAD_SAFETENSORS'
  | 'BAD_CHECKPOINT'
  | 'UNSAFE_PICKLE'
  // contents
  | 'NOT_FINITE'
  | 'BAD_SHAPE'
  | 'BAD_MEL'
  | 'MEL_RANGE'
  | 'SAMPLE_RATE_MISMATCH'
  | 'BAD_CONFIG'
  | 'BAD_PARAMETERS'
  | 'BAD_SCHEDULE'
  | 'BAD_DATA'
  // running
  | 'MISSING_PACKAGE'
  | 'REDIS_UNAVAILABLE'
  | 'ENGINE_UNAVAILABLE'
  | 'ENGINE_FAILED'
  | 'DISPOSED'
  | 'PLAYBACK_FAILED'
  | 'DIVERGED'
  | 'ABORTED'

/** What an error says beyond its code. */
export interface ErrorDetails {
  /** What would have been right, as the end of “expected …”. */
  readonly expected?: string
  /** What was found instead, as the end of “got …”. */
  readonly got?: string
  /** The file, option or field concerned. */
  readonly where?: string
  /** What the reader can do about it: one sentence. */
  readonly hint?: string
  /** The error that led to this one. */
  readonly cause?: unknown
}

/**
 * An error of this package: a stable `code`, a one-line message, and often a hint.
 *
 * @example
 * try { await readWav('a.wav') } catch (error) {
 *   if (error instanceof DiffWaveError && error.code === 'TRUNCATED') …
 * }
 */
export class DiffWaveError extends Error {
  /** Always `DiffWaveError`. */
  override readonly name = 'DiffWaveError'
  /** What went wrong, for programs. */
  readonly code: ErrorCode
  /** What is wrong: the clause with which the message begins. */
  readonly problem: string
  /** What would have been right. */
  readonly expected: string | undefined
  /** What was found instead. */
  readonly got: string | undefined
  /** The file, option or field concerned. */
  readonly where: string | undefined
  /** What the reader can do about it: one sentence. */
  readonly hint: string | undefined

  /**
   * @param code what went wrong, for programs
   * @param problem what is wrong, a short clause
   * @param details complete the clause to a message of one line
   */
  constructor(code: ErrorCode, problem: string, details: ErrorDetails = {}) {
    super(composed(problem, details), details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.problem = problem
    this.expected = details.expected
    this.got = details.got
    this.where = details.where
    this.hint = details.hint
  }
}

/** An error as one line: “problem, expected …, got … (where)”. */
export function composed(problem: string, { expected, got, where }: Omit<ErrorDetails, 'hint' | 'cause'>): string {
  const parts = [shortClause(problem)]
  if (expected) parts.push(`expected ${shortClause(expected)}`)
  // A reader of a file quotes the bytes that it found. At the end of the file there are none.
  if (got) parts.push(`got ${shortClause(got)}`)
  return parts.join(', ') + (where === undefined ? '' : ` (${where})`)
}

/** Characters of one clause of a message. */
const MAX_CLAUSE = 400

/** A clause of a message, cut short: names in damaged files can be of any length, and a message stays readable. */
export function shortClause(text: string): string {
  return text.length <= MAX_CLAUSE ? text : `${text.slice(0, MAX_CLAUSE)}…`
}

/** What is wrong with a file, for places that name it themselves. */
export function faultIn(file: string, error: unknown): string {
  if (error instanceof DiffWaveError && error.where === file) {
    return composed(error.problem, defined({ expected: error.expected, got: error.got }))
  }
  return isError(error) ? error.message : String(error)
}

/** The error of work that was stopped. @param cause the signal's reason */
export function abortError(cause?: unknown): DiffWaveError {
  return new DiffWaveError('ABORTED', 'stopped before it was done', { cause })
}

/** Throws `ABORTED` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal.reason)
}
