/**
 * Problem documents (RFC 9457): what a client gets for every request that is refused. They hold nothing of the
 * service's insides: no paths, no stacks, no messages of errors that are not meant for clients.
 */
import { STATUS_CODES } from 'node:http'
import { defined } from '../core/defined.js'
import { DiffWaveError, type ErrorCode, shortClause } from '../core/errors.js'
import { Refusal, type ServiceCode } from './refusal.js'

/** The body of a refusal, `application/problem+json`. */
export interface Problem {
  /** `about:blank`: the status says what kind of problem it is, `code` which one. */
  readonly type: 'about:blank'
  /** The status in words. */
  readonly title: string
  readonly status: number
  /** What is wrong, for programs. */
  readonly code: ErrorCode | ServiceCode
  /** What is wrong, one line for people: the clauses that follow, except for the hint. */
  readonly detail: string
  /** The clause with which `detail` begins. */
  readonly problem: string
  /** What would have been right. */
  readonly expected?: string
  /** What was found instead. */
  readonly got?: string
  /** The option or the part of the request concerned. */
  readonly where?: string
  /** What to do about it. */
  readonly hint?: string
  /** Seconds after which trying again makes sense; also in `Retry-After`. */
  readonly retryAfter?: number
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Status of each error that a request can cause. Errors of other codes are faults of the service. */
const statusOf: Readonly<Partial<Record<ErrorCode, number>>> = {
  BAD_OPTION: 400,
  BAD_SCHEDULE: 400,
  UNKNOWN_LABEL: 400,
  UNKNOWN_MODEL: 404,
  TOO_LARGE: 413,
  UNSUPPORTED_FORMAT: 415,
  // An MP3, if its decoder is not installed.
  MISSING_PACKAGE: 415,
  TRUNCATED: 422,
  BAD_WAV: 422,
  BAD_AUDIO: 422,
  BAD_NPY: 422,
  BAD_ZIP: 422,
  BAD_SAFETENSORS: 422,
  BAD_CHECKPOINT: 422,
  UNSAFE_PICKLE: 422,
  NOT_FINITE: 422,
  BAD_SHAPE: 422,
  BAD_MEL: 422,
  MEL_RANGE: 422,
  SAMPLE_RATE_MISMATCH: 422,
  ABORTED: 503,
}

/** A refusal whose problem document was made elsewhere: in a decoder thread, or by a worker on another machine. */
export class KnownProblem extends Error {
  override readonly name = 'KnownProblem'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** Whether an error is a fault of the service, which belongs into its log. */
export function isFault(error: unknown): boolean {
  if (error instanceof KnownProblem) return false
  if (error instanceof Refusal) return error.status >= 500 && error.code !== 'SHUTTING_DOWN'
  if (error instanceof DiffWaveError) return statusOf[error.code] === undefined
  return true
}

/** The problem document of an error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof KnownProblem) return error.problem
  if (error instanceof Refusal) return documentOf(error, error.status)
  if (error instanceof DiffWaveError && !isFault(error)) return documentOf(error, statusOf[error.code]!)
  return documentOf(failed, failed.status)
}

/** The answer to faults: what they say is for the log alone. */
const failed = new Refusal(500, 'INTERNAL', 'the service failed to do this', {
  hint: 'The log of the service says more under the request’s id.',
})

function documentOf(error: DiffWaveError | Refusal, status: number): Problem {
  const { code, message, problem, expected, got, where, hint } = error
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: sentence(message),
    problem: sentence(problem),
    ...defined({
      expected: clause(expected),
      got: clause(got),
      where: clause(where),
      hint: clause(hint),
      retryAfter: error instanceof Refusal ? error.retryAfter : undefined,
    }),
  }
}

/** A text of any length and shape as a line that begins with a capital. */
function sentence(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return shortClause(line.charAt(0).toUpperCase() + line.slice(1))
}

/** A clause as it is sent; none if it is empty. */
function clause(text: string | undefined): string | undefined {
  return text ? shortClause(text) : undefined
}
