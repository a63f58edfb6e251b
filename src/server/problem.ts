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
  /** What is wrong, one line for people. */
  readonly detail: string
  /** What would have been right. */
  readonly expected: string
  /** What was found instead. */
  readonly got: string
  /** What to do about it. */
  readonly hint: string
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
  if (error instanceof DiffWaveError) return error.code !== 'ABORTED' && statusOf[error.code] === undefined
  return true
}

/** The problem document of an error. */
export function problemOf(error: unknown): Problem {
  if (error instanceof KnownProblem) return error.problem
  if (error instanceof Refusal) {
    const { expected, got, hint, retryAfter } = error.details
    return problem(error.status, error.code, error.message, { expected, got, hint, retryAfter })
  }
  if (error instanceof DiffWaveError) {
    const { code, message, expected, got, hint } = error
    const status = statusOf[code]
    if (status !== undefined) return problem(status, code, message, { expected, got, hint })
    if (code === 'ABORTED') {
      return problem(503, code, 'The work was stopped before it was done', {
        expected: 'work that goes on to its end',
        got: 'a stop',
        hint: 'Send the request again.',
      })
    }
  }
  return problem(500, 'INTERNAL', 'The service failed to do this', {
    expected: 'a request that the service can answer',
    got: 'a fault of the service',
    hint: 'The log of the service says more under the request’s id.',
  })
}

type More = { readonly [Key in 'expected' | 'got' | 'hint']?: string | undefined } & {
  readonly retryAfter?: number | undefined
}

/** Clauses of errors that have none of their own, by status. */
const usual: Readonly<Record<number, readonly [expected: string, got: string, hint: string]>> = {
  400: ['a request as documented at /docs', 'something else', 'The options of each address are documented at /docs.'],
  413: ['a smaller request', 'a larger one', 'Send shorter audio, or ask for less.'],
  415: [
    'a file of a known format',
    'other bytes',
    'Send the file itself as the body, as curl --data-binary @file does.',
  ],
  422: ['a whole and valid file', 'a damaged or unsuitable one', 'Look at the file with `diffwave inspect`.'],
}
const otherwise = usual[400]!

function problem(status: number, code: Problem['code'], detail: string, more: More): Problem {
  const [expected, got, hint] = usual[status] ?? otherwise
  const line = detail.replaceAll(/\s+/g, ' ')
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: shortClause(line.charAt(0).toUpperCase() + line.slice(1)),
    // Readers quote what they found, which may be nothing.
    expected: shortClause(more.expected || expected),
    got: shortClause(more.got || got),
    hint: shortClause(more.hint || hint),
    ...defined({ retryAfter: more.retryAfter }),
  }
}
