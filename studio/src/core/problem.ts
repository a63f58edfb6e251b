/** Why a request was refused, as the service states it (RFC 9457) or as the page found it. */

/** The clauses of a problem document that a person reads. */
export interface ProblemClauses {
  readonly code: string
  /** What is wrong, and where. */
  readonly title: string
  readonly expected?: string | undefined
  readonly got?: string | undefined
  readonly hint?: string | undefined
}

/** Codes of temporary problems: of the network, and of a service that is busy or restarting. */
const TEMPORARY = new Set([
  'UNREACHABLE',
  'DOWNLOAD_FAILED',
  'QUEUE_FULL',
  'TOO_MANY_REQUESTS',
  'SHUTTING_DOWN',
  'STORE_UNAVAILABLE',
])

export class StudioProblem extends Error implements ProblemClauses {
  override readonly name = 'StudioProblem'
  readonly code: string
  readonly title: string
  readonly expected: string | undefined
  readonly got: string | undefined
  readonly hint: string | undefined

  constructor({ code, title, expected, got, hint }: ProblemClauses) {
    super(title)
    this.code = code
    this.title = title
    this.expected = expected
    this.got = got
    this.hint = hint
  }

  /** Whether the same may work later. */
  get isTemporary(): boolean {
    return TEMPORARY.has(this.code)
  }
}

/** The title of a problem. @param place the file or option concerned */
export function titleOf(problem: string, place: string | undefined): string {
  const title = problem.charAt(0).toUpperCase() + problem.slice(1)
  return place === undefined ? title : `${title} (${place})`
}

/** Codes of requests that are malformed or name something unknown. Their hints are for those who write programs. */
const FOR_PROGRAMS = new Set([
  'BAD_REQUEST',
  'HEADERS_TOO_LARGE',
  'LENGTH_REQUIRED',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'NOT_FOUND',
  'UNKNOWN_JOB',
  'UNKNOWN_MODEL',
  'UNKNOWN_RUN',
  'UNSUPPORTED_MEDIA_TYPE',
  'URI_TOO_LONG',
])

/** What a person can do about a problem, as the service says it. */
function hintOf(code: string, hint: string | undefined, retryAfter: unknown): string | undefined {
  // The hint names the header with the seconds.
  if (typeof retryAfter === 'number') return retryAfter > 1 ? `Try again in ${retryAfter} s.` : 'Try again.'
  return FOR_PROGRAMS.has(code) ? undefined : hint
}

/** A problem document as an error; `null` if the value is not one. */
export function problemOf(value: unknown): StudioProblem | null {
  if (typeof value !== 'object' || value === null) return null
  const clause = (name: string) => {
    const text = (value as Readonly<Record<string, unknown>>)[name]
    return typeof text === 'string' && text !== '' ? text : undefined
  }
  const [code, problem] = [clause('code'), clause('problem')]
  if (code === undefined || problem === undefined) return null
  const title = titleOf(problem, clause('where'))
  const hint = hintOf(code, clause('hint'), (value as Readonly<Record<string, unknown>>)['retryAfter'])
  return new StudioProblem({ code, title, expected: clause('expected'), got: clause('got'), hint })
}

/** Any error as a problem that can be shown. */
export function asProblem(error: unknown): StudioProblem {
  if (error instanceof StudioProblem) return error
  return new StudioProblem({
    code: 'PAGE',
    title: error instanceof Error ? error.message : String(error),
    hint: 'Reload the page and try again.',
  })
}

/** Whether an error only says that the work was stopped on purpose. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
