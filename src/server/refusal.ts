/** Why a request is refused, if the reason lies in the service and not in the library. */
import { composed, type ErrorDetails } from '../core/errors.js'

/** Codes of the service, beside those of `DiffWaveError`. They are added, never renamed. */
export type ServiceCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'UNKNOWN_JOB'
  | 'UNKNOWN_RUN'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'NOT_READY'
  | 'REQUEST_TIMEOUT'
  | 'LENGTH_REQUIRED'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'HEADERS_TOO_LARGE'
  | 'URI_TOO_LONG'
  | 'TOO_MANY_REQUESTS'
  | 'QUEUE_FULL'
  | 'INTERNAL'
  | 'MODEL_UNAVAILABLE'
  | 'SHUTTING_DOWN'
  | 'WORK_TIMEOUT'
  | 'STORE_UNAVAILABLE'
  | 'NO_WORKER'
  | 'WORKER_LOST'

/** What a refusal says beyond its code. */
export interface RefusalDetails extends ErrorDetails {
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number
}

/** A request that the service refuses. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly code: ServiceCode
  readonly problem: string
  readonly expected: string | undefined
  readonly got: string | undefined
  readonly where: string | undefined
  readonly hint: string | undefined
  readonly retryAfter: number | undefined

  /** @param problem what is wrong, a short clause */
  constructor(status: number, code: ServiceCode, problem: string, details: RefusalDetails = {}) {
    super(composed(problem, details), details.cause === undefined ? undefined : { cause: details.cause })
    this.status = status
    this.code = code
    this.problem = problem
    this.expected = details.expected
    this.got = details.got
    this.where = details.where
    this.hint = details.hint
    this.retryAfter = details.retryAfter
  }
}

/** A hint for requests that the API does not have. */
export const DOCUMENTED = 'The API is documented at /docs.'

/** The refusal of requests to a service that is stopping. */
export function shuttingDown(): Refusal {
  return new Refusal(503, 'SHUTTING_DOWN', 'the service is stopping', {
    hint: 'Send the request to another instance, or again after a restart.',
    retryAfter: 5,
  })
}
